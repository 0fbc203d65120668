// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;

/** Memory for pictures in tests. */
final class Pictures {
  private Pictures() {}

  /** A layout whose first plane has {@code padding} bytes more than a row needs. */
  static FrameLayout layout(PixelFormat format, int width, int height, int padding) {
    try {
      int tight = FrameLayout.tight(format, width, height).stride(0);
      return FrameLayout.padded(format, width, height, tight + padding);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  static Buffer buffer(FrameLayout layout) throws IOException {
    long page = Mapping.pageSize();
    try (Memfd memfd = Memfd.create("picture", Math.ceilDiv(layout.imageSize(), page) * page)) {
      return Buffer.ofMemory(0, layout, memfd.map(), () -> {});
    } catch (LayoutException e) {
      throw new AssertionError(e);
    }
  }

  static MemorySegment memory(Arena arena, FrameLayout layout, int fill) {
    return arena.allocate(layout.imageSize()).fill((byte) fill);
  }

  /** Draws noise over every block that a rectangle touches. */
  static void draw(
      MemorySegment pixels,
      FrameLayout layout,
      Random random,
      int left,
      int top,
      int width,
      int height) {
    for (int p = 0; p < layout.planes(); p++) {
      PixelFormat.Plane plane = layout.format().planes().get(p);
      int firstColumn = left / plane.xPixels();
      int endColumn = Math.ceilDiv(left + width, plane.xPixels());
      int firstRow = top / plane.yPixels();
      int endRow = Math.ceilDiv(top + height, plane.yPixels());
      for (int y = firstRow; y < endRow; y++) {
        long row = layout.offset(p) + (long) y * layout.stride(p);
        for (int b = firstColumn * plane.bytes(); b < endColumn * plane.bytes(); b++) {
          pixels.set(JAVA_BYTE, row + b, (byte) random.nextInt());
        }
      }
    }
  }

  /** The byte of a block of a plane. */
  static byte at(MemorySegment pixels, FrameLayout layout, int p, int column, int row, int b) {
    int bytes = layout.format().planes().get(p).bytes();
    return pixels.get(
        JAVA_BYTE, layout.offset(p) + (long) row * layout.stride(p) + (long) column * bytes + b);
  }
}
