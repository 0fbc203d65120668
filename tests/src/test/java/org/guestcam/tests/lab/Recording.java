// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.pattern.PatternPicture;
import org.guestcam.pattern.Stamp;

/** Raw frames that an unmodified program recorded from a capture node, one behind the other. */
final class Recording implements AutoCloseable {
  private static final int PLUGGING_IN_MAX = 30;

  private final Path file;
  private final int frames;

  private Recording(Path file, int frames) {
    this.file = file;
    this.frames = frames;
  }

  /** Records with v4l2-ctl, which reads through mmap. */
  static Recording byV4l2Ctl(Path device, int frames) {
    Path file = scratch();
    Command.run(
        "v4l2-ctl",
        "-d",
        device.toString(),
        "--stream-mmap",
        "--stream-count=" + frames,
        "--stream-to=" + file);
    return new Recording(file, frames);
  }

  /**
   * Waits until a capture node shows the test picture. vivid plugs its cable in on a work queue of
   * its own, and until then its input shows colour bars.
   */
  static void awaitPicture(Path device, PixelFormat format, int width, int height) {
    for (int i = 0; i < PLUGGING_IN_MAX; i++) {
      try (Recording recording = byV4l2Ctl(device, 1)) {
        if (recording.showsPicture(format, width, height)) {
          return;
        }
      }
    }
    throw new AssertionError(
        "no test picture comes from " + device + " within " + PLUGGING_IN_MAX + " frames");
  }

  /** Whether the first frame has the test picture's stamp, whatever its other pixels are. */
  boolean showsPicture(PixelFormat format, int width, int height) {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment frame = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new PatternPicture(layout(format, width, height, frame)).read(frame).valid();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  /** Records with GStreamer's v4l2src, in the format that GStreamer calls {@code caps}. */
  static Recording byGStreamer(Path device, int frames, FrameLayout picture) {
    Path file = scratch();
    Command.run(
        "gst-launch-1.0",
        "-q",
        "v4l2src",
        "device=" + device,
        "num-buffers=" + frames,
        "!",
        "video/x-raw,format="
            + picture.format().gstreamer()
            + ",width="
            + picture.width()
            + ",height="
            + picture.height(),
        "!",
        "filesink",
        "location=" + file);
    return new Recording(file, frames);
  }

  /** Raw frames that a test had recorded; the file is deleted with this. */
  static Recording of(Path file, int frames) {
    return new Recording(file, frames);
  }

  /** Decodes a file with ffmpeg, into pictures of the given format and size. */
  static Recording byFfmpeg(Path file, PixelFormat format, int width, int height) {
    Path raw = scratch();
    Command.run(
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        file.toString(),
        "-fps_mode",
        "passthrough",
        "-pix_fmt",
        ffmpegName(format),
        "-f",
        "rawvideo",
        raw.toString());
    try {
      long frameSize = FrameLayout.tight(format, width, height).imageSize();
      return new Recording(raw, Math.toIntExact(Files.size(raw) / frameSize));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  private static String ffmpegName(PixelFormat format) {
    return switch (format) {
      case XRGB8888 -> "bgr0";
      case RGB888 -> "bgr24"; // of an XRGB picture the same without the byte that means nothing
      default -> throw new IllegalArgumentException("what ffmpeg calls " + format);
    };
  }

  /** Where they are, until this is closed. */
  Path file() {
    return file;
  }

  /** How many there are. */
  int frames() {
    return frames;
  }

  /** The bytes of the last frame. */
  MemorySegment last(FrameLayout layout) {
    try {
      byte[] all = Files.readAllBytes(file);
      long size = layout.imageSize();
      return MemorySegment.ofArray(all).asSlice(all.length - size, size);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path scratch() {
    try {
      return Files.createTempFile(Path.of("/tmp"), "recording", ".raw");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Every byte of every frame is what the test picture has for the number stamped into it, and the
   * numbers rise.
   *
   * @return the frame numbers
   */
  List<Long> requireExact(PixelFormat format, int width, int height) {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      assertEquals(0, size % frames, file + " has " + size + " bytes, not " + frames + " frames");
      long frameSize = size / frames;
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      FrameLayout layout = layout(format, width, height, all.asSlice(0, frameSize));
      PatternPicture picture = new PatternPicture(layout);
      List<Long> numbers = new ArrayList<>();
      for (int i = 0; i < frames; i++) {
        MemorySegment frame = all.asSlice(i * frameSize, frameSize);
        Stamp stamp = picture.read(frame);
        assertFalse(stamp.torn(), "frame " + i + " of the recording is torn");
        assertTrue(
            stamp.valid(),
            "frame "
                + i
                + " of the recording carries no stamp; it begins with "
                + beginning(frame)
                + " and the frames before have "
                + numbers);
        long difference = picture.firstDifference(frame, stamp.frame(), stamp.timestampNanos());
        assertEquals(
            -1,
            difference,
            "frame "
                + i
                + " of the recording (number "
                + stamp.frame()
                + ", "
                + Fourcc.name(format.drm())
                + ") differs from what was drawn");
        addRising(numbers, stamp);
      }
      return numbers;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Every frame from the first key picture on has a stamp that can be read, however lossy its
   * encoder was, and the numbers rise.
   *
   * @return the frame numbers
   */
  List<Long> requireRising(PixelFormat format, int width, int height) {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file)) {
      long frameSize = channel.size() / frames;
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      PatternPicture picture =
          new PatternPicture(layout(format, width, height, all.asSlice(0, frameSize)));
      List<Long> numbers = new ArrayList<>();
      for (int i = 0; i < frames; i++) {
        Stamp stamp = picture.read(all.asSlice(i * frameSize, frameSize));
        if (!stamp.valid() && numbers.isEmpty()) {
          continue;
        }
        assertTrue(stamp.valid(), "frame " + i + " carries no stamp; those before: " + numbers);
        addRising(numbers, stamp);
      }
      return numbers;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  private static void addRising(List<Long> numbers, Stamp stamp) {
    assertTrue(
        numbers.isEmpty() || numbers.getLast() <= stamp.frame(),
        "frame " + stamp.frame() + " came behind " + numbers);
    numbers.add(stamp.frame());
  }

  private static String beginning(MemorySegment frame) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 16; i++) {
      text.append(String.format("%02x ", frame.get(java.lang.foreign.ValueLayout.JAVA_BYTE, i)));
    }
    return text.toString();
  }

  /**
   * How the recorded frames lie: rows are tight, or padded to four bytes as GStreamer lays them
   * out. The size does not tell, for GStreamer also writes tight rows into frames of the padded
   * size; the stamp does, and then every byte is compared.
   */
  private static FrameLayout layout(
      PixelFormat format, int width, int height, MemorySegment firstFrame) throws LayoutException {
    FrameLayout tight = FrameLayout.tight(format, width, height);
    FrameLayout padded =
        FrameLayout.padded(format, width, height, Math.ceilDiv(tight.stride(0), 4) * 4L);
    long size = firstFrame.byteSize();
    assertTrue(
        size == tight.imageSize() || size == padded.imageSize(),
        "a recorded frame has " + size + " bytes, which fits no layout of " + tight);
    boolean isPadded =
        size == padded.imageSize() && new PatternPicture(padded).read(firstFrame).valid();
    return isPadded ? padded : tight;
  }

  @Override
  public void close() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
