// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.LayoutException;

/**
 * The guest's pointer. QEMU gives the place of the picture's upper left corner, not of the hot spot
 * (as {@code ui/egl-headless.c} and {@code ui/spice-display.c} of QEMU read it). The source's
 * thread owns it.
 */
public final class Pointer {
  /** Pixels a side of the largest pointer (QEMU's own limit). */
  public static final int MAX_SIDE = 512;

  private static final int BYTES_PER_PIXEL = 4;

  /** Larger only for a guest that has such a pointer. */
  private MemorySegment pixels = MemorySegment.NULL;

  private Cursor.Shape shape; // made for those who want it, and null when it is out of date
  private int width;
  private int height;
  private int hotX;
  private int hotY;
  private int x;
  private int y;
  private boolean on;
  private int pending; // the width, while the pixels are coming

  /**
   * A new look.
   *
   * @param bytes that come: width x height pixels
   * @return where they are to be put: B, G, R, A, the colours multiplied by alpha, rows without
   *     padding
   * @throws LayoutException where it is no pointer's size
   */
  public MemorySegment beginDefine(int wide, int high, int hotspotX, int hotspotY, int bytes)
      throws LayoutException {
    if (wide < 1 || wide > MAX_SIDE || high < 1 || high > MAX_SIDE) {
      throw new LayoutException("a cursor of " + wide + "x" + high + " pixels");
    }
    if (bytes != wide * high * BYTES_PER_PIXEL) {
      throw new LayoutException(bytes + " bytes for a cursor of " + wide + "x" + high + " pixels");
    }
    if (pixels.byteSize() < bytes) {
      pixels = Arena.ofAuto().allocate(bytes, 8);
    }
    width = 0; // nothing to see until the pixels are there
    shape = null;
    height = high;
    hotX = Math.clamp(hotspotX, 0, wide - 1);
    hotY = Math.clamp(hotspotY, 0, high - 1);
    pending = wide;
    return pixels;
  }

  /** The pixels are there. */
  public void endDefine() {
    width = pending;
  }

  /** It is somewhere else, or hidden. */
  public void move(int left, int top, boolean visible) {
    x = left;
    y = top;
    on = visible;
  }

  /** Whether there is something to be seen. */
  public boolean isVisible() {
    return on && width > 0;
  }

  /** Its left edge in the picture, perhaps outside. */
  public int x() {
    return x;
  }

  /** Its upper edge in the picture, perhaps outside. */
  public int y() {
    return y;
  }

  /** Pixels; 0 before the first look. */
  public int width() {
    return width;
  }

  /** Pixels. */
  public int height() {
    return height;
  }

  /** Its pixels, as {@link #beginDefine} says. */
  public MemorySegment pixels() {
    return pixels;
  }

  /** It, for a listener. */
  public Cursor toCursor() {
    if (width > 0 && shape == null) {
      byte[] copy = pixels.asSlice(0, (long) width * height * BYTES_PER_PIXEL).toArray(JAVA_BYTE);
      shape = new Cursor.Shape(width, height, hotX, hotY, MemorySegment.ofArray(copy).asReadOnly());
    }
    return new Cursor(isVisible(), x, y, shape);
  }
}
