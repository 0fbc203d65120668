// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.SinkRefusedException;

/**
 * {@code pipewire:NAME}: a camera of the desktop, without a kernel module, for OBS, browsers and
 * portals. GStreamer's pipewiresink offers it ("provide mode"); it copies each picture into
 * PipeWire's own memory when somebody looks at it, and drops it otherwise.
 */
public final class PipeWireProvider implements FrameSinkProvider {
  private static final String ELEMENT = "pipewiresink";
  private static final String DEFAULT_NAME = "guestcam";

  /** No quotes and commas: the name stands within a structure within a pipeline. */
  private static final String NAME = "[\\p{L}\\p{N} ()._+-]{1,100}";

  @Override
  public String scheme() {
    return "pipewire";
  }

  @Override
  public String usage() {
    return "pipewire:[NAME] - a camera of the desktop, by PipeWire; no kernel module";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    String name = endpoint.rest().isEmpty() ? DEFAULT_NAME : endpoint.rest();
    if (!name.matches(NAME)) {
      throw new IllegalArgumentException(
          "'" + name + "' is no name for a camera: letters, digits, blanks and ().-_+ are");
    }
    GStreamer.require();
    GStreamer.requireElement(ELEMENT);
    if (options.requireZeroCopy()) {
      throw new HostLacksException(
          "pipewire: copies each picture that somebody looks at, for pipewiresink has memory of"
              + " its own; unixfd: and v4l2: need not");
    }
    requireDaemon(System.getenv());
    return PipelineSink.open(new Camera(name, options.milliHertz()));
  }

  /**
   * Looks for PipeWire's socket where its library looks.
   *
   * @throws HostLacksException where there is none
   */
  static void requireDaemon(Map<String, String> environment) throws HostLacksException {
    String remote = environment.getOrDefault("PIPEWIRE_REMOTE", "pipewire-0");
    String directory =
        environment.getOrDefault("PIPEWIRE_RUNTIME_DIR", environment.get("XDG_RUNTIME_DIR"));
    if (directory == null && !remote.startsWith("/")) {
      throw new HostLacksException(
          "no PipeWire can be found, for XDG_RUNTIME_DIR is not set; run guestcam as the user of"
              + " the desktop");
    }
    Path socket = remote.startsWith("/") ? Path.of(remote) : Path.of(directory, remote);
    if (Files.notExists(socket)) {
      throw new HostLacksException(
          "no PipeWire runs here (there is no "
              + socket
              + "): sudo apt-get install pipewire wireplumber, then"
              + " systemctl --user start pipewire wireplumber");
    }
  }

  /** What node a reader looks for. */
  static String nodeName(String name) {
    return name.equals(DEFAULT_NAME)
        ? DEFAULT_NAME
        : DEFAULT_NAME + "." + name.replaceAll("[^A-Za-z0-9._-]", "-");
  }

  private record Camera(String name, int milliHertz) implements PipelineSink.Plan {
    @Override
    public String description() {
      return "pipewire:" + name;
    }

    @Override
    public String pipeline(FrameLayout first, int part) {
      // Portals offer what has the role of a camera. A source that asks pipewiresink for memory
      // makes its pool begin with buffers of no size (0.3.65), so nobody asks.
      return "identity drop-allocation=true silent=true ! "
          + ELEMENT
          + " mode=provide sync=false enable-last-sample=false"
          + " stream-properties=\"properties,media.class=(string)Video/Source,"
          + "media.role=(string)Camera,node.name=(string)"
          + nodeName(name)
          + ",node.description=(string)\\\""
          + name
          + "\\\"\"";
    }

    /** It announces its size once. */
    @Override
    public boolean startsAnew() {
      return true;
    }

    @Override
    public void requireLayout(FrameLayout layout) throws SinkRefusedException {
      if (!VideoCaps.isDefault(layout)) {
        throw new SinkRefusedException(
            "pipewiresink knows no strides, and the guest's rows are padded ("
                + layout
                + "); --format with another format packs them, as --format "
                + (layout.format().gstreamer().equals("BGRx") ? "BGRA" : "BGRx"));
      }
    }

    @Override
    public String note() {
      return ", copied by " + ELEMENT;
    }

    /** There is nothing to be finished: who looks has the picture already. */
    @Override
    public long patienceNanos() {
      return 0;
    }

    /** PipeWire 1.4's pipewiresink fails when who looked has gone; another may come. */
    @Override
    public boolean goesOn(IOException failure) {
      return String.valueOf(failure.getMessage()).contains("all buffers have been removed");
    }

    @Override
    public IOException explain(IOException failure) {
      return String.valueOf(failure.getMessage()).contains("Failed to connect")
          ? new HostLacksException("PipeWire does not let guestcam in", failure)
          : failure;
    }
  }
}
