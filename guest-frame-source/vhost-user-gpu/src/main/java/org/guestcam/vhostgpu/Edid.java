// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a display says of itself: an EDID 1.4 block with the modes that were asked for, the first
 * one preferred, and a CTA-861 extension where they are more than the block has room for.
 *
 * <pre>
 *   block (128 bytes):  0 magic | 8 maker, product, serial | 18 version | 20 parameters | 25 colours
 *                       35 established | 38 standard[8] | 54 descriptor[4] of 18 bytes | 126 extensions | 127 sum
 *   extension (128):    0 tag 2 | 1 revision 3 | 2 where descriptors begin | 3 flags | 4 descriptor[6] | 127 sum
 * </pre>
 *
 * <p>Timings are CVT's with reduced blanking, rounded: no link has to carry them.
 */
final class Edid {
  /** Bytes of a block. */
  static final int BLOCK = 128;

  /** Modes at the most: 3 in the block beside the name, 6 in the extension. */
  static final int MAX_MODES = 9;

  /** The largest side that a timing can name. */
  static final int MAX_SIDE = 4095;

  private static final int TIMING = 18;
  private static final int FIRST_TIMING = 54;
  private static final int BLOCK_TIMINGS = 3;
  private static final int EXTENSION_FIRST = 4;
  private static final int HORIZONTAL_BLANK = 160;
  private static final int HORIZONTAL_FRONT = 48;
  private static final int HORIZONTAL_SYNC = 32;
  private static final int VERTICAL_FRONT = 3;
  private static final int VERTICAL_SYNC = 6;
  private static final double LEAST_VERTICAL_BLANK_SECONDS = 460e-6;
  private static final int REFRESH = 60;
  private static final double DOTS_PER_MILLIMETRE = 96 / 25.4;

  /** A size in pixels. */
  record Size(int width, int height) {
    @Override
    public String toString() {
      return width + "x" + height;
    }
  }

  private Edid() {}

  /**
   * Writes it.
   *
   * @param modes the preferred one first; none has a side above {@link #MAX_SIDE}
   * @param into has room for two blocks, and is zero
   * @return bytes: one block or two
   */
  static int write(List<Size> modes, int serial, MemorySegment into) {
    Size preferred = modes.getFirst();
    put(into, 0, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00);
    int maker = ('G' - '@') << 10 | ('S' - '@') << 5 | ('C' - '@');
    put(into, 8, maker >> 8, maker, 0x01, 0x00, serial, 0, 0, 0);
    put(into, 16, 1, 2026 - 1990, 1, 4); // week and year of make, EDID 1.4
    int widthMm = millimetres(preferred.width());
    int heightMm = millimetres(preferred.height());
    put(into, 20, 0xa5, Math.min(255, widthMm / 10), Math.min(255, heightMm / 10), 120, 0x06);
    put(into, 25, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54); // sRGB
    for (int i = 38; i < FIRST_TIMING; i++) {
      put(into, i, 0x01); // no standard timing
    }
    int inBlock = Math.min(BLOCK_TIMINGS, modes.size());
    for (int i = 0; i < inBlock; i++) {
      timing(into, FIRST_TIMING + i * TIMING, modes.get(i));
    }
    for (int i = inBlock; i < BLOCK_TIMINGS; i++) {
      put(into, FIRST_TIMING + i * TIMING, 0, 0, 0, 0x10); // a descriptor of nothing
    }
    name(into, FIRST_TIMING + BLOCK_TIMINGS * TIMING);
    int more = modes.size() - inBlock;
    put(into, 126, more > 0 ? 1 : 0);
    sum(into, 0);
    if (more <= 0) {
      return BLOCK;
    }
    put(into, BLOCK, 0x02, 0x03, EXTENSION_FIRST, 0);
    for (int i = 0; i < more; i++) {
      timing(into, BLOCK + EXTENSION_FIRST + i * TIMING, modes.get(inBlock + i));
    }
    sum(into, BLOCK);
    return 2 * BLOCK;
  }

  private static int millimetres(int pixels) {
    return (int) Math.round(pixels / DOTS_PER_MILLIMETRE);
  }

  private static void timing(MemorySegment into, int at, Size mode) {
    int width = mode.width();
    int height = mode.height();
    double line = (1.0 / REFRESH - LEAST_VERTICAL_BLANK_SECONDS) / height;
    int blank = (int) (LEAST_VERTICAL_BLANK_SECONDS / line) + 1;
    int verticalBlank = Math.max(blank, VERTICAL_FRONT + VERTICAL_SYNC + 6);
    long clock = (long) (width + HORIZONTAL_BLANK) * (height + verticalBlank) * REFRESH / 10_000;
    int tenKilohertz = (int) Math.min(0xffff, clock);
    int widthMm = Math.min(0xfff, millimetres(width));
    int heightMm = Math.min(0xfff, millimetres(height));
    put(into, at, tenKilohertz, tenKilohertz >> 8);
    put(into, at + 2, width, HORIZONTAL_BLANK, (width >> 8) << 4 | HORIZONTAL_BLANK >> 8);
    put(into, at + 5, height, verticalBlank, (height >> 8) << 4 | verticalBlank >> 8);
    put(into, at + 8, HORIZONTAL_FRONT, HORIZONTAL_SYNC, VERTICAL_FRONT << 4 | VERTICAL_SYNC, 0);
    put(into, at + 12, widthMm, heightMm, (widthMm >> 8) << 4 | heightMm >> 8);
    put(into, at + 15, 0, 0, 0x1a); // digital, separate sync, +horizontal, -vertical
  }

  private static void name(MemorySegment into, int at) {
    byte[] text = "guestcam\n    ".getBytes(StandardCharsets.US_ASCII);
    put(into, at, 0, 0, 0, 0xfc, 0);
    MemorySegment.copy(text, 0, into, JAVA_BYTE, at + 5L, text.length);
  }

  private static void sum(MemorySegment into, int block) {
    int sum = 0;
    for (int i = 0; i < BLOCK - 1; i++) {
      sum += into.get(JAVA_BYTE, (long) block + i);
    }
    put(into, block + BLOCK - 1, -sum);
  }

  private static void put(MemorySegment into, int at, int... bytes) {
    for (int i = 0; i < bytes.length; i++) {
      into.set(JAVA_BYTE, (long) at + i, (byte) bytes[i]);
    }
  }
}
