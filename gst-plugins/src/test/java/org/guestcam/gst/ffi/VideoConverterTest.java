// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.freedesktop.gstreamer.Gst;
import org.freedesktop.gstreamer.Version;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Conversion of a guest's pixels, against the standard's own formula. */
@Tag("gst")
class VideoConverterTest {
  @BeforeAll
  static void initialise() {
    Gst.init(Version.of(1, 20), "test");
  }

  /** BT.709's luma in limited range. */
  private static double luma(int pixel) {
    double red = pixel >> 16 & 0xff;
    double green = pixel >> 8 & 0xff;
    double blue = pixel & 0xff;
    return 16 + (0.2126 * red + 0.7152 * green + 0.0722 * blue) * 219 / 255;
  }

  @ParameterizedTest
  @CsvSource({"YUYV,64,32", "YUYV,333,241", "NV12,64,32", "NV12,333,241", "YU12,333,241"})
  void everyPixelHasItsLuma(String name, int width, int height) throws Exception {
    FrameLayout from = FrameLayout.padded(PixelFormat.XRGB8888, width, height, 4L * width + 64);
    FrameLayout to = FrameLayout.tight(PixelFormat.named(name), width, height);
    int step = to.format() == PixelFormat.YUYV ? 2 : 1;
    try (Arena arena = Arena.ofConfined();
        VideoConverter converter = new VideoConverter(from, to, 2)) {
      MemorySegment guest = arena.allocate(from.imageSize(), 64);
      MemorySegment out = arena.allocate(to.imageSize(), 64);
      Random random = new Random(7);
      for (long at = 0; at < guest.byteSize(); at += 4) {
        guest.set(JAVA_INT_UNALIGNED, at, random.nextInt());
      }
      converter.convert(guest, out);
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          int pixel = guest.get(JAVA_INT_UNALIGNED, (long) y * from.stride(0) + 4L * x);
          int got = out.get(JAVA_BYTE, (long) y * to.stride(0) + (long) step * x) & 0xff;
          assertEquals(luma(pixel), got, 1.5, name + " at " + x + "," + y);
        }
      }
    }
  }

  @Test
  void redIsRed() throws Exception {
    FrameLayout from = FrameLayout.tight(PixelFormat.XRGB8888, 16, 16);
    FrameLayout to = FrameLayout.tight(PixelFormat.NV12, 16, 16);
    try (Arena arena = Arena.ofConfined();
        VideoConverter converter = new VideoConverter(from, to, 1)) {
      MemorySegment guest = arena.allocate(from.imageSize(), 64);
      MemorySegment out = arena.allocate(to.imageSize(), 64);
      for (long at = 0; at < guest.byteSize(); at += 4) {
        guest.set(JAVA_INT_UNALIGNED, at, 0x00ff0000);
      }
      converter.convert(guest, out);
      for (long at = to.offset(1); at < to.end(); at += 2) {
        assertEquals(102, out.get(JAVA_BYTE, at) & 0xff, 1, "U"); // 128 - 112 * 0.2126 / 0.9278
        assertEquals(240, out.get(JAVA_BYTE, at + 1) & 0xff, 1, "V");
      }
    }
  }

  @Test
  void memoryThatIsTooSmallIsNotTouched() throws Exception {
    FrameLayout from = FrameLayout.tight(PixelFormat.XRGB8888, 16, 16);
    FrameLayout to = FrameLayout.tight(PixelFormat.YUYV, 16, 16);
    try (Arena arena = Arena.ofConfined();
        VideoConverter converter = new VideoConverter(from, to, 1)) {
      MemorySegment guest = arena.allocate(from.imageSize());
      MemorySegment small = arena.allocate(to.imageSize() - 1);
      assertThrows(IllegalArgumentException.class, () -> converter.convert(guest, small));
    }
  }
}
