// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/** Pixels as 0xRRGGBB, row by row, to compare. */
@SuppressWarnings("ArrayRecordComponent") // equals and hashCode are written out below
public record Picture(int width, int height, int[] pixels) {
  /** A portable pixmap of 8 bits, as QEMU writes it: {@code P6 width height 255}. */
  public static Picture ofPpm(byte[] ppm) {
    int[] numbers = new int[3];
    int at = 2;
    for (int i = 0; i < 3; i++) {
      int end = at + 1;
      while (ppm[end] > ' ') {
        end++;
      }
      numbers[i] =
          Integer.parseInt(new String(ppm, at, end - at, StandardCharsets.US_ASCII).strip());
      at = end;
    }
    at++;
    int[] pixels = new int[numbers[0] * numbers[1]];
    for (int i = 0; i < pixels.length; i++, at += 3) {
      pixels[i] = (ppm[at] & 0xff) << 16 | (ppm[at + 1] & 0xff) << 8 | (ppm[at + 2] & 0xff);
    }
    return new Picture(numbers[0], numbers[1], pixels);
  }

  /** A frame of 32 bits a pixel, the lowest byte blue or, for the XBGR8888 of OpenGL, red. */
  public static Picture of(MemorySegment bytes, FrameLayout layout) {
    boolean redFirst =
        layout.format() == PixelFormat.XBGR8888 || layout.format() == PixelFormat.ABGR8888;
    int[] pixels = new int[layout.width() * layout.height()];
    for (int y = 0; y < layout.height(); y++) {
      long row = layout.offset(0) + (long) y * layout.stride(0);
      for (int x = 0; x < layout.width(); x++) {
        int pixel = bytes.get(JAVA_INT_UNALIGNED, row + 4L * x);
        pixels[y * layout.width() + x] =
            (redFirst ? Integer.reverseBytes(pixel) >>> 8 : pixel) & 0xffffff;
      }
    }
    return new Picture(layout.width(), layout.height(), pixels);
  }

  /** How many different colours there are. */
  public long colours() {
    return Arrays.stream(pixels).distinct().count();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Picture that
        && width == that.width
        && height == that.height
        && Arrays.equals(pixels, that.pixels);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(pixels);
  }

  @Override
  public String toString() {
    return width + "x" + height + " with " + colours() + " colours";
  }
}
