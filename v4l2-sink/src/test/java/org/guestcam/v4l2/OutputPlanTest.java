// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;

/** What a negotiation's result says of itself; negotiating needs a device, and so the lab. */
class OutputPlanTest {
  private static OutputPlan plan(FrameLayout source, FrameLayout target, MemoryType memory) {
    OutputFormat format =
        new OutputFormat(
            Fourcc.of("BGR4"),
            target.width(),
            target.height(),
            target.stride(0),
            (int) target.imageSize(),
            1);
    return new OutputPlan(source, format, target, memory, "");
  }

  private static FrameLayout picture(int width, int height) {
    return Pictures.layout(PixelFormat.XRGB8888, width, height, 0);
  }

  @Test
  void saysHowPicturesGetThere() {
    FrameLayout size = picture(640, 480);
    assertEquals("DMABUF 640x480 BGR4 stride 2560", plan(size, size, MemoryType.DMABUF).toString());
    assertEquals(
        "USERPTR 640x480 BGR4 stride 2560", plan(size, size, MemoryType.USERPTR).toString());
    assertEquals(
        "MMAP copy 640x480 BGR4 stride 2560", plan(size, size, MemoryType.MMAP).toString());
    assertEquals(
        "WRITE copy 640x480 BGR4 stride 2560", plan(size, size, MemoryType.WRITE).toString());
  }

  @Test
  void saysWhenThePictureIsFittedIn() {
    OutputPlan plan = plan(picture(800, 600), picture(640, 480), MemoryType.MMAP);
    assertTrue(plan.needsLetterbox());
    assertEquals("MMAP copy 640x480 BGR4 stride 2560 letterboxed", plan.toString());
    assertTrue(plan(picture(640, 400), picture(640, 480), MemoryType.MMAP).needsLetterbox());
    assertFalse(plan(picture(640, 480), picture(640, 480), MemoryType.MMAP).needsLetterbox());
  }

  @Test
  void onlyTwoMemoryTypesAreWithoutACopy() {
    EnumSet<MemoryType> zeroCopy = EnumSet.allOf(MemoryType.class);
    zeroCopy.removeIf(type -> !type.isZeroCopy());
    assertEquals(EnumSet.of(MemoryType.DMABUF, MemoryType.USERPTR), zeroCopy);
  }

  @Test
  void aFormatKnowsItsSize() {
    OutputFormat format = new OutputFormat(Fourcc.of("NV12"), 1366, 768, 1408, 1_622_016, 1);
    assertTrue(format.hasSize(1366, 768));
    assertFalse(format.hasSize(1366, 769));
    assertFalse(format.hasSize(1365, 768));
    assertEquals("1366x768 NV12 stride 1408", format.toString());
  }
}
