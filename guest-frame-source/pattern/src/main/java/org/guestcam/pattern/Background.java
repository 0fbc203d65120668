// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.guestcam.frame.PixelFormat;

/**
 * What stands still in the test picture: red grows from left to right, green from top to bottom,
 * blue comes in diagonal waves, and each colour has three bits of grain on top.
 *
 * <p>The colours are for people. The grain is for tests: it is a hash of x and y, so no two pages,
 * rows or columns are equal, and one that arrives in the wrong place is noticed in every format and
 * at every size.
 */
final class Background {
  private static final int BLACK = 0;
  private static final int GRAIN = 0x070707;
  private static final int STEPS = 240; // with the grain still below 256

  private Background() {}

  /**
   * Draws it once, every plane without padding between its rows, outside the Java heap (4K is 33
   * MB); the memory goes when nobody refers to the segments any more.
   */
  static MemorySegment[] planes(PixelFormat format, int width, int height) {
    PixelCoder coder = new PixelCoder(format);
    MemorySegment[] planes = new MemorySegment[format.planes().size()];
    int[] red = ramp(width, 16);
    int[] green = ramp(height, 8);
    int[] colours = new int[width + 1];
    for (int p = 0; p < planes.length; p++) {
      PixelFormat.Plane plane = format.planes().get(p);
      int rowBytes = (int) plane.rowBytes(width);
      int rows = plane.rows(height);
      byte[] row = new byte[rowBytes];
      planes[p] = Arena.ofAuto().allocate((long) rowBytes * rows);
      for (int r = 0; r < rows; r++) {
        int y = r * plane.yPixels();
        for (int x = 0; x < width; x++) {
          colours[x] = (red[x] | green[y] | wave(x + 2 * y)) + (grain(x, y) & GRAIN);
        }
        colours[width] = BLACK;
        coder.encodeRow(p, colours, width, row);
        MemorySegment.copy(MemorySegment.ofArray(row), 0, planes[p], (long) r * rowBytes, rowBytes);
      }
    }
    return planes;
  }

  /** One row of {@code width} equal pixels. */
  static byte[] plain(PixelFormat format, int plane, int width, int colour) {
    int[] colours = new int[width + 1];
    Arrays.fill(colours, colour);
    byte[] row = new byte[(int) format.planes().get(plane).rowBytes(width)];
    new PixelCoder(format).encodeRow(plane, colours, width, row);
    return row;
  }

  private static int[] ramp(int length, int shift) {
    int[] ramp = new int[length];
    for (int i = 0; i < length; i++) {
      ramp[i] = (i * STEPS / length) << shift;
    }
    return ramp;
  }

  /** A triangle wave of 512 pixels. */
  private static int wave(int at) {
    int phase = at & 511;
    return Math.min(phase < 256 ? phase : 511 - phase, STEPS);
  }

  private static int grain(int x, int y) {
    int hash = x * 0x9e3779b1 ^ y * 0x85ebca6b;
    hash ^= hash >>> 15;
    hash *= 0x2c1b3c6d;
    return hash ^ hash >>> 12;
  }
}
