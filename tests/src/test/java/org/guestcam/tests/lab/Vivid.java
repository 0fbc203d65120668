// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.guestcam.frame.PixelFormat;
import org.guestcam.v4l2.DeviceProbe;

/**
 * The kernel's vivid driver with its HDMI output looped into its HDMI input: what the one takes, an
 * unmodified program reads from the other.
 *
 * @param output the node that guestcam feeds
 * @param capture the node that readers open
 */
record Vivid(Path output, Path capture) {
  private static final Path CLASS = Path.of("/sys/class/video4linux");

  /** Finds the nodes and connects them. */
  static Vivid connected() {
    Vivid vivid = new Vivid(node("vid-out"), node("vid-cap"));
    vivid.connect();
    return vivid;
  }

  private void connect() {
    Command.run(
        "v4l2-ctl",
        "-d",
        capture.toString(),
        "-c",
        "hdmi_000_0_is_connected_to=2",
        "-c",
        "osd_text_mode=2");
  }

  private static Path node(String part) {
    try (Stream<Path> nodes = Files.list(CLASS)) {
      List<Path> found =
          nodes.filter(node -> name(node).contains("vivid") && name(node).contains(part)).toList();
      if (found.size() != 1) {
        throw new AssertionError("vivid has no single " + part + " node: " + found);
      }
      return Path.of("/dev").resolve(found.getFirst().getFileName());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String name(Path node) {
    try {
      return Files.readString(node.resolve("name"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The endpoint of its output. */
  String sink() {
    return "v4l2:" + output;
  }

  boolean isMultiplanar() {
    return DeviceProbe.of(output).multiplanar();
  }

  /** {@link #followTimings}, and waits for the test picture. */
  void follow(String fourcc, PixelFormat format, int width, int height) {
    followTimings(fourcc);
    try {
      Recording.awaitPicture(capture, format, width, height);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "\n" + state(output) + state(capture), e);
    }
  }

  /** What the driver says of a node: its format, timings, inputs and controls. */
  private static String state(Path node) {
    return Command.of("v4l2-ctl", "-d", node.toString(), "--all", "--log-status").output();
  }

  /**
   * Gives the capture side the output's display timings and format: vivid's input does not find
   * them out by itself, and scales what does not fit. Connects it once more too: with Linux 7.2 it
   * was found disconnected again, once in many runs; what does that is not known.
   */
  void followTimings(String fourcc) {
    connect();
    Map<String, String> timings =
        Command.run("v4l2-ctl", "-d", output.toString(), "--get-dv-timings")
            .lines()
            .filter(line -> line.contains(": "))
            .map(line -> line.strip().split(": ", 2))
            .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1], (a, b) -> a));
    Command.run(
        "v4l2-ctl",
        "-d",
        capture.toString(),
        "--set-dv-bt-timings",
        "clear,width="
            + timings.get("Active width")
            + ",height="
            + timings.get("Active height")
            + ",interlaced=0,polarities=2"
            + ",pixelclock="
            + timings.get("Pixelclock").split(" ", 2)[0]
            + ",hfp="
            + timings.get("Horizontal frontporch")
            + ",hs="
            + timings.get("Horizontal sync")
            + ",hbp="
            + timings.get("Horizontal backporch")
            + ",vfp="
            + timings.get("Vertical frontporch")
            + ",vs="
            + timings.get("Vertical sync")
            + ",vbp="
            + timings.get("Vertical backporch"));
    Command.run("v4l2-ctl", "-d", capture.toString(), "-v", "pixelformat=" + fourcc);
  }
}
