// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.guestcam.frame.FrameLayout;

/** A few words on black, in a picture of any format of one plane: what there is to see instead. */
final class Notice {
  /** Letters of 5 x 7 pixels: the letter, then a byte a row, whose lowest five bits are it. */
  private static final String FONT =
      "A0E11111F111111 B1E11111E11111E C0E11101010110E D1E11111111111E E1F10101E10101F "
          + "F1F10101E101010 G0E11101711110F H1111111F111111 I0E04040404040E J0702020202120C "
          + "K11121418141211 L1010101010101F M111B1515111111 N11191513111111 O0E11111111110E "
          + "P1E11111E101010 Q0E11111115120D R1E11111E141211 S0F10100E01011E T1F040404040404 "
          + "U1111111111110E V11111111110A04 W11111115151B11 X11110A040A1111 Y11110A04040404 "
          + "Z1F01020408101F 00E11131519110E 1040C040404040E 20E11010608101F 31F02040201110E "
          + "402060A121F0202 51F101E0101110E 60608101E11110E 71F010204080808 80E11110E11110E "
          + "90E11110F01020C -0000001F000000 _0000000000001F .00000000000C0C /01010204081010 "
          + ":000C0C000C0C00 ";

  /** What has no letter here. */
  private static final long BOX = 0x1f_1111_1111_111fL;

  private static final Map<Character, Long> LETTERS = new HashMap<>();

  static {
    for (int at = 0; at < FONT.length(); at += 16) {
      LETTERS.put(FONT.charAt(at), Long.parseLong(FONT, at + 1, at + 15, 16));
    }
    LETTERS.put(' ', 0L);
  }

  private static final int LETTER_WIDTH = 6; // with the gap to the next
  private static final int LETTER_HEIGHT = 7;
  private static final int LINE_HEIGHT = 10;

  private Notice() {}

  /** Makes the picture black, with these lines in its middle, as large as a third of it. */
  static void draw(MemorySegment pixels, FrameLayout layout, String... lines) {
    pixels.asSlice(layout.offset(0), layout.end() - layout.offset(0)).fill((byte) 0);
    int longest = 1;
    for (String line : lines) {
      longest = Math.max(longest, line.length());
    }
    int scale =
        Math.min(
            layout.width() * 2 / 3 / (longest * LETTER_WIDTH),
            layout.height() / 3 / (lines.length * LINE_HEIGHT));
    scale = Math.max(1, scale);
    int y = (layout.height() - lines.length * LINE_HEIGHT * scale) / 2;
    for (String line : lines) {
      int x = (layout.width() - line.length() * LETTER_WIDTH * scale) / 2;
      String upper = line.toUpperCase(Locale.ROOT);
      for (int i = 0; i < upper.length(); i++) {
        long letter = LETTERS.getOrDefault(upper.charAt(i), BOX);
        drawLetter(pixels, layout, letter, x + i * LETTER_WIDTH * scale, y, scale);
      }
      y += LINE_HEIGHT * scale;
    }
  }

  private static void drawLetter(
      MemorySegment pixels, FrameLayout layout, long letter, int left, int top, int scale) {
    for (int y = 0; y < LETTER_HEIGHT * scale; y++) {
      long row = letter >> (8 * (LETTER_HEIGHT - 1 - y / scale));
      for (int x = 0; x < (LETTER_WIDTH - 1) * scale; x++) {
        if ((row >> (LETTER_WIDTH - 2 - x / scale) & 1) != 0) {
          white(pixels, layout, left + x, top + y);
        }
      }
    }
  }

  /** All bits of a pixel set are white in every format that QEMU sends. */
  private static void white(MemorySegment pixels, FrameLayout layout, int x, int y) {
    if (x < 0 || x >= layout.width() || y < 0 || y >= layout.height()) {
      return; // a long name in a small picture
    }
    int bytes = layout.format().planes().getFirst().bytes();
    long at = layout.offset(0) + (long) y * layout.stride(0) + (long) x * bytes;
    pixels.asSlice(at, bytes).fill((byte) -1);
  }
}
