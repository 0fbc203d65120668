// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LetterboxTest {
  /** Where a picture lies in another one. */
  private record Place(int left, int top, int width, int height) {}

  private static byte black(PixelFormat format, int p, int b) {
    return switch (format) {
      case YUYV -> (byte) (b % 2 == 0 ? 16 : 128);
      case NV12, YUV420 -> (byte) (p == 0 ? 16 : 128);
      // 10 bits in the high end of 16: luma 64 << 6, chroma 512 << 6, little-endian.
      case P010 -> (byte) ((p == 0 ? 64 << 6 : 512 << 6) >> (b % 2 * 8));
      default -> 0;
    };
  }

  /** Every byte of the target is a picture's where it should be, and black elsewhere. */
  private static void requireFitted(FrameLayout source, FrameLayout target, Place place) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = Pictures.memory(arena, source, 0);
      MemorySegment to = Pictures.memory(arena, target, 0x5a);
      Pictures.draw(from, source, new Random(1), 0, 0, source.width(), source.height());
      long bytes = new Letterbox(source, target).draw(from, to);
      long expected = 0;
      for (int p = 0; p < target.planes(); p++) {
        expected += (long) target.rowBytes(p) * target.rows(p);
        requirePlane(source, from, target, to, place, p);
      }
      assertEquals(expected, bytes);
    }
  }

  private static void requirePlane(
      FrameLayout source,
      MemorySegment from,
      FrameLayout target,
      MemorySegment to,
      Place place,
      int p) {
    PixelFormat.Plane plane = target.format().planes().get(p);
    int left = place.left / plane.xPixels();
    int top = place.top / plane.yPixels();
    int columns = Math.ceilDiv(place.width, plane.xPixels());
    int rows = plane.rows(place.height);
    int sourceColumns = Math.ceilDiv(source.width(), plane.xPixels());
    int all = Math.ceilDiv(target.width(), plane.xPixels());
    for (int y = 0; y < target.rows(p); y++) {
      for (int x = 0; x < all; x++) {
        boolean inside = x >= left && x < left + columns && y >= top && y < top + rows;
        for (int b = 0; b < plane.bytes(); b++) {
          byte wanted =
              inside
                  ? Pictures.at(
                      from,
                      source,
                      p,
                      (x - left) * sourceColumns / columns,
                      (y - top) * source.rows(p) / rows,
                      b)
                  : black(target.format(), p, b);
          byte got = Pictures.at(to, target, p, x, y, b);
          if (wanted != got) {
            throw new AssertionError(
                target.format()
                    + " plane "
                    + p
                    + " at "
                    + x
                    + ","
                    + y
                    + " byte "
                    + b
                    + ": "
                    + got
                    + ", not "
                    + wanted);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void aSmallerPictureLiesAsItIsInTheMiddle(PixelFormat format) {
    requireFitted(
        Pictures.layout(format, 12, 8, 16),
        Pictures.layout(format, 32, 24, 0),
        new Place(10, 8, 12, 8));
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void aWiderPictureBecomesSmallerAndKeepsItsShape(PixelFormat format) {
    requireFitted(
        Pictures.layout(format, 64, 32, 0),
        Pictures.layout(format, 32, 32, 8),
        new Place(0, 8, 32, 16));
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void aHigherPictureBecomesSmallerAndKeepsItsShape(PixelFormat format) {
    requireFitted(
        Pictures.layout(format, 32, 64, 0),
        Pictures.layout(format, 32, 32, 0),
        new Place(8, 0, 16, 32));
  }

  @Test
  void smallerInOneWayAndLargerInTheOther() {
    requireFitted(
        Pictures.layout(PixelFormat.XRGB8888, 16, 60, 0),
        Pictures.layout(PixelFormat.XRGB8888, 40, 30, 0),
        new Place(16, 0, 8, 30));
  }

  @Test
  void theSameSizeHasNoBorder() {
    requireFitted(
        Pictures.layout(PixelFormat.NV12, 32, 16, 0),
        Pictures.layout(PixelFormat.NV12, 32, 16, 32),
        new Place(0, 0, 32, 16));
  }

  /** Odd sizes and extreme shapes: no write outside, no exception. */
  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void anySizeFitsIntoAnyOther(PixelFormat format) {
    Random random = new Random(5);
    for (int i = 0; i < 300; i++) {
      FrameLayout source =
          Pictures.layout(format, 1 + random.nextInt(70), 1 + random.nextInt(70), 0);
      FrameLayout target =
          Pictures.layout(format, 1 + random.nextInt(70), 1 + random.nextInt(70), 0);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment from = Pictures.memory(arena, source, 0);
        MemorySegment to = Pictures.memory(arena, target, 0);
        long bytes = new Letterbox(source, target).draw(from, to);
        assertTrue(bytes > 0, source + " in " + target);
      }
    }
  }

  @Test
  void formatsAreNotConverted() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new Letterbox(
                    Pictures.layout(PixelFormat.XRGB8888, 8, 8, 0),
                    Pictures.layout(PixelFormat.NV12, 8, 8, 0)));
    assertEquals("cannot fit XR24 into NV12", e.getMessage());
  }
}
