// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PixelFormatTest {
  /** By hand, of a picture of 5x3 and of one of 641x481 pixels: bytes of a row, rows, a plane. */
  @ParameterizedTest
  @CsvSource({
    // format, plane, rowBytes(5), rows(3), rowBytes(641), rows(481)
    "XRGB8888, 0, 20, 3, 2564, 481",
    "ARGB8888, 0, 20, 3, 2564, 481",
    "XBGR8888, 0, 20, 3, 2564, 481",
    "ABGR8888, 0, 20, 3, 2564, 481",
    "BGR888, 0, 15, 3, 1923, 481",
    "RGB888, 0, 15, 3, 1923, 481",
    "RGB565, 0, 10, 3, 1282, 481",
    "YUYV, 0, 12, 3, 1284, 481",
    "NV12, 0, 5, 3, 641, 481",
    "NV12, 1, 6, 2, 642, 241",
    "YUV420, 0, 5, 3, 641, 481",
    "YUV420, 1, 3, 2, 321, 241",
    "YUV420, 2, 3, 2, 321, 241",
    "P010, 0, 10, 3, 1282, 481",
    "P010, 1, 12, 2, 1284, 241",
  })
  void planesHaveTheSizesThatWereComputedByHand(
      PixelFormat format, int plane, int row5, int rows3, int row641, int rows481) {
    PixelFormat.Plane p = format.planes().get(plane);
    assertEquals(row5, p.rowBytes(5));
    assertEquals(rows3, p.rows(3));
    assertEquals(row641, p.rowBytes(641));
    assertEquals(rows481, p.rows(481));
  }

  /** By hand: 4:2:0 rounds 5 up to 6 pixels in every plane, so that V4L2's strides are whole. */
  @ParameterizedTest
  @CsvSource({
    "XRGB8888, 60",
    "ARGB8888, 60",
    "XBGR8888, 60",
    "ABGR8888, 60",
    "BGR888, 45",
    "RGB888, 45",
    "RGB565, 30",
    "YUYV, 36",
    "NV12, 30",
    "YUV420, 30",
    "P010, 60"
  })
  void tightImageSizeOfAnOddPicture(PixelFormat format, int imageSize) throws LayoutException {
    assertEquals(imageSize, FrameLayout.tight(format, 5, 3).imageSize());
  }

  /** drm_fourcc.h, videodev2.h, video-format.h. */
  @ParameterizedTest
  @CsvSource({
    "XRGB8888, XR24, XR24, BGRx",
    "ARGB8888, AR24, AR24, BGRA",
    "XBGR8888, XB24, XB24, RGBx",
    "ABGR8888, AB24, AB24, RGBA",
    "BGR888, BG24, RGB3, RGB",
    "RGB888, RG24, BGR3, BGR",
    "RGB565, RG16, RGBP, RGB16",
    "YUYV, YUYV, YUYV, YUY2",
    "NV12, NV12, NV12, NV12",
    "YUV420, YU12, YU12, I420",
    "P010, P010, P010, P010_10LE",
  })
  void namesAreThoseOfTheHeaders(PixelFormat format, String drm, String v4l2, String gstreamer) {
    assertEquals(drm, Fourcc.name(format.drm()));
    assertEquals(v4l2, Fourcc.name(format.v4l2().getFirst()));
    assertEquals(gstreamer, format.gstreamer());
    assertEquals(drm, format.toString());
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void namesLeadBackToTheFormat(PixelFormat format) {
    assertEquals(Optional.of(format), PixelFormat.ofDrm(format.drm()));
    assertEquals(Optional.of(format), PixelFormat.ofV4l2(format.v4l2().getFirst()));
    assertEquals(format, PixelFormat.named(Fourcc.name(format.drm())));
    assertEquals(format, PixelFormat.named(format.gstreamer()));
    assertEquals(format, PixelFormat.named(format.toString()));
  }

  @Test
  void aRelabelledFourccLeadsToAFormatOfTheSameBytes() {
    assertEquals(Optional.of(PixelFormat.XRGB8888), PixelFormat.ofV4l2(Fourcc.of("BGR4")));
    assertEquals(PixelFormat.XRGB8888, PixelFormat.named("BGR4"));
    assertEquals(PixelFormat.BGR888, PixelFormat.named("RGB3"));
    for (PixelFormat format : PixelFormat.values()) {
      for (int fourcc : format.v4l2()) {
        PixelFormat other = PixelFormat.ofV4l2(fourcc).orElseThrow();
        assertEquals(format.planes(), other.planes());
      }
    }
  }

  @Test
  void noNameMeansTwoFormats() {
    Set<Object> seen = new HashSet<>();
    for (PixelFormat format : PixelFormat.values()) {
      assertTrue(seen.add(format.drm()), format::toString);
      assertTrue(seen.add(format.gstreamer()), format::toString);
    }
  }

  @Test
  void unknownNamesAreRefusedWithAList() {
    for (String name : new String[] {"", "XR2", "ZZZZ", "XR24 ", "ünï4"}) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> PixelFormat.named(name));
      assertTrue(refused.getMessage().contains("'" + name + "'"), refused::getMessage);
      assertTrue(refused.getMessage().contains("NV12"), refused::getMessage);
    }
    assertEquals(Optional.empty(), PixelFormat.ofDrm(0));
    assertEquals(Optional.empty(), PixelFormat.ofV4l2(-1));
  }

  @Test
  void yuvFormatsAreThoseWithLuma() {
    Set<PixelFormat> yuv =
        Set.of(PixelFormat.YUYV, PixelFormat.NV12, PixelFormat.YUV420, PixelFormat.P010);
    Arrays.stream(PixelFormat.values())
        .forEach(format -> assertEquals(yuv.contains(format), format.isYuv(), format::toString));
  }
}
