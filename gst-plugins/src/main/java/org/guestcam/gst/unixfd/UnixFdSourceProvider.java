// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;

/** {@code unixfd:/PATH}: any program that shares pictures as GStreamer's unixfdsink does. */
public final class UnixFdSourceProvider implements FrameSourceProvider {
  @Override
  public String scheme() {
    return "unixfd";
  }

  @Override
  public String usage() {
    return "unixfd:/PATH - a program that shares pictures with 'unixfdsink socket-path=/PATH'";
  }

  @Override
  public List<String> available() {
    return List.of();
  }

  @Override
  public FrameSource open(Endpoint endpoint) {
    if (!endpoint.rest().startsWith("/") && !endpoint.rest().startsWith("@")) {
      throw new IllegalArgumentException(
          "'" + endpoint + "' names no socket; write the whole path, as in unixfd:/tmp/vm1.video");
    }
    return new UnixFdSource(endpoint.rest());
  }
}
