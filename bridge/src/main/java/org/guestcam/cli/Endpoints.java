// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Providers;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * Opens what a user named on the command line. What is written wrongly is wrong usage (exit code
 * 2): no other IllegalArgumentException is taken for that.
 */
final class Endpoints {
  private final CommandSpec command;

  /** For the arguments of {@code command}. */
  Endpoints(CommandSpec command) {
    this.command = command;
  }

  /** A source that has not begun; the caller owns it. */
  FrameSource source(String text) throws IOException {
    try {
      Endpoint endpoint = Endpoint.parse(text);
      return Providers.source(endpoint).open(endpoint);
    } catch (IllegalArgumentException e) {
      throw wrong("SOURCE", e);
    }
  }

  /** Refuses an endpoint that no sink is for, without opening it. */
  void requireSink(String text) {
    try {
      Providers.sink(Endpoint.parse(text));
    } catch (IllegalArgumentException e) {
      throw wrong("SINK", e);
    }
  }

  /** A sink that has seen no frame; the caller owns it. */
  FrameSink sink(String text, FrameSinkProvider.Options options) throws IOException {
    try {
      Endpoint endpoint = Endpoint.parse(text);
      return Providers.sink(endpoint).open(endpoint, options);
    } catch (IllegalArgumentException e) {
      throw wrong("SINK", e);
    }
  }

  private ParameterException wrong(String which, IllegalArgumentException e) {
    return new ParameterException(command.commandLine(), which + ": " + e.getMessage(), e);
  }
}
