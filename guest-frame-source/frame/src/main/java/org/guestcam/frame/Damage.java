// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * The part of a picture that changed: a few rectangles, in pixels. Reused, never allocates after it
 * was made; when it is full its rectangles become their bounding box. Not thread-safe: it belongs
 * to its frame, and changes only before the frame is presented.
 */
public final class Damage {
  private static final int CAPACITY = 16;

  private final int[] x = new int[CAPACITY];
  private final int[] y = new int[CAPACITY];
  private final int[] width = new int[CAPACITY];
  private final int[] height = new int[CAPACITY];
  private int count;

  /** Nothing changed. */
  public void clear() {
    count = 0;
  }

  /** All of a picture of this size changed. */
  public void setAll(int pictureWidth, int pictureHeight) {
    clear();
    add(0, 0, pictureWidth, pictureHeight);
  }

  /** Adds a rectangle; an empty one adds nothing. */
  public void add(int left, int top, int wide, int high) {
    if (wide <= 0 || high <= 0) {
      return;
    }
    if (count == CAPACITY) {
      collapse();
    }
    x[count] = left;
    y[count] = top;
    width[count] = wide;
    height[count] = high;
    count++;
  }

  /** Adds all rectangles of {@code other}. */
  public void addAll(Damage other) {
    for (int i = 0; i < other.count; i++) {
      add(other.x[i], other.y[i], other.width[i], other.height[i]);
    }
  }

  /** Cuts everything outside a picture of this size: a guest's rectangles may lie anywhere. */
  public void clip(int pictureWidth, int pictureHeight) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      int left = Math.max(0, x[i]);
      int top = Math.max(0, y[i]);
      long right = Math.min(pictureWidth, (long) x[i] + width[i]);
      long bottom = Math.min(pictureHeight, (long) y[i] + height[i]);
      if (left < right && top < bottom) {
        x[kept] = left;
        y[kept] = top;
        width[kept] = (int) (right - left);
        height[kept] = (int) (bottom - top);
        kept++;
      }
    }
    count = kept;
  }

  private void collapse() {
    long left = Integer.MAX_VALUE;
    long top = Integer.MAX_VALUE;
    long right = Integer.MIN_VALUE;
    long bottom = Integer.MIN_VALUE;
    for (int i = 0; i < count; i++) {
      left = Math.min(left, x[i]);
      top = Math.min(top, y[i]);
      right = Math.max(right, (long) x[i] + width[i]);
      bottom = Math.max(bottom, (long) y[i] + height[i]);
    }
    x[0] = (int) left;
    y[0] = (int) top;
    width[0] = (int) Math.min(Integer.MAX_VALUE, right - left);
    height[0] = (int) Math.min(Integer.MAX_VALUE, bottom - top);
    count = 1;
  }

  /** Rectangles. */
  public int count() {
    return count;
  }

  /** Left edge of a rectangle. */
  public int x(int rectangle) {
    return x[rectangle];
  }

  /** Top edge of a rectangle. */
  public int y(int rectangle) {
    return y[rectangle];
  }

  /** Width of a rectangle. */
  public int width(int rectangle) {
    return width[rectangle];
  }

  /** Height of a rectangle. */
  public int height(int rectangle) {
    return height[rectangle];
  }
}
