// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * The part of a picture that changed: a few rectangles, in pixels, which cover all of it and may
 * cover more. Reused, never allocates after it was made. Not thread-safe: it belongs to its frame,
 * and changes only before the frame is presented.
 */
public final class Damage {
  private static final int CAPACITY = 16;

  /** No picture reaches this far: what a guest says beyond it is cut off, and no sum overflows. */
  private static final int FAR = 1 << 20;

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

  /**
   * Adds a rectangle of any numbers; an empty one adds nothing. It is joined with one that is there
   * where the two together are no larger than apart, or where there is no room for another.
   */
  public void add(int left, int top, int wide, int high) {
    int fromX = Math.max(left, -FAR);
    int fromY = Math.max(top, -FAR);
    int newWidth = (int) (Math.min(FAR, (long) left + wide) - fromX);
    int newHeight = (int) (Math.min(FAR, (long) top + high) - fromY);
    if (newWidth <= 0 || newHeight <= 0) {
      return;
    }
    int nearest = -1;
    long leastWaste = Long.MAX_VALUE;
    for (int i = 0; i < count; i++) {
      long waste = waste(i, fromX, fromY, newWidth, newHeight);
      if (waste < leastWaste) {
        leastWaste = waste;
        nearest = i;
      }
    }
    if (nearest >= 0 && (leastWaste <= 0 || count == CAPACITY)) {
      join(nearest, fromX, fromY, newWidth, newHeight);
      return;
    }
    x[count] = fromX;
    y[count] = fromY;
    width[count] = newWidth;
    height[count] = newHeight;
    count++;
  }

  /** Pixels of the common bounding box that are in neither; negative where the two overlap. */
  private long waste(int i, int left, int top, int wide, int high) {
    long boxWidth = (long) Math.max(x[i] + width[i], left + wide) - Math.min(x[i], left);
    long boxHeight = (long) Math.max(y[i] + height[i], top + high) - Math.min(y[i], top);
    return boxWidth * boxHeight - (long) width[i] * height[i] - (long) wide * high;
  }

  private void join(int i, int left, int top, int wide, int high) {
    int right = Math.max(x[i] + width[i], left + wide);
    int bottom = Math.max(y[i] + height[i], top + high);
    x[i] = Math.min(x[i], left);
    y[i] = Math.min(y[i], top);
    width[i] = right - x[i];
    height[i] = bottom - y[i];
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
