// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RgbConverterTest {
  /** Two pixels side by side (one pair for subsampled chroma), in memory order. */
  @ParameterizedTest
  @CsvSource({
    "XRGB8888, 0605040009080700, 040506, 070809",
    "ARGB8888, 060504ff09080780, 040506, 070809",
    "XBGR8888, 0405060007080900, 040506, 070809",
    "ABGR8888, 040506ff07080980, 040506, 070809",
    "BGR888, 040506070809, 040506, 070809",
    "RGB888, 060504090807, 040506, 070809",
    "RGB565, 00f8ffff, ff0000, ffffff",
    "RGB565, e0071f00, 00ff00, 0000ff",
    "YUYV, eb801080, ffffff, 000000",
    "NV12, 10eb8080, 000000, ffffff",
    "YUV420, 7e108080, 808080, 000000",
    "P010, 001000eb00800080, 000000, ffffff",
    // Red by BT.601: Y 81, U 90, V 240.
    "YUYV, 515a51f0, ff0000, ff0000",
    "NV12, 51515af0, ff0000, ff0000",
    "YUV420, 51515af0, ff0000, ff0000",
    "P010, 00510051005a00f0, ff0000, ff0000",
  })
  void readsEveryFormat(PixelFormat format, String memory, String left, String right)
      throws LayoutException {
    BufferedImage image = convert(format, 2, 1, memory);
    assertNear(Integer.parseInt(left, 16), image.getRGB(0, 0) & 0xffffff);
    assertNear(Integer.parseInt(right, 16), image.getRGB(1, 0) & 0xffffff);
  }

  @Test
  void highPicturesAreBt709() throws LayoutException {
    // Red by BT.709: Y 63, U 102, V 240.
    BufferedImage image = convert(PixelFormat.YUYV, 2, 720, "3f663ff0".repeat(720));
    assertNear(0xff0000, image.getRGB(0, 719) & 0xffffff);
  }

  @Test
  void respectsOffsetAndStride() throws LayoutException {
    FrameLayout layout =
        FrameLayout.of(
            PixelFormat.XRGB8888, FrameLayout.LINEAR, 1, 2, new long[] {4}, new long[] {8});
    byte[] memory = HexFormat.of().parseHex("ffffffff010203000000000004050600");
    BufferedImage image = RgbConverter.convert(MemorySegment.ofArray(memory), layout);
    assertEquals(0x030201, image.getRGB(0, 0) & 0xffffff);
    assertEquals(0x060504, image.getRGB(0, 1) & 0xffffff);
  }

  @Test
  void refusesTiledMemory() throws LayoutException {
    FrameLayout tiled =
        FrameLayout.tight(PixelFormat.XRGB8888, 1, 1).withModifier(0x0100000000000001L);
    assertThrows(
        IllegalArgumentException.class,
        () -> RgbConverter.convert(MemorySegment.ofArray(new byte[4]), tiled));
  }

  private static BufferedImage convert(PixelFormat format, int width, int height, String memory)
      throws LayoutException {
    return RgbConverter.convert(
        MemorySegment.ofArray(HexFormat.of().parseHex(memory)),
        FrameLayout.tight(format, width, height));
  }

  /** 8-bit YUV names most colours only to within two steps of a channel. */
  private static void assertNear(int expected, int actual) {
    for (int shift = 0; shift <= 16; shift += 8) {
      int difference = Math.abs((expected >> shift & 0xff) - (actual >> shift & 0xff));
      assertTrue(difference <= 2, () -> String.format("expected %06x, got %06x", expected, actual));
    }
  }
}
