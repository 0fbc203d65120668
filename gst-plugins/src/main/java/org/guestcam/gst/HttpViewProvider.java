// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code http:[ADDRESS:]PORT}: a page in a browser; {@code guestcam view} makes such endpoints. */
public final class HttpViewProvider implements FrameSinkProvider {
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
    ListenAddress where =
        ListenAddress.of(endpoint.rest())
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "'" + endpoint.rest() + "' is no [ADDRESS:]PORT to listen on: " + usage()));
    InetAddress address;
    try {
      address = InetAddress.getByName(where.host());
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("there is no address '" + where.host() + "'", e);
    }
    GStreamer.require();
    GStreamer.requireElement("jpegenc");
    return PipelineSink.open(new HttpView(new InetSocketAddress(address, where.port())));
  }
}
