// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import java.io.IOException;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code unixfd:/run/guestcam/vm1.video}: for unixfdsrc of GStreamer in any process. */
public final class UnixFdSinkProvider implements FrameSinkProvider {
  @Override
  public String scheme() {
    return "unixfd";
  }

  @Override
  public String usage() {
    return "unixfd:/PATH - a socket for 'unixfdsrc socket-path=/PATH' of GStreamer 1.24 or newer";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    if (!endpoint.rest().startsWith("/") && !endpoint.rest().startsWith("@")) {
      throw new IllegalArgumentException(
          "'" + endpoint + "' names no socket; write the whole path, as in unixfd:/tmp/vm1.video");
    }
    return UnixFdSink.open(endpoint.rest(), options.milliHertz());
  }
}
