// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** GStreamer's tools, with which the demo records, and the plug-ins that other commands use. */
public final class GStreamerCheck implements Check {
  private static final String PART = "GStreamer";
  private static final String TOOL = "gst-launch-1.0";
  private static final String APT = "sudo apt-get install ";

  /** Where distributions have libraries, and plug-ins in gstreamer-1.0 below. */
  private static final List<String> LIBRARIES =
      List.of("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib");

  /**
   * A file that is there when a package is.
   *
   * @param file below one of {@link #LIBRARIES}
   * @param use what wants it
   * @param debian the package
   */
  private record Plugin(String file, String use, String debian) {}

  private static final List<Plugin> PLUGINS =
      List.of(
          plugin("x264", "record and stream as H.264 in software", "gstreamer1.0-plugins-ugly"),
          plugin("matroska", "record into mkv and webm", "gstreamer1.0-plugins-good"),
          plugin("jpeg", "view", "gstreamer1.0-plugins-good"),
          plugin("videoparsersbad", "record and stream H.264", "gstreamer1.0-plugins-bad"),
          plugin("srt", "stream srt:", "gstreamer1.0-plugins-bad"),
          plugin("hls", "stream hls:", "gstreamer1.0-plugins-bad"),
          plugin("rtspclientsink", "stream rtsp:", "gstreamer1.0-rtsp"),
          new Plugin("libgstrtspserver-1.0.so.0", "stream rtsp-server:", "libgstrtspserver-1.0-0"),
          plugin("libav", "record without loss (ffv1)", "gstreamer1.0-libav"),
          plugin("pipewire", "run SOURCE pipewire:", "gstreamer1.0-pipewire"));

  private static Plugin plugin(String name, String use, String debian) {
    return new Plugin("gstreamer-1.0/libgst" + name + ".so", use, debian);
  }

  @Override
  public Finding look(Host host) {
    return host.program(TOOL)
        .map(tool -> plugins(host, tool))
        .orElseGet(
            () ->
                Finding.missing(
                    PART,
                    "no " + TOOL + " on the PATH",
                    "Needed to record and to stream, and to look at a camera with GStreamer, as the"
                        + " demo does.",
                    APT
                        + "gstreamer1.0-tools gstreamer1.0-plugins-base"
                        + " gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
                        + " gstreamer1.0-plugins-ugly"));
  }

  private static Finding plugins(Host host, Path tool) {
    String found = tool + ", " + version(host.firstLine(tool, "--version"));
    Optional<String> libraries =
        LIBRARIES.stream()
            .filter(directory -> host.exists(directory + "/gstreamer-1.0"))
            .findFirst();
    List<String> uses = new ArrayList<>();
    TreeSet<String> packages = new TreeSet<>();
    for (Plugin plugin : libraries.isEmpty() ? List.<Plugin>of() : PLUGINS) {
      if (!host.exists(libraries.get() + "/" + plugin.file)) {
        uses.add(plugin.use);
        packages.add(plugin.debian);
      }
    }
    return uses.isEmpty()
        ? Finding.ok(PART, found, "")
        : Finding.limited(
            PART,
            found,
            "Plug-ins are missing for: " + String.join("; ", uses) + ".",
            APT + String.join(" ", packages));
  }

  private static String version(String line) {
    return line.isEmpty() ? "which does not tell its version" : line;
  }
}
