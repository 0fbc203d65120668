// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/**
 * Draws a pointer over a picture, and remembers what was below: the next picture is made from that
 * one. Pictures have 32 bits a pixel; over others nothing is drawn.
 */
final class PointerOverlay {
  private final FrameLayout layout;
  private final boolean drawable;
  private final boolean redFirst;
  private MemorySegment below = MemorySegment.NULL;
  private Pointer pointer;

  // Where it is drawn in the newest picture, cut at the edges; nothing where the width is 0.
  private int drawnX;
  private int drawnY;
  private int drawnWidth;
  private int drawnHeight;

  /** For pictures of this layout. */
  PointerOverlay(FrameLayout layout) {
    this.layout = layout;
    PixelFormat format = layout.format();
    redFirst = format == PixelFormat.XBGR8888 || format == PixelFormat.ABGR8888;
    drawable = redFirst || format == PixelFormat.XRGB8888 || format == PixelFormat.ARGB8888;
  }

  /** The pointer is like this now: where it was and where it is are added to the damage. */
  void set(Pointer changed, Damage damage) {
    if (drawable) {
      pointer = changed;
      damage.add(drawnX, drawnY, drawnWidth, drawnHeight);
      if (changed.isVisible()) {
        damage.add(changed.x(), changed.y(), changed.width(), changed.height());
        damage.clip(layout.width(), layout.height());
      }
    }
  }

  /** Whether {@link #draw} has something to do. */
  boolean isNeeded() {
    return pointer != null;
  }

  /** Whether the newest picture has a pointer in it. */
  boolean isDrawn() {
    return drawnWidth > 0;
  }

  /** Makes a picture that was copied from the newest one one without a pointer. */
  void restore(MemorySegment picture) {
    copy(picture, false);
  }

  /**
   * Draws it; the picture is then the newest one.
   *
   * @param stale where the picture no longer is what the guest drew
   */
  void draw(MemorySegment picture, Damage stale) {
    drawnWidth = 0;
    if (!pointer.isVisible()) {
      return;
    }
    drawnX = Math.clamp(pointer.x(), 0, layout.width());
    drawnY = Math.clamp(pointer.y(), 0, layout.height());
    int right = Math.clamp((long) pointer.x() + pointer.width(), drawnX, layout.width());
    int bottom = Math.clamp((long) pointer.y() + pointer.height(), drawnY, layout.height());
    drawnHeight = bottom - drawnY;
    drawnWidth = drawnHeight == 0 ? 0 : right - drawnX;
    if (drawnWidth == 0) {
      return;
    }
    if (below.byteSize() < 4L * drawnWidth * drawnHeight) {
      below = Arena.ofAuto().allocate(4L * drawnWidth * drawnHeight, 8);
    }
    copy(picture, true);
    for (int y = 0; y < drawnHeight; y++) {
      long from = 4L * ((long) (drawnY - pointer.y() + y) * pointer.width() + drawnX - pointer.x());
      long to = at(y);
      for (int x = 0; x < drawnWidth; x++, from += 4, to += 4) {
        int over = pointer.pixels().get(JAVA_INT_UNALIGNED, from);
        picture.set(
            JAVA_INT_UNALIGNED,
            to,
            blend(redFirst ? swap(over) : over, picture.get(JAVA_INT_UNALIGNED, to)));
      }
    }
    stale.add(drawnX, drawnY, drawnWidth, drawnHeight);
  }

  private long at(int y) {
    return layout.offset(0) + (long) (drawnY + y) * layout.stride(0) + 4L * drawnX;
  }

  private void copy(MemorySegment picture, boolean save) {
    long bytes = 4L * drawnWidth;
    for (int y = 0; y < drawnHeight && bytes > 0; y++) {
      if (save) {
        MemorySegment.copy(picture, at(y), below, y * bytes, bytes);
      } else {
        MemorySegment.copy(below, y * bytes, picture, at(y), bytes);
      }
    }
  }

  private static int swap(int argb) {
    return (argb & 0xff00ff00) | ((argb >> 16) & 0xff) | ((argb & 0xff) << 16);
  }

  /**
   * One pixel over another: {@code over + below * (255 - alpha) / 255}, rounded; colours of {@code
   * over} are multiplied by its alpha already, and where they claim more than that, cut.
   */
  static int blend(int over, int below) {
    int rest = 255 - (over >>> 24);
    int result = below & 0xff000000;
    for (int shift = 0; shift < 24; shift += 8) {
      int product = ((below >> shift) & 0xff) * rest + 127;
      int sum = ((over >> shift) & 0xff) + product / 255;
      result |= Math.min(255, sum) << shift;
    }
    return result;
  }
}
