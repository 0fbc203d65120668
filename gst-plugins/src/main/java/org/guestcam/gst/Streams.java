// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;

/**
 * Live streams: one provider for each scheme of a URL. All carry H.264 without look-ahead, with a
 * key picture every two seconds, so that a viewer who comes late soon sees something.
 */
abstract class Streams implements FrameSinkProvider {
  /** Key pictures are that far apart, in frames: two seconds of the usual rate. */
  private static final int KEY_DISTANCE = 60;

  /**
   * H.264 as RTP. The parser repeats the parameter sets before key pictures: where the payloader
   * does (in 1.22, config-interval=-1), it marks the end of a picture behind its first slice.
   */
  static final String PAYLOADER = "rtph264pay pt=96";

  private final String scheme;
  private final String usage;
  private final List<String> elements;

  private Streams(String scheme, String usage, String... elements) {
    this.scheme = scheme;
    this.usage = usage;
    this.elements = List.of(elements);
  }

  /** To a server that takes recordings: MediaMTX, for example. */
  public static final class Rtsp extends Streams {
    /** For ServiceLoader. */
    public Rtsp() {
      super(
          "rtsp",
          "rtsp://HOST[:PORT]/PATH - to an RTSP server that takes streams (RECORD)",
          "rtspclientsink");
    }

    @Override
    String sink(URI url) {
      return "rtspclientsink protocols=tcp latency=0 location=" + url;
    }
  }

  /** MPEG-TS over SRT. */
  public static final class Srt extends Streams {
    /** For ServiceLoader. */
    public Srt() {
      super(
          "srt",
          "srt://HOST:PORT[?mode=listener] - MPEG-TS by SRT, as caller or listener",
          "mpegtsmux",
          "srtsink");
    }

    @Override
    void requireTarget(URI url) {
      // srt://:7001 listens on all addresses, and is no host in the sense of a URI.
      if (url.getRawAuthority() == null || !url.getRawAuthority().matches(".*:\\d{1,5}")) {
        throw new IllegalArgumentException("'" + url + "' names no port: " + usage());
      }
    }

    @Override
    String sink(URI url) {
      // A caller that is refused is told so at once instead of trying for ever.
      return "mpegtsmux alignment=7 ! srtsink wait-for-connection=false auto-reconnect=false uri=\""
          + url
          + "\"";
    }
  }

  /** RTP over UDP, without a session protocol. */
  public static final class Rtp extends Streams {
    /** For ServiceLoader. */
    public Rtp() {
      super(
          "rtp", "rtp://HOST:PORT - RTP (H.264, payload type 96) by UDP", "rtph264pay", "udpsink");
    }

    @Override
    String sink(URI url) {
      if (url.getPort() < 0) {
        throw new IllegalArgumentException(
            "'" + url + "' names no port, as in rtp://127.0.0.1:5004");
      }
      return PAYLOADER + " ! udpsink sync=false host=" + url.getHost() + " port=" + url.getPort();
    }
  }

  /** A server's WHIP endpoint. */
  public static final class Whip extends Streams {
    /** For ServiceLoader. */
    public Whip() {
      super("whip", "whip://HOST[:PORT]/PATH - to a WebRTC server, by WHIP", "whipclientsink");
    }

    @Override
    String sink(URI url) {
      return "whipclientsink signaller::whip-endpoint=http"
          + url.toString().substring("whip".length());
    }

    @Override
    boolean encodesItself() {
      return true;
    }
  }

  /** Files that any web server can hand out. */
  public static final class Hls extends Streams {
    /** For ServiceLoader. */
    public Hls() {
      super(
          "hls",
          "hls:/DIRECTORY - a playlist and segments of two seconds, for a web server or a browser",
          "hlssink2");
    }

    @Override
    boolean needsItsEnd() {
      return true;
    }

    @Override
    void requireTarget(URI url) {
      String directory = url.getSchemeSpecificPart();
      if (!Files.isDirectory(Path.of(directory))) {
        throw new IllegalArgumentException("there is no directory " + directory + ": " + usage());
      }
    }

    @Override
    String sink(URI url) {
      String directory = url.getSchemeSpecificPart();
      return "hlssink2 target-duration=2 max-files=8 playlist-length=5 send-keyframe-requests=true playlist-location=\""
          + directory
          + "/live.m3u8\" location=\""
          + directory
          + "/live%05d.ts\"";
    }
  }

  /** The elements behind the parser. */
  abstract String sink(URI url);

  /** Whether something stays behind that wants an end: a server that hangs shall hold up nobody. */
  boolean needsItsEnd() {
    return false;
  }

  /** Whether the sink has encoders of its own. */
  boolean encodesItself() {
    return false;
  }

  @Override
  public String scheme() {
    return scheme;
  }

  @Override
  public String usage() {
    return usage;
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    URI url;
    try {
      url = new URI(endpoint.toString());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("'" + endpoint + "' is no URL: " + e.getReason(), e);
    }
    requireTarget(url);
    GStreamer.require();
    for (String element : elements) {
      GStreamer.requireElement(element);
    }
    String tail = sink(url);
    String encoder = encodesItself() ? "" : h264(options.milliHertz());
    return PipelineSink.open(
        new Plan(endpoint.toString(), encoder + tail, options.milliHertz(), needsItsEnd()));
  }

  /** Refuses a URL that says too little. */
  void requireTarget(URI url) {
    if (url.getHost() == null) {
      throw new IllegalArgumentException("'" + url + "' names no host: " + usage);
    }
  }

  /**
   * Conversion and encoder in front of what carries H.264. An encoder that is too slow loses
   * pictures, not time.
   */
  static String h264(int milliHertz) throws HostLacksException {
    Encoder chosen = Encoder.choose(null, "mp4");
    if (!chosen.isH264()) {
      throw new HostLacksException(
          "streams carry H.264, and no encoder for it is installed: sudo apt-get install"
              + " gstreamer1.0-plugins-ugly (x264)");
    }
    int distance = milliHertz == 0 ? KEY_DISTANCE : Math.max(1, milliHertz * 2 / 1000);
    return Encoder.conversion()
        + "video/x-raw,"
        + chosen.format()
        + " ! queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 leaky=downstream ! "
        + chosen.pipeline().replace("key-int-max=300", "key-int-max=" + distance)
        + " ! ";
  }

  private record Plan(String description, String text, int milliHertz, boolean needsItsEnd)
      implements PipelineSink.Plan {
    @Override
    public String pipeline(FrameLayout first, int part) {
      return text;
    }

    @Override
    public boolean startsAnew() {
      return false;
    }

    @Override
    public long patienceNanos() {
      return needsItsEnd ? PipelineSink.Plan.super.patienceNanos() : 0;
    }

    @Override
    public IOException explain(IOException failure) {
      return new IOException(
          "the stream to " + description + " ended: " + failure.getMessage(), failure);
    }
  }
}
