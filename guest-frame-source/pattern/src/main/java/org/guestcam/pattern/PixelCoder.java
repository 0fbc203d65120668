// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/**
 * Colours (0xRRGGBB) to the bytes of a format, and a pixel's brightness back.
 *
 * <p>Luma and chroma are BT.601 in limited range, which is what V4L2 means by the default of YUV
 * formats in the sRGB colour space. Chroma is the block's first pixel's, not the mean: that is one
 * sum less for a picture that nobody grades.
 */
final class PixelCoder {
  private final PixelFormat format;

  PixelCoder(PixelFormat format) {
    this.format = format;
  }

  /**
   * Writes one row of a plane.
   *
   * @param colours of the picture's pixels, {@code width} of them and, where that is odd, one more
   * @param to takes the row, from its first byte on
   */
  void encodeRow(int plane, int[] colours, int width, byte[] to) {
    switch (format) {
      case XRGB8888, ARGB8888 -> encodeWords(colours, width, to, 0, 1, 2);
      case XBGR8888, ABGR8888 -> encodeWords(colours, width, to, 2, 1, 0);
      case RGB888 -> encodeTriples(colours, width, to, 0, 1, 2);
      case BGR888 -> encodeTriples(colours, width, to, 2, 1, 0);
      case RGB565 -> encode565(colours, width, to);
      case YUYV -> encodeYuyv(colours, width, to);
      case NV12 -> {
        if (plane == 0) {
          encodeLuma(colours, width, to);
        } else {
          encodeChroma(colours, width, to, 2, 0, 1);
        }
      }
      case YUV420 -> {
        if (plane == 0) {
          encodeLuma(colours, width, to);
        } else {
          encodeChroma(colours, width, to, 1, plane == 1 ? 0 : -1, plane == 2 ? 0 : -1);
        }
      }
      case P010 -> encode10Bits(plane, colours, width, to);
    }
  }

  private static void encodeWords(
      int[] colours, int width, byte[] to, int blue, int green, int red) {
    for (int x = 0, at = 0; x < width; x++, at += 4) {
      int colour = colours[x];
      to[at + blue] = (byte) colour;
      to[at + green] = (byte) (colour >> 8);
      to[at + red] = (byte) (colour >> 16);
      to[at + 3] = (byte) 0xff;
    }
  }

  private static void encodeTriples(
      int[] colours, int width, byte[] to, int blue, int green, int red) {
    for (int x = 0, at = 0; x < width; x++, at += 3) {
      int colour = colours[x];
      to[at + blue] = (byte) colour;
      to[at + green] = (byte) (colour >> 8);
      to[at + red] = (byte) (colour >> 16);
    }
  }

  private static void encode565(int[] colours, int width, byte[] to) {
    for (int x = 0; x < width; x++) {
      int colour = colours[x];
      int word = ((colour >> 8) & 0xf800) | ((colour >> 5) & 0x07e0) | ((colour >> 3) & 0x001f);
      to[2 * x] = (byte) word;
      to[2 * x + 1] = (byte) (word >> 8);
    }
  }

  private static void encodeYuyv(int[] colours, int width, byte[] to) {
    for (int x = 0; x < width; x += 2) {
      to[2 * x] = (byte) luma(colours[x]);
      to[2 * x + 1] = (byte) blueness(colours[x]);
      to[2 * x + 2] = (byte) luma(colours[x + 1]);
      to[2 * x + 3] = (byte) redness(colours[x]);
    }
  }

  private static void encodeLuma(int[] colours, int width, byte[] to) {
    for (int x = 0; x < width; x++) {
      to[x] = (byte) luma(colours[x]);
    }
  }

  /** {@code u} and {@code v}: where they stand within a block, or -1 for not in this plane. */
  private static void encodeChroma(int[] colours, int width, byte[] to, int step, int u, int v) {
    for (int x = 0, at = 0; x < width; x += 2, at += step) {
      if (u >= 0) {
        to[at + u] = (byte) blueness(colours[x]);
      }
      if (v >= 0) {
        to[at + v] = (byte) redness(colours[x]);
      }
    }
  }

  private static void encode10Bits(int plane, int[] colours, int width, byte[] to) {
    if (plane == 0) {
      for (int x = 0; x < width; x++) {
        put10Bits(to, 2 * x, luma(colours[x]), colours[x]);
      }
    } else {
      for (int x = 0; x < width; x += 2) {
        put10Bits(to, 2 * x, blueness(colours[x]), colours[x]);
        put10Bits(to, 2 * x + 2, redness(colours[x]), colours[x]);
      }
    }
  }

  /** The two bits that 8-bit formats lack are the colour's lowest, so that their loss is seen. */
  private static void put10Bits(byte[] to, int at, int high, int colour) {
    to[at] = (byte) ((colour & 3) << 6);
    to[at + 1] = (byte) high;
  }

  private static int luma(int colour) {
    int red = colour >> 16 & 0xff;
    int green = colour >> 8 & 0xff;
    int blue = colour & 0xff;
    return ((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16;
  }

  private static int blueness(int colour) {
    int red = colour >> 16 & 0xff;
    int green = colour >> 8 & 0xff;
    int blue = colour & 0xff;
    return ((112 * blue - 38 * red - 74 * green + 128) >> 8) + 128;
  }

  private static int redness(int colour) {
    int red = colour >> 16 & 0xff;
    int green = colour >> 8 & 0xff;
    int blue = colour & 0xff;
    return ((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128;
  }

  /** How bright a pixel of a picture is: about 0 for black, about 255 for white. */
  int brightness(MemorySegment picture, FrameLayout layout, int x, int y) {
    long row = layout.offset(0) + (long) y * layout.stride(0);
    return switch (format) {
      case XRGB8888, ARGB8888, XBGR8888, ABGR8888 -> meanOfThree(picture, row + 4L * x);
      case RGB888, BGR888 -> meanOfThree(picture, row + 3L * x);
      case RGB565 -> {
        int word = unsigned(picture, row + 2L * x) | unsigned(picture, row + 2L * x + 1) << 8;
        yield ((word >> 11) * 8 + (word >> 5 & 0x3f) * 4 + (word & 0x1f) * 8) / 3;
      }
      case YUYV -> unsigned(picture, row + 2L * x);
      case NV12, YUV420 -> unsigned(picture, row + x);
      case P010 -> unsigned(picture, row + 2L * x + 1);
    };
  }

  private static int meanOfThree(MemorySegment picture, long at) {
    return (unsigned(picture, at) + unsigned(picture, at + 1) + unsigned(picture, at + 2)) / 3;
  }

  private static int unsigned(MemorySegment picture, long at) {
    return picture.get(JAVA_BYTE, at) & 0xff;
  }
}
