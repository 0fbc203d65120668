// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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

  private List<Long> requireAsVideoconvert(Path raw, PixelFormat format)
      throws IOException, LayoutException {
    return requireAs("videoconvert", ",colorimetry=bt709", PixelFormat.XRGB8888, raw, format);
  }

  /** Compares each picture of a file of raw ones with an element's; returns their numbers. */
  private List<Long> requireAs(
      String element, String colorimetry, PixelFormat from, Path raw, PixelFormat format)
      throws IOException, LayoutException {
    FrameLayout converted = FrameLayout.tight(format, WIDTH, HEIGHT);
    FrameLayout drawn = FrameLayout.tight(from, WIDTH, HEIGHT);
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
    Path output = directory.resolve("wanted.raw");
    Command.run(
        "gst-launch-1.0",
        "-q",
        "filesrc",
        "location=" + input,
        "!",
        "rawvideoparse",
        "format=" + from.gstreamer().toLowerCase(Locale.ROOT),
        "width=" + WIDTH,
        "height=" + HEIGHT,
        "!",
        element,
        "!",
        "video/x-raw,format=" + format.gstreamer() + colorimetry,
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
            new ConvertedSource(Providers.source(guest).open(guest), format, "auto", false),
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

  /** vim2m converts as a GPU or a phone's chip does: a dma-buf goes in, and another comes out. */
  @Tag("lab")
  @Tag("own-loopback")
  @Test
  void aDeviceConvertsDmaBufs() throws IOException, LayoutException {
    requireConvertedByDevice(); // with what is opened once
    int files = openFiles();
    requireConvertedByDevice();
    assertEquals(files, openFiles(), "a conversion leaves descriptors behind");
  }

  private static int openFiles() {
    return new File("/proc/self/fd").list().length;
  }

  private void requireConvertedByDevice() throws IOException, LayoutException {
    Endpoint guest = Endpoint.parse("pattern:?size=640x480&format=RGBP&fps=5&memory=dmabuf");
    try (Flow flow =
        Flow.start(
            new ConvertedSource(
                Providers.source(guest).open(guest), PixelFormat.YUYV, "auto", false),
            "v4l2:/dev/video20")) {
      flow.awaitFrames(4);
      assertTrue(flow.path().startsWith("DMABUF 640x480 YUYV"), flow.path());
      try (Recording recording = Recording.byV4l2Ctl(Path.of("/dev/video21"), 8)) {
        List<Long> numbers =
            requireAs("v4l2convert", "", PixelFormat.RGB565, recording.file(), PixelFormat.YUYV);
        assertEquals(8, numbers.size());
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
        + "run|--require-zero-copy|--format|NV12|pattern:|gst:fakesink",
    "2,--converter 'cpu' goes with --format,run|--converter|cpu|pattern:|gst:fakesink",
    "3,--converter identity takes dma-bufs,"
        + "run|--converter|identity|--format|NV12|pattern:?memory=shm|gst:fakesink"
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
