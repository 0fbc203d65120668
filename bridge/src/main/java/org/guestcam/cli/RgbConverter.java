// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.awt.image.BufferedImage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.guestcam.frame.FrameLayout;

/**
 * Reads one picture as 8-bit RGB, whatever its format, for a snapshot: plain rather than fast.
 *
 * <p>YUV is taken as limited range, BT.709 from 720 rows on and BT.601 below, which is what cameras
 * and players assume where nobody says otherwise. Alpha is ignored.
 */
final class RgbConverter {
  private static final int HD_ROWS = 720;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment pixels;
  private final FrameLayout layout;
  private final double kr;
  private final double kb;

  private RgbConverter(MemorySegment pixels, FrameLayout layout) {
    this.pixels = pixels;
    this.layout = layout;
    boolean hd = layout.height() >= HD_ROWS;
    kr = hd ? 0.2126 : 0.299;
    kb = hd ? 0.0722 : 0.114;
  }

  /**
   * Converts a picture.
   *
   * @param pixels the memory, at least as long as {@code layout} says
   * @throws IllegalArgumentException for a layout whose rows are not linear
   */
  static BufferedImage convert(MemorySegment pixels, FrameLayout layout) {
    if (!layout.isLinear()) {
      throw new IllegalArgumentException("only linear pictures can be read, not " + layout);
    }
    RgbConverter converter = new RgbConverter(pixels, layout);
    BufferedImage image =
        new BufferedImage(layout.width(), layout.height(), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < layout.height(); y++) {
      for (int x = 0; x < layout.width(); x++) {
        image.setRGB(x, y, converter.rgb(x, y));
      }
    }
    return image;
  }

  private int rgb(int x, int y) {
    return switch (layout.format()) {
      case XRGB8888, ARGB8888 -> pixels.get(INT, at(0, x * 4L, y)) & 0xffffff;
      case XBGR8888, ABGR8888 -> Integer.reverseBytes(pixels.get(INT, at(0, x * 4L, y))) >>> 8;
      case BGR888 -> bytes(at(0, x * 3L, y), 0, 2);
      case RGB888 -> bytes(at(0, x * 3L, y), 2, 0);
      case RGB565 -> ofRgb565(Short.toUnsignedInt(pixels.get(SHORT, at(0, x * 2L, y))));
      case YUYV -> {
        long pair = at(0, x / 2 * 4L, y);
        yield yuv(sample(pair + x % 2 * 2L), sample(pair + 1), sample(pair + 3));
      }
      case NV12 -> {
        long chroma = at(1, x / 2 * 2L, y / 2);
        yield yuv(sample(at(0, x, y)), sample(chroma), sample(chroma + 1));
      }
      case YUV420 ->
          yuv(sample(at(0, x, y)), sample(at(1, x / 2, y / 2)), sample(at(2, x / 2, y / 2)));
      case P010 -> {
        long chroma = at(1, x / 2 * 4L, y / 2);
        yield yuv(sample16(at(0, x * 2L, y)), sample16(chroma), sample16(chroma + 2));
      }
    };
  }

  private long at(int plane, long byteInRow, int row) {
    return layout.offset(plane) + (long) row * layout.stride(plane) + byteInRow;
  }

  private int bytes(long at, int red, int blue) {
    return Byte.toUnsignedInt(pixels.get(JAVA_BYTE, at + red)) << 16
        | Byte.toUnsignedInt(pixels.get(JAVA_BYTE, at + 1)) << 8
        | Byte.toUnsignedInt(pixels.get(JAVA_BYTE, at + blue));
  }

  /** The high bits fill the low ones, so that the largest value becomes 255. */
  private static int ofRgb565(int word) {
    int red = word >> 11;
    int green = word >> 5 & 0x3f;
    int blue = word & 0x1f;
    return (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | (blue << 3 | blue >> 2);
  }

  private double sample(long at) {
    return Byte.toUnsignedInt(pixels.get(JAVA_BYTE, at));
  }

  private double sample16(long at) {
    return Short.toUnsignedInt(pixels.get(SHORT, at)) / 256.0;
  }

  private int yuv(double y, double u, double v) {
    double luma = (y - 16) / 219;
    double blueDifference = (u - 128) / 224;
    double redDifference = (v - 128) / 224;
    double red = luma + 2 * (1 - kr) * redDifference;
    double blue = luma + 2 * (1 - kb) * blueDifference;
    double green = (luma - kr * red - kb * blue) / (1 - kr - kb);
    return channel(red) << 16 | channel(green) << 8 | channel(blue);
  }

  private static int channel(double value) {
    return Math.clamp(Math.round(value * 255), 0, 255);
  }
}
