// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code v4l2:/dev/videoN}, {@code v4l2:/dev/videoN?fourcc=BGR4}. */
public final class VideoOutputProvider implements FrameSinkProvider {
  @Override
  public String scheme() {
    return "v4l2";
  }

  @Override
  public String usage() {
    return "v4l2:/dev/videoN[?fourcc=CODE] - a V4L2 output or loopback device, under this V4L2 fourcc";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    Map<String, String> parameters = endpoint.parameters(Set.of("fourcc"));
    if (!endpoint.path().startsWith("/")) {
      throw new IllegalArgumentException(
          "'" + endpoint + "' names no device; write the whole path, as in v4l2:/dev/video10");
    }
    String fourcc = parameters.get("fourcc");
    return VideoOutput.open(
        Path.of(endpoint.path()), options, fourcc == null ? 0 : Fourcc.of(fourcc));
  }
}
