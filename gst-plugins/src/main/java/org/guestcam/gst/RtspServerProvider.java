// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;

/** {@code rtsp-server:[ADDRESS:]PORT/NAME}: guestcam is the server. */
public final class RtspServerProvider implements FrameSinkProvider {
  private static final Pattern WHERE =
      Pattern.compile("(?:(\\[[0-9A-Fa-f:.]+]|[^:/\\[\\]]+):)?(\\d{1,5})(/[\\w.~/-]+)");

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
    if (!where.matches() || port(where) < 1 || port(where) > 65535) {
      throw new IllegalArgumentException(
          "'" + endpoint + "' does not say where to listen: " + usage());
    }
    String address = where.group(1) == null ? "127.0.0.1" : where.group(1);
    GStreamer.require();
    GStreamer.requireElement("rtph264pay");
    String pipeline = Streams.h264(options.milliHertz()) + Streams.PAYLOADER + " name=pay0";
    try {
      return new RtspServerSink(
          address.replaceAll("[\\[\\]]", ""),
          port(where),
          where.group(3),
          pipeline,
          options.milliHertz());
    } catch (LinkageError e) {
      throw new HostLacksException(
          "GStreamer's RTSP server is missing: sudo apt-get install libgstrtspserver-1.0-0", e);
    }
  }

  private static int port(Matcher where) {
    return Integer.parseInt(where.group(2));
  }
}
