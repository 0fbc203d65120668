// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/**
 * Fits a picture into a device's buffer of another size and the same format: as it is where it is
 * smaller, shrunk (nearest pixel, same shape) where it is larger, in the middle, black around it.
 *
 * <p>For the time between a guest's mode change and the moment when the device may change its
 * format: readable, not beautiful, and always a copy of the whole picture.
 */
final class Letterbox {
  private final FrameLayout source;
  private final FrameLayout target;
  private final int width;
  private final int height;
  private final int left;
  private final int top;

  /** Prepares for pictures of {@code source} in buffers of {@code target}: the same format. */
  Letterbox(FrameLayout source, FrameLayout target) {
    if (source.format() != target.format()) {
      throw new IllegalArgumentException(
          "cannot fit " + source.format() + " into " + target.format());
    }
    this.source = source;
    this.target = target;
    double scale =
        Math.min(
            1.0,
            Math.min(
                (double) target.width() / source.width(),
                (double) target.height() / source.height()));
    // Even sizes and places, so that chroma lands on whole blocks.
    width = even((int) Math.floor(source.width() * scale), target.width());
    height = even((int) Math.floor(source.height() * scale), target.height());
    left = (target.width() - width) / 2 & ~1;
    top = (target.height() - height) / 2 & ~1;
  }

  private static int even(int pixels, int most) {
    return Math.max(1, Math.min(most, pixels == 1 ? 1 : pixels & ~1));
  }

  /**
   * Draws the whole picture, borders included.
   *
   * @return bytes written
   */
  long draw(MemorySegment from, MemorySegment to) {
    long bytes = 0;
    for (int p = 0; p < target.planes(); p++) {
      blacken(to, p);
      drawPlane(from, to, p);
      bytes += (long) target.rowBytes(p) * target.rows(p);
    }
    return bytes;
  }

  private void drawPlane(MemorySegment from, MemorySegment to, int p) {
    PixelFormat.Plane plane = target.format().planes().get(p);
    int columns = Math.ceilDiv(width, plane.xPixels());
    int rows = plane.rows(height);
    int sourceColumns = Math.ceilDiv(source.width(), plane.xPixels());
    int sourceRows = source.rows(p);
    int block = plane.bytes();
    for (int y = 0; y < rows; y++) {
      long sourceY = (long) y * sourceRows / rows;
      long fromRow = source.offset(p) + sourceY * source.stride(p);
      long toRow =
          target.offset(p)
              + (long) (y + top / plane.yPixels()) * target.stride(p)
              + (long) (left / plane.xPixels()) * block;
      if (columns == sourceColumns) {
        MemorySegment.copy(from, fromRow, to, toRow, (long) columns * block);
        continue;
      }
      for (int x = 0; x < columns; x++) {
        long at = fromRow + (long) x * sourceColumns / columns * block;
        for (int b = 0; b < block; b++) {
          to.set(JAVA_BYTE, toRow + (long) x * block + b, from.get(JAVA_BYTE, at + b));
        }
      }
    }
  }

  private void blacken(MemorySegment to, int p) {
    int block = target.format().planes().get(p).bytes();
    for (int y = 0; y < target.rows(p); y++) {
      long row = target.offset(p) + (long) y * target.stride(p);
      if (!target.format().isYuv()) {
        to.asSlice(row, target.rowBytes(p)).fill((byte) 0);
        continue;
      }
      for (int x = 0; x < target.rowBytes(p); x += block) {
        for (int b = 0; b < block; b++) {
          to.set(JAVA_BYTE, row + x + b, black(target.format(), p, b));
        }
      }
    }
  }

  /** The byte of black in limited range: luma 16, chroma 128; times 4, high-aligned, for P010. */
  private static byte black(PixelFormat format, int plane, int byteOfBlock) {
    return switch (format) {
      case YUYV -> (byte) (byteOfBlock % 2 == 0 ? 16 : 128);
      case P010 -> (byte) (byteOfBlock % 2 == 0 ? 0 : plane == 0 ? 16 : 128);
      default -> (byte) (plane == 0 ? 16 : 128);
    };
  }
}
