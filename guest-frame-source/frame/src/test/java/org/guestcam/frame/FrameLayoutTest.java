// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class FrameLayoutTest {
  @Test
  void aTightLayoutHasNoPadding() throws LayoutException {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, 1366, 768);
    assertEquals(5464, layout.stride(0));
    assertEquals(5464, layout.rowBytes(0));
    assertEquals(768, layout.rows(0));
    assertEquals(5464L * 768, layout.end());
    assertEquals(layout.end(), layout.imageSize());
    assertTrue(layout.isContiguous());
    assertTrue(layout.isLinear());
  }

  @Test
  void strideOfFurtherPlanesFollowsFromTheFirst() throws LayoutException {
    FrameLayout layout = FrameLayout.padded(PixelFormat.YUV420, 641, 481, 704);
    assertEquals(704, layout.stride(0));
    assertEquals(352, layout.stride(1));
    assertEquals(352, layout.stride(2));
    assertEquals(704L * 481, layout.offset(1));
    assertEquals(704L * 481 + 352L * 241, layout.offset(2));
    assertEquals(321, layout.rowBytes(1));
    assertEquals(241, layout.rows(2));
    assertEquals(704L * 481 + 2 * 352L * 241, layout.imageSize());
    assertEquals(layout.imageSize() - (352 - 321), layout.end());
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void everyTightAndPaddedLayoutIsContiguous(PixelFormat format) throws LayoutException {
    for (int width : new int[] {1, 2, 3, 160, 641, 1366}) {
      FrameLayout tight = FrameLayout.tight(format, width, 7);
      assertTrue(tight.isContiguous(), tight::toString);
      FrameLayout padded = FrameLayout.padded(format, width, 7, tight.stride(0) + 64);
      assertTrue(padded.isContiguous(), padded::toString);
      assertTrue(padded.withModifier(FrameLayout.IMPLICIT).isContiguous());
    }
  }

  @Test
  void planesElsewhereAreNotContiguous() throws LayoutException {
    long[] strides = {640, 640};
    assertTrue(nv12(new long[] {0, 640 * 480}, strides).isContiguous());
    assertFalse(nv12(new long[] {0, 640 * 480 + 4096}, strides).isContiguous());
    assertFalse(nv12(new long[] {4096, 640 * 480 + 4096}, strides).isContiguous());
    assertFalse(nv12(new long[] {0, 640 * 480}, new long[] {640, 1024}).isContiguous());
    assertFalse(nv12(new long[] {640 * 240, 0}, strides).isContiguous());
  }

  private static FrameLayout nv12(long[] offsets, long[] strides) throws LayoutException {
    return FrameLayout.of(PixelFormat.NV12, FrameLayout.LINEAR, 640, 480, offsets, strides);
  }

  @Test
  void theEndIsTheEndOfThePlaneThatReachesFurthest() throws LayoutException {
    FrameLayout layout = nv12(new long[] {640 * 240, 0}, new long[] {640, 640});
    assertEquals(640 * 240 + 640 * 480, layout.end());
  }

  @Test
  void memoryThatIsOneByteTooSmallIsRefused() throws LayoutException {
    FrameLayout layout = FrameLayout.padded(PixelFormat.XRGB8888, 100, 10, 512);
    // The last row needs no padding behind it.
    assertEquals(9 * 512 + 400, layout.end());
    layout.requireFits(layout.end());
    LayoutException refused =
        assertThrows(LayoutException.class, () -> layout.requireFits(layout.end() - 1));
    assertMessage(refused, "100x10 XR24", "5008", "5007");
  }

  @Test
  void refusalsNameTheNumberThatIsWrong() {
    assertMessage(refused(0, 10, new long[] {0}, new long[] {400}), "width 0");
    assertMessage(refused(16385, 10, new long[] {0}, new long[] {400}), "width 16385", "16384");
    assertMessage(refused(100, -1, new long[] {0}, new long[] {400}), "height -1");
    assertMessage(refused(100, 10, new long[] {0}, new long[] {399}), "stride 399", "400");
    assertMessage(refused(100, 10, new long[] {0}, new long[] {-400}), "stride -400");
    assertMessage(refused(100, 10, new long[] {0}, new long[] {1L << 31}), "stride 2147483648");
    assertMessage(refused(100, 10, new long[] {-1}, new long[] {400}), "offset -1");
    assertMessage(
        refused(100, 10, new long[] {Long.MAX_VALUE}, new long[] {400}), "offset", "overflows");
    assertMessage(refused(100, 10, new long[] {0, 0}, new long[] {400}), "1 planes", "2 offsets");
    assertMessage(refused(100, 10, new long[] {0}, new long[0]), "0 strides");
  }

  private static LayoutException refused(int width, int height, long[] offsets, long[] strides) {
    return assertThrows(
        LayoutException.class,
        () ->
            FrameLayout.of(
                PixelFormat.XRGB8888, FrameLayout.LINEAR, width, height, offsets, strides));
  }

  private static void assertMessage(Exception e, String... parts) {
    for (String part : parts) {
      assertTrue(e.getMessage().contains(part), () -> part + " in: " + e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({"XRGB8888,-1", "XRGB8888,2147483648", "XRGB8888,9223372036854775807", "NV12,639"})
  void paddedRefusesStridesThatAreNone(PixelFormat format, long stride) {
    LayoutException refused =
        assertThrows(LayoutException.class, () -> FrameLayout.padded(format, 640, 480, stride));
    assertMessage(refused, "stride " + stride);
  }

  @Test
  void isAValue() throws LayoutException {
    FrameLayout one = FrameLayout.tight(PixelFormat.NV12, 640, 480);
    FrameLayout same = nv12(new long[] {0, 640 * 480}, new long[] {640, 640});
    assertEquals(one, same);
    assertEquals(one.hashCode(), same.hashCode());
    assertNotEquals(one, one.withModifier(FrameLayout.IMPLICIT));
    assertNotEquals(one, FrameLayout.tight(PixelFormat.NV12, 640, 482));
  }

  @Test
  void callersCannotChangeItAfterwards() throws LayoutException {
    long[] offsets = {0, 640 * 480};
    FrameLayout layout = nv12(offsets, new long[] {640, 640});
    offsets[1] = 0;
    assertEquals(640 * 480, layout.offset(1));
  }

  @Test
  void tiledMemoryIsNotLinear() throws LayoutException {
    FrameLayout linear = FrameLayout.tight(PixelFormat.XRGB8888, 64, 64);
    assertTrue(linear.withModifier(FrameLayout.IMPLICIT).isLinear());
    FrameLayout tiled = linear.withModifier(0x0100_0000_0000_0001L);
    assertFalse(tiled.isLinear());
    assertTrue(tiled.toString().contains("0x0100000000000001"), tiled::toString);
  }
}
