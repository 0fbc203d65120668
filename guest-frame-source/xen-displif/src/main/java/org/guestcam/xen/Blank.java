// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;

/**
 * A black picture of one mode, in memory of this host. It is a dma-buf where the guest's pictures
 * are, for a sink that takes those by their addresses cannot take a dma-buf so.
 */
final class Blank {
  private static final int BLACK_YUYV = 0x80108010;

  private final Mode mode;
  private final boolean asDmaBuf;
  private final Picture picture;

  Blank(Mode mode, boolean asDmaBuf, int id, Runnable onFree) throws IOException {
    this.mode = mode;
    this.asDmaBuf = asDmaBuf;
    long stride = mode.format().planes().getFirst().rowBytes(mode.width());
    FrameLayout layout = layout(mode, stride);
    String name = "guestcam-xen-black";
    try (OwnMemory memory =
        asDmaBuf
            ? OwnMemory.allocate(name, layout.end())
            : OwnMemory.allocateShared(name, layout.end())) {
      if (mode.format() == PixelFormat.YUYV) {
        MemorySegment pixels = memory.pixels();
        for (long at = 0; at + 4 <= pixels.byteSize(); at += 4) {
          pixels.set(ValueLayout.JAVA_INT, at, BLACK_YUYV);
        }
      }
      picture = Picture.of(memory.buffer(id, layout, () -> {}), onFree);
    }
  }

  private static FrameLayout layout(Mode mode, long stride) throws IOException {
    try {
      return FrameLayout.of(
          mode.format(),
          FrameLayout.LINEAR,
          mode.width(),
          mode.height(),
          new long[] {0},
          new long[] {stride});
    } catch (LayoutException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  boolean fits(Mode other, boolean otherAsDmaBuf) {
    return mode.equals(other) && asDmaBuf == otherAsDmaBuf;
  }

  Picture picture() {
    return picture;
  }

  void remove(FrameListener listener) {
    picture.remove(listener);
  }
}
