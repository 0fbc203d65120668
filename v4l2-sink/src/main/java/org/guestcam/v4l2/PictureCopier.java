// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/**
 * Copies pictures into a device's own buffers, of the same size and format but perhaps another
 * stride. Knows for each target how old its picture is, and copies only what has changed since.
 */
final class PictureCopier {
  private final FrameLayout target;
  private final Damage[] stale;

  /**
   * For a number of targets that show nothing yet.
   *
   * @param target how the device's buffers are laid out
   */
  PictureCopier(FrameLayout target, int targets) {
    this.target = target;
    stale = new Damage[targets];
    for (int i = 0; i < targets; i++) {
      stale[i] = new Damage();
      stale[i].setAll(target.width(), target.height());
    }
  }

  /**
   * Brings one target up to date; every frame passes through here once, in order.
   *
   * @param from the frame's memory
   * @return bytes copied
   */
  long copy(Frame frame, MemorySegment from, int index, MemorySegment to) {
    for (Damage damage : stale) {
      damage.addAll(frame.damage());
    }
    Damage damage = stale[index];
    damage.clip(target.width(), target.height());
    if (area(damage) > (long) target.width() * target.height()) {
      // They overlap so much that the whole picture, once, is less.
      damage.setAll(target.width(), target.height());
    }
    FrameLayout source = frame.buffer().layout();
    long bytes = 0;
    for (int r = 0; r < damage.count(); r++) {
      for (int p = 0; p < target.planes(); p++) {
        bytes += copyRectangle(source, from, to, damage, r, p);
      }
    }
    damage.clear();
    return bytes;
  }

  private static long area(Damage damage) {
    long pixels = 0;
    for (int r = 0; r < damage.count(); r++) {
      pixels += (long) damage.width(r) * damage.height(r);
    }
    return pixels;
  }

  private long copyRectangle(
      FrameLayout source, MemorySegment from, MemorySegment to, Damage damage, int r, int p) {
    PixelFormat.Plane plane = target.format().planes().get(p);
    int left = damage.x(r) / plane.xPixels();
    int right = Math.ceilDiv(damage.x(r) + damage.width(r), plane.xPixels());
    int top = damage.y(r) / plane.yPixels();
    int bottom = Math.ceilDiv(damage.y(r) + damage.height(r), plane.yPixels());
    long rowBytes = (long) (right - left) * plane.bytes();
    long column = (long) left * plane.bytes();
    if (rowBytes == source.stride(p) && source.stride(p) == target.stride(p)) {
      // Whole rows without padding lie behind each other: one copy.
      long bytes = rowBytes * (bottom - top);
      MemorySegment.copy(
          from,
          source.offset(p) + (long) top * source.stride(p),
          to,
          target.offset(p) + (long) top * target.stride(p),
          bytes);
      return bytes;
    }
    for (int y = top; y < bottom; y++) {
      MemorySegment.copy(
          from,
          source.offset(p) + (long) y * source.stride(p) + column,
          to,
          target.offset(p) + (long) y * target.stride(p) + column,
          rowBytes);
    }
    return rowBytes * (bottom - top);
  }
}
