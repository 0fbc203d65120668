// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

/** The smallest EDID (1.4, one block) that says one size at 60 Hz. */
final class Edid {
  private static final int BLOCK = 128;

  private Edid() {}

  /**
   * A block for a display of this size.
   *
   * @param width pixels, 1 to 4095
   * @param height pixels, 1 to 4095
   * @throws NumberFormatException where a side does not fit into an EDID
   */
  static byte[] of(int width, int height) {
    if (width < 1 || width > 4095 || height < 1 || height > 4095) {
      throw new NumberFormatException(width + "x" + height + " does not fit into an EDID");
    }
    byte[] block = new byte[BLOCK];
    for (int i = 1; i < 7; i++) {
      block[i] = (byte) 0xff;
    }
    put(block, 8, 0x1e, 0x63); // the maker: GSC, five bits a letter
    put(block, 16, 1, 36); // made in week 1 of 2026
    put(block, 18, 1, 4); // version 1.4
    put(block, 20, 0xa5); // digital, 8 bits a colour, DisplayPort
    put(block, 23, 120, 0x06); // gamma 2.2; sRGB, the first timing is the native one
    put(block, 25, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54); // sRGB's primaries
    for (int i = 38; i < 54; i++) {
      block[i] = 1; // no standard timing
    }
    timing(block, width, height);
    for (int descriptor = 72; descriptor < 126; descriptor += 18) {
      put(block, descriptor + 3, 0x10); // a dummy
    }
    int sum = 0;
    for (int i = 0; i < BLOCK - 1; i++) {
      sum += block[i];
    }
    block[BLOCK - 1] = (byte) -sum;
    return block;
  }

  /** The detailed timing of 18 bytes, with reduced blanking: 160 pixels, and 30 lines. */
  private static void timing(byte[] block, int width, int height) {
    int horizontalBlank = 160;
    int verticalBlank = 30;
    long clock =
        Math.min(0xffff, (long) (width + horizontalBlank) * (height + verticalBlank) * 60 / 10_000);
    put(block, 54, (int) clock, (int) (clock >> 8)); // 10 kHz
    put(block, 56, width, horizontalBlank, width >> 8 << 4 | horizontalBlank >> 8);
    put(block, 59, height, verticalBlank, height >> 8 << 4 | verticalBlank >> 8);
    put(block, 62, 48, 32, 3 << 4 | 6, 0); // sync: 48 + 32 pixels, 3 + 6 lines
    put(block, 71, 0x1a); // separate syncs, horizontal positive
  }

  private static void put(byte[] block, int at, int... bytes) {
    for (int i = 0; i < bytes.length; i++) {
      block[at + i] = (byte) bytes[i];
    }
  }
}
