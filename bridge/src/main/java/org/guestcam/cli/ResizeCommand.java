// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.Providers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code guestcam resize}: asks a guest for another size of its display. */
@Command(
    name = "resize",
    mixinStandardHelpOptions = true,
    description =
        "Ask the guest of SOURCE to make its display WIDTHxHEIGHT pixels. It follows if it has a"
            + " driver that hears of it (virtio-gpu, QXL) and a desktop that obeys.",
    footerHeading = "%nExamples:%n",
    footer = {"  guestcam resize qemu:myguest 1920x1080"})
final class ResizeCommand implements Callable<Integer> {
  private static final Pattern SIZE = Pattern.compile("([1-9][0-9]{0,4})x([1-9][0-9]{0,4})");

  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(index = "1", paramLabel = "WIDTHxHEIGHT", description = "In pixels.")
  private String size;

  @Override
  public Integer call() throws IOException {
    Matcher matcher = SIZE.matcher(size);
    if (!matcher.matches()) {
      throw wrong("'" + size + "' is no size as 1920x1080");
    }
    int width = Integer.parseInt(matcher.group(1));
    int height = Integer.parseInt(matcher.group(2));
    if (width > FrameLayout.MAX_SIDE || height > FrameLayout.MAX_SIDE) {
      throw wrong(size + " is more than " + FrameLayout.MAX_SIDE + " pixels a side");
    }
    try {
      Endpoint endpoint = Endpoint.parse(source);
      Providers.source(endpoint).resize(endpoint, width, height);
    } catch (IllegalArgumentException e) {
      throw wrong("SOURCE: " + e.getMessage());
    }
    return ExitCode.DONE;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
