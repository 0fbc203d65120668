// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

/** GStreamer's tools: the demo records with them. */
public final class GStreamerCheck implements Check {
  private static final String PART = "GStreamer";
  private static final String TOOL = "gst-launch-1.0";

  @Override
  public Finding look(Host host) {
    return host.program(TOOL)
        .map(tool -> Finding.ok(PART, tool + ", " + version(host.firstLine(tool, "--version")), ""))
        .orElseGet(
            () ->
                Finding.missing(
                    PART,
                    "no " + TOOL + " on the PATH",
                    "Needed only to look at a camera with GStreamer, as the demo does.",
                    "sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base"
                        + " gstreamer1.0-plugins-good"));
  }

  private static String version(String line) {
    return line.isEmpty() ? "which does not tell its version" : line;
  }
}
