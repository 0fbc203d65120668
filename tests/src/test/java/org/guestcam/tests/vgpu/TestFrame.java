// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

/** The numbered frames of guest/kms.c: every pixel follows from its place and the number. */
public final class TestFrame {
  /** No test frame, or parts of two. */
  public static final int NONE = -1;

  private static final int FACTOR = (int) 2654435761L;
  private static final int INVERSE = inverse(FACTOR);

  private TestFrame() {}

  private static int inverse(int odd) {
    int x = odd; // Newton: each step doubles the right bits
    for (int i = 0; i < 5; i++) {
      x *= 2 - odd * x;
    }
    return x;
  }

  /** 0xRRGGBB at a place of a frame. */
  static int pixel(int x, int y, int number) {
    return (number * FACTOR ^ y * 40503 ^ (x >> 4) * 69069) & 0xffffff;
  }

  /**
   * Which frame a picture is, every pixel compared.
   *
   * @param pixels 0x??RRGGBB, row by row
   * @return its number modulo 2^24; or {@link #NONE}
   */
  public static int number(int[] pixels, int width, int height) {
    int number = (pixels[0] & 0xffffff) * INVERSE & 0xffffff;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        if ((pixels[y * width + x] & 0xffffff) != pixel(x, y, number)) {
          return NONE;
        }
      }
    }
    return number;
  }
}
