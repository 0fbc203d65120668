// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;

/** {@code rtsp-server:[ADDRESS:]PORT/NAME}: guestcam is the server. */
public final class RtspServerProvider implements FrameSinkProvider {
  private static final Pattern WHERE = Pattern.compile("([^/]*)(/[\\w.~/-]+)");

  @Override
  public String scheme() {
    return "rtsp-server";
  }

  @Override
  public String usage() {
    return "rtsp-server:[ADDRESS:]PORT/NAME - an RTSP server of its own, at 127.0.0.1 unless told";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    Matcher where = WHERE.matcher(endpoint.rest());
    ListenAddress address =
        (where.matches() ? ListenAddress.of(where.group(1)) : Optional.<ListenAddress>empty())
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "'" + endpoint + "' does not say where to listen: " + usage()));
    GStreamer.require();
    GStreamer.requireElement("rtph264pay");
    String pipeline = Streams.h264(options.milliHertz()) + Streams.PAYLOADER + " name=pay0";
    try {
      return new RtspServerSink(
          address.host(), address.port(), where.group(2), pipeline, options.milliHertz());
    } catch (LinkageError e) {
      throw new HostLacksException(
          "GStreamer's RTSP server is missing: sudo apt-get install libgstrtspserver-1.0-0", e);
    }
  }
}
