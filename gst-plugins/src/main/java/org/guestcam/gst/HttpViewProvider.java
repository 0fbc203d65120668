// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code http:[ADDRESS:]PORT}: a page in a browser; {@code guestcam view} makes such endpoints. */
public final class HttpViewProvider implements FrameSinkProvider {
  private static final Pattern WHERE =
      Pattern.compile("(?:(\\[[0-9A-Fa-f:.]+]|[^:/\\[\\]]+):)?(\\d{1,5})");

  @Override
  public String scheme() {
    return "http";
  }

  @Override
  public String usage() {
    return "http:[ADDRESS:]PORT - a page for browsers, at 127.0.0.1 unless told";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    Matcher where = WHERE.matcher(endpoint.rest());
    int port = where.matches() ? Integer.parseInt(where.group(2)) : 0;
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException(
          "'" + endpoint.rest() + "' is no [ADDRESS:]PORT to listen on: " + usage());
    }
    InetAddress address;
    try {
      address = InetAddress.getByName(where.group(1) == null ? "127.0.0.1" : where.group(1));
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("there is no address '" + where.group(1) + "'", e);
    }
    GStreamer.require();
    GStreamer.requireElement("jpegenc");
    return PipelineSink.open(new HttpView(new InetSocketAddress(address, port)));
  }
}
