// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs of examples/ do what they say. */
@Timeout(300)
class ExamplesTest {
  private static final String SINK = "v4l2:/dev/video20";
  private static final String CAMERA = "/dev/video21";

  @TempDir private Path directory;

  @Test
  void theLibraryIsUsedInThirtyLines() {
    String said =
        Command.run(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Examples.path("library/WatchGuest.java").toString(),
            "pattern:?size=640x480&fps=20",
            "5");
    assertTrue(said.contains("the screen is 640x480"), said);
    assertTrue(said.contains("frame 4, "), said);
  }

  @Tag("lab")
  @Tag("own-loopback")
  @ParameterizedTest
  @ValueSource(strings = {"ffmpeg.sh", "gstreamer.sh"})
  void aRecordersFileHasEveryPixel(String script) throws IOException {
    Path file = directory.resolve("guest.mkv");
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=5&memory=dmabuf", SINK)) {
      flow.awaitFrames(2);
      Command.run(Examples.path("camera/" + script).toString(), CAMERA, "5", file.toString());
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.RGB888, 640, 480)) {
      List<Long> numbers = recording.requireExact(PixelFormat.RGB888, 640, 480);
      assertTrue(numbers.getLast() > numbers.getFirst(), "the picture stands still: " + numbers);
    }
  }

  @Test
  @Tag("lab")
  @Tag("own-loopback")
  void openCvSeesTheCamera() throws IOException {
    Path file = directory.resolve("last.png");
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=5&memory=dmabuf", SINK)) {
      flow.awaitFrames(2);
      String said =
          Command.run(Examples.path("camera/opencv.py").toString(), CAMERA, "6", file.toString());
      Matcher line = Pattern.compile("6 pictures of 640x480, (\\d+) of them new").matcher(said);
      assertTrue(line.find(), said);
      assertTrue(Integer.parseInt(line.group(1)) >= 3, said);
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.RGB888, 640, 480)) {
      assertEquals(1, recording.requireExact(PixelFormat.RGB888, 640, 480).size());
    }
  }
}
