// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.lang.foreign.MemorySegment;

/**
 * The guest's pointer, where it is not drawn into the picture.
 *
 * @param visible whether it is to be seen
 * @param x left edge of its shape in the picture, pixels; may lie outside
 * @param y upper edge of its shape in the picture, pixels; may lie outside
 * @param shape what it looks like, or null where the guest has not said yet
 */
public record Cursor(boolean visible, int x, int y, Shape shape) {
  /**
   * What it looks like; never changes.
   *
   * @param width pixels
   * @param height pixels
   * @param hotX the pixel that points, from the left edge
   * @param hotY the pixel that points, from the upper edge
   * @param pixels B, G, R, A, one byte each, the colours multiplied by alpha; rows without padding;
   *     read-only
   */
  public record Shape(int width, int height, int hotX, int hotY, MemorySegment pixels) {}
}
