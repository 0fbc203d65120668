// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.Providers;
import org.guestcam.gst.ConvertedSource;
import org.guestcam.pattern.PatternPicture;
import org.guestcam.pattern.Stamp;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code guestcam run --format}: what readers get is what GStreamer's videoconvert makes of the
 * picture that the guest drew, to the last byte.
 */
@Timeout(300)
class ConvertTest {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 480;

  @TempDir private Path directory;

  /** Compares each picture of a file of raw ones with videoconvert's; returns their numbers. */
  private List<Long> requireAsVideoconvert(Path raw, PixelFormat format)
      throws IOException, LayoutException {
    FrameLayout converted = FrameLayout.tight(format, WIDTH, HEIGHT);
    FrameLayout drawn = FrameLayout.tight(PixelFormat.XRGB8888, WIDTH, HEIGHT);
    PatternPicture reader = new PatternPicture(converted);
    PatternPicture guest = new PatternPicture(drawn);
    byte[] all = Files.readAllBytes(raw);
    int size = (int) converted.imageSize();
    assertEquals(0, all.length % size, all.length + " bytes are no whole pictures");
    List<Long> numbers = new ArrayList<>();
    Path input = directory.resolve("drawn.raw");
    try (OutputStream out = Files.newOutputStream(input)) {
      for (int at = 0; at < all.length; at += size) {
        Stamp stamp = reader.read(MemorySegment.ofArray(all).asSlice(at, size));
        assertTrue(stamp.valid() && !stamp.torn(), "picture " + at / size + " has no stamp");
        numbers.add(stamp.frame());
        out.write(
            guest.reference(stamp.frame(), stamp.timestampNanos()).toArray(ValueLayout.JAVA_BYTE));
      }
    }
    Path output = directory.resolve("videoconvert.raw");
    Command.run(
        "gst-launch-1.0",
        "-q",
        "filesrc",
        "location=" + input,
        "!",
        "rawvideoparse",
        "format=bgrx",
        "width=" + WIDTH,
        "height=" + HEIGHT,
        "!",
        "videoconvert",
        "!",
        "video/x-raw,format=" + format.gstreamer() + ",colorimetry=bt709",
        "!",
        "filesink",
        "location=" + output);
    byte[] wanted = Files.readAllBytes(output);
    assertEquals(wanted.length, all.length);
    for (int at = 0; at < all.length; at += size) {
      assertArrayEquals(
          Arrays.copyOfRange(wanted, at, at + size),
          Arrays.copyOfRange(all, at, at + size),
          "picture " + at / size);
    }
    return numbers;
  }

  @Tag("gst")
  @ParameterizedTest
  @ValueSource(strings = {"YUYV", "NV12", "I420"})
  void aPipelineGetsWhatVideoconvertMakes(String name) throws IOException, LayoutException {
    Path raw = directory.resolve("converted.raw");
    PixelFormat format = PixelFormat.named(name);
    try (Guestcam done =
        Guestcam.run(
            "run",
            "--format",
            name,
            "--frames",
            "4",
            "pattern:?size=640x480&fps=10",
            "gst:video/x-raw,format=" + format.gstreamer() + " ! filesink location=" + raw)) {
      assertEquals(0, done.awaitEnd(), done::errors);
      assertTrue(done.errors().contains(", converted "), done.errors());
    }
    assertTrue(requireAsVideoconvert(raw, format).size() >= 4);
  }

  @Tag("lab")
  @Tag("own-loopback")
  @ParameterizedTest
  @ValueSource(strings = {"YUYV", "NV12"})
  void aCamerasReaderGetsWhatVideoconvertMakes(String name) throws IOException, LayoutException {
    PixelFormat format = PixelFormat.named(name);
    Endpoint guest = Endpoint.parse("pattern:?size=640x480&fps=5&memory=dmabuf");
    try (Flow flow =
        Flow.start(
            new ConvertedSource(Providers.source(guest).open(guest), format, false),
            "v4l2:/dev/video20")) {
      flow.awaitFrames(4);
      assertTrue(flow.path().startsWith("DMABUF 640x480 " + name), flow.path());
      try (Recording recording = Recording.byV4l2Ctl(Path.of("/dev/video21"), 5)) {
        List<Long> numbers = requireAsVideoconvert(recording.file(), format);
        assertEquals(5, numbers.size());
        assertTrue(numbers.getLast() > numbers.getFirst(), "it stands still: " + numbers);
      }
      assertEquals(0, flow.copiedBytes(), "guestcam copied on " + flow.path());
    }
  }

  @Tag("gst")
  @ParameterizedTest
  @CsvSource({
    "2,no pixel format 'XYZ'; there are XR24,run|--format|XYZ|pattern:|gst:fakesink",
    "3,making NV12 of them writes every pixel,"
        + "run|--require-zero-copy|--format|NV12|pattern:|gst:fakesink"
  })
  void whatIsWrongIsSaid(int status, String words, String command) {
    try (Guestcam done = Guestcam.run(command.split("\\|"))) {
      done.requireEnd(status, words);
    }
  }

  @Test
  @Tag("gst")
  void whatIsAsWantedIsNotConverted() {
    try (Guestcam done =
        Guestcam.run(
            "run",
            "--require-zero-copy",
            "--format",
            "YUYV",
            "--frames",
            "3",
            "pattern:?format=YUYV",
            "gst:fakesink")) {
      assertEquals(0, done.awaitEnd(), done::errors);
    }
  }
}
