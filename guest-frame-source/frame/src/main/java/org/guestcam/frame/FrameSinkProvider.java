// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;

/** Makes sinks of one scheme; found by {@link java.util.ServiceLoader}. */
public interface FrameSinkProvider {
  /**
   * What the bridge wants of any sink.
   *
   * @param requireZeroCopy refuse frames rather than copy pixels
   * @param milliHertz the rate to announce, frames in 1000 seconds; 0 for no wish
   */
  record Options(boolean requireZeroCopy, int milliHertz) {}

  /** The scheme of its endpoints. */
  String scheme();

  /** For people: how an endpoint is written, and what it does; one line. */
  String usage();

  /**
   * Makes a sink that has seen no frame yet.
   *
   * @throws IllegalArgumentException where the endpoint is written wrongly
   * @throws IOException where the host lacks something
   */
  FrameSink open(Endpoint endpoint, Options options) throws IOException;
}
