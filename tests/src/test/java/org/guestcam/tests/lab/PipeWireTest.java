// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code pipewire:}, and a reader as every program of a desktop is one. */
@Tag("gst")
@Timeout(600)
class PipeWireTest {
  private static final String SOURCE = "pattern:?size=320x240&fps=10";
  private static final int FRAMES = 10;

  /** A reader that comes before the session manager knows the camera waits for ever. */
  private static final int ATTEMPTS = 6;

  @TempDir private Path directory;

  private Recording read(PipeWire desktop, String node) throws IOException {
    Path raw = Files.createTempFile(Path.of("/tmp"), "pipewire", ".raw");
    Command last = null;
    for (int i = 0; i < ATTEMPTS; i++) {
      desktop.awaitNode(node);
      last =
          desktop.of(
              "timeout",
              "30",
              "gst-launch-1.0",
              "-q",
              "pipewiresrc",
              "target-object=" + node,
              "num-buffers=" + FRAMES,
              "!",
              "video/x-raw",
              "!",
              "filesink",
              "location=" + raw);
      if (last.status() == 0 && Files.size(raw) > 0) {
        return Recording.of(raw, FRAMES);
      }
    }
    throw new AssertionError("no reader is served: " + last + "\n" + desktop.nodes());
  }

  @Test
  void readersComeAndGoAndSeeEveryPixel() throws IOException {
    try (PipeWire desktop = PipeWire.start(directory);
        Guestcam camera =
            Guestcam.start(
                desktop.environment(), "run", "--json", SOURCE, "pipewire:Windows 11 (guest)")) {
      camera.awaitFrames(3); // the third is asked for when the first is through
      for (int reader = 0; reader < 2; reader++) {
        try (Recording recording = read(desktop, "guestcam.Windows-11--guest-")) {
          List<Long> numbers = recording.requireExact(PixelFormat.XRGB8888, 320, 240);
          assertTrue(numbers.getLast() > numbers.getFirst(), "it stands still: " + numbers);
        }
      }
      desktop.awaitNode("guestcam.Windows-11--guest-");
      String nodes = desktop.nodes();
      assertTrue(nodes.contains("node.description = \"Windows 11 (guest)\""), nodes);
      camera.signal("TERM");
      assertEquals(0, camera.awaitEnd(), camera::errors);
    }
  }

  @Test
  void aGuestsModeChangeBeginsTheCameraAnew() throws IOException {
    try (PipeWire desktop = PipeWire.start(directory);
        Guestcam camera =
            Guestcam.start(
                desktop.environment(),
                "run",
                "--json",
                "pattern:?modes=320x240@8,160x120@8&fps=10",
                "pipewire:")) {
      camera.awaitFrames(30).signal("TERM");
      assertEquals(0, camera.awaitEnd(), camera::errors);
    }
  }

  private void requireRefusal(
      int status, String words, List<String> environment, String... command) {
    try (Guestcam done = Guestcam.start(environment, command)) {
      done.requireEnd(status, words);
    }
  }

  @Test
  void whatIsMissingOrWrongIsSaid() {
    List<String> noDaemon = List.of("XDG_RUNTIME_DIR=" + directory);
    requireRefusal(
        3,
        "no PipeWire runs here (there is no " + directory + "/pipewire-0)",
        noDaemon,
        "run",
        SOURCE,
        "pipewire:");
    requireRefusal(
        3,
        "it comes with gstreamer1.0-pipewire",
        List.of(
            "GST_PLUGIN_SYSTEM_PATH_1_0=" + directory, "GST_REGISTRY=" + directory.resolve("r")),
        "run",
        SOURCE,
        "pipewire:");
    requireRefusal(
        3, "copies each picture", noDaemon, "run", "--require-zero-copy", SOURCE, "pipewire:");
    requireRefusal(2, "is no name for a camera", noDaemon, "run", SOURCE, "pipewire:a\"b");
  }
}
