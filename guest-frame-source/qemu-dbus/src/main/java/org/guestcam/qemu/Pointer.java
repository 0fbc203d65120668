// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.LayoutException;

/** The guest's pointer: where it is and what it looks like. The source's thread owns it. */
final class Pointer {
  /** Pixels a side of the largest pointer (QEMU's own limit). */
  static final int MAX_SIDE = 512;

  private static final int BYTES_PER_PIXEL = 4;

  private final MemorySegment pixels =
      Arena.ofAuto().allocate((long) MAX_SIDE * MAX_SIDE * BYTES_PER_PIXEL, 8);

  /** Where its picture is received: premultiplied B, G, R, A, rows without padding. */
  MemorySegment pixels() {
    return pixels;
  }

  /**
   * A new look, whose pixels come next.
   *
   * @return the bytes that it must have
   * @throws LayoutException where it is no pointer's size
   */
  int define(int width, int height, int hotX, int hotY, int bytes) throws LayoutException {
    if (width < 1 || width > MAX_SIDE || height < 1 || height > MAX_SIDE) {
      throw new LayoutException("a cursor of " + width + "x" + height + " pixels");
    }
    return width * height * BYTES_PER_PIXEL;
  }

  /** The pixels are there. */
  void defined() {}

  /** It is somewhere else, or hidden. */
  void moved(int x, int y, boolean visible) {}
}
