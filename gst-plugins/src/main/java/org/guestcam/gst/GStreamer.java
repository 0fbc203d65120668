// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import com.sun.jna.Pointer;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.freedesktop.gstreamer.Element;
import org.freedesktop.gstreamer.ElementFactory;
import org.freedesktop.gstreamer.Gst;
import org.freedesktop.gstreamer.GstException;
import org.freedesktop.gstreamer.Pipeline;
import org.freedesktop.gstreamer.Version;
import org.freedesktop.gstreamer.glib.Natives;
import org.guestcam.frame.HostLacksException;
import org.guestcam.gst.ffi.PipelineParser;

/** GStreamer as it is installed here: its version, its elements, its pipeline language. */
final class GStreamer {
  /** Where an element comes from, for those that people ask for most. */
  private static final Map<String, String> PACKAGES =
      Map.ofEntries(
          Map.entry("x264enc", "gstreamer1.0-plugins-ugly"),
          Map.entry("openh264enc", "gstreamer1.0-plugins-bad"),
          Map.entry("svtav1enc", "gstreamer1.0-plugins-bad, of Debian 13 or newer"),
          Map.entry("h264parse", "gstreamer1.0-plugins-bad"),
          Map.entry("av1parse", "gstreamer1.0-plugins-bad"),
          Map.entry("hlssink2", "gstreamer1.0-plugins-bad"),
          Map.entry("srtsink", "gstreamer1.0-plugins-bad"),
          Map.entry("mpegtsmux", "gstreamer1.0-plugins-bad"),
          Map.entry("kmssink", "gstreamer1.0-plugins-bad"),
          Map.entry("waylandsink", "gstreamer1.0-plugins-bad"),
          Map.entry("vah264enc", "gstreamer1.0-plugins-bad, and a VA driver"),
          Map.entry("glimagesink", "gstreamer1.0-gl"),
          Map.entry("glupload", "gstreamer1.0-gl"),
          Map.entry("vp8enc", "gstreamer1.0-plugins-good"),
          Map.entry("matroskamux", "gstreamer1.0-plugins-good"),
          Map.entry("mp4mux", "gstreamer1.0-plugins-good"),
          Map.entry("splitmuxsink", "gstreamer1.0-plugins-good"),
          Map.entry("avenc_ffv1", "gstreamer1.0-libav"),
          Map.entry("rtspclientsink", "gstreamer1.0-rtsp"),
          Map.entry("jpegenc", "gstreamer1.0-plugins-good"),
          Map.entry("rtph264pay", "gstreamer1.0-plugins-good"),
          Map.entry("pipewiresink", "gstreamer1.0-pipewire"),
          Map.entry("unixfdsink", "gstreamer1.0-plugins-bad, of Debian 13 or newer"),
          Map.entry(
              "whipclientsink", "the plug-in rswebrtc of gst-plugins-rs, which Debian has not"),
          Map.entry("whipsink", "the plug-in webrtchttp of gst-plugins-rs, which Debian has not"));

  private static final Pattern NO_ELEMENT = Pattern.compile("no element \"([^\"]+)\"");

  private GStreamer() {}

  /**
   * Initialises GStreamer once.
   *
   * @throws HostLacksException where it is not installed, or older than 1.20
   */
  static synchronized void require() throws HostLacksException {
    if (Gst.isInitialized()) {
      return;
    }
    try {
      Gst.init(Version.of(1, 20), "guestcam");
    } catch (GstException | LinkageError e) {
      throw new HostLacksException(
          "GStreamer 1.20 or newer is missing: sudo apt-get install gstreamer1.0-tools"
              + " gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
          e);
    }
  }

  /** Whether dma-bufs are described by format=DMA_DRM, as from 1.24 on. */
  static boolean hasDmaDrm() {
    // Not testVersion: that goes by the version that init() asked for.
    Version installed = Gst.getVersion();
    return installed.getMajor() > 1 || installed.getMinor() >= 24;
  }

  /** Whether there is an element of this name. */
  static boolean has(String element) {
    ElementFactory factory;
    try {
      factory = ElementFactory.find(element);
    } catch (IllegalArgumentException e) {
      return false;
    }
    if (factory == null) {
      return false;
    }
    factory.dispose();
    return true;
  }

  /**
   * Refuses where an element is not installed.
   *
   * @throws HostLacksException naming it and the package that has it
   */
  static void requireElement(String element) throws HostLacksException {
    if (!has(element)) {
      throw missing(element);
    }
  }

  private static HostLacksException missing(String element) {
    String origin = PACKAGES.get(element);
    return new HostLacksException(
        "GStreamer has no element '"
            + element
            + "' here; "
            + (origin == null
                ? "check its name with 'gst-inspect-1.0', or install the package that has it"
                    + " ('apt-cache search gstreamer1.0-')"
                : "it comes with " + origin));
  }

  /**
   * Makes a pipeline of a description.
   *
   * @return what the caller owns and disposes of
   * @throws IllegalArgumentException where the description is wrong, with GStreamer's words
   * @throws HostLacksException where an element is missing
   */
  static Pipeline parse(String description) throws HostLacksException {
    String problem;
    try {
      Element parsed =
          Natives.callerOwnsReturn(new Pointer(PipelineParser.parse(description)), Element.class);
      if (parsed instanceof Pipeline pipeline) {
        return pipeline;
      }
      parsed.dispose();
      problem = "it is a single element";
    } catch (PipelineParser.ParseException e) {
      problem = e.getMessage();
    }
    Matcher noElement = NO_ELEMENT.matcher(problem);
    if (noElement.find()) {
      throw missing(noElement.group(1));
    }
    throw new IllegalArgumentException(
        "GStreamer cannot make a pipeline of '" + description + "': " + problem);
  }
}
