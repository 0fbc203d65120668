// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;

/**
 * A dma-buf of QEMU that cannot be shown as it is: its lowest row comes first, as OpenGL has it, or
 * a pointer is to be drawn into the picture. Its changes are copied, so that the guest need not
 * wait for any reader.
 */
final class CopiedDmaBuf implements AutoCloseable {
  private final Buffer buffer;
  private final boolean bottomFirst;

  private CopiedDmaBuf(Buffer buffer, boolean bottomFirst) {
    this.buffer = buffer;
    this.bottomFirst = bottomFirst;
  }

  /**
   * Takes {@code fd} over.
   *
   * @param bottomFirst whether the first row in memory is the lowest of the picture
   * @throws LayoutException where the picture reaches past the dma-buf, or no CPU can read it
   */
  static CopiedDmaBuf own(Fd fd, FrameLayout layout, boolean bottomFirst)
      throws ErrnoException, LayoutException {
    DmaBuf dmaBuf;
    try {
      if (!layout.isLinear() || layout.planes() != 1) {
        throw new LayoutException(
            layout + " would have to be copied row by row, and only linear memory has rows");
      }
      dmaBuf = DmaBuf.own(fd);
    } catch (ErrnoException | LayoutException e) {
      fd.close();
      throw e;
    }
    try {
      return new CopiedDmaBuf(Buffer.ofDmaBuf(0, layout, dmaBuf, () -> {}), bottomFirst);
    } catch (LayoutException e) {
      dmaBuf.close();
      throw e;
    }
  }

  /** The layout of its picture where it is copied to. */
  FrameLayout layout() throws LayoutException {
    FrameLayout from = buffer.layout();
    return FrameLayout.tight(from.format(), from.width(), from.height());
  }

  /**
   * Copies what changed. QEMU does not say from which edge it counts the rows of a picture with its
   * lowest row first (its viewers disagree), so both readings are copied.
   *
   * @return how many bytes were copied
   */
  long copyTo(CopiedSurface to, int x, int y, int width, int height) throws IOException {
    int high = buffer.layout().height();
    int wide = buffer.layout().width();
    int left = Math.clamp(x, 0, wide);
    int right = Math.clamp((long) x + width, left, wide);
    int top = Math.clamp(y, 0, high);
    int bottom = Math.clamp((long) y + height, top, high);
    if (left == right || top == bottom) {
      return 0;
    }
    long copied;
    MemorySegment from = buffer.pixels();
    int ignored = buffer.beginRead(); // an error means that there is nothing to be made coherent
    try {
      copied = copyRows(from, to, left, top, right - left, bottom - top);
      if (bottomFirst && top + bottom != high) {
        copied += copyRows(from, to, left, high - bottom, right - left, bottom - top);
      }
    } finally {
      ignored |= buffer.endRead();
    }
    assert ignored <= 0;
    return copied;
  }

  private long copyRows(MemorySegment from, CopiedSurface to, int x, int y, int width, int height) {
    FrameLayout layout = buffer.layout();
    long at = (long) x * layout.format().planes().getFirst().bytes();
    long bytes = (long) width * layout.format().planes().getFirst().bytes();
    MemorySegment pixels = to.beginWrite(x, y, width, height);
    for (int row = y; row < y + height; row++) {
      int source = bottomFirst ? layout.height() - 1 - row : row;
      MemorySegment.copy(
          from,
          layout.offset(0) + (long) source * layout.stride(0) + at,
          pixels,
          to.layout().offset(0) + (long) row * to.layout().stride(0) + at,
          bytes);
    }
    to.endWrite();
    return bytes * height;
  }

  @Override
  public void close() {
    buffer.drop();
  }
}
