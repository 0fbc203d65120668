// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.util.Arrays;

/**
 * How a picture lies in memory: format, modifier, size in pixels, and for each plane the offset of
 * its first byte and its stride (bytes from one row to the next).
 *
 * <p>A layout that exists is consistent: every row of every plane has room in its stride, and no
 * sum of its numbers overflows. Whether it fits a memory is asked with {@link #requireFits}.
 * Immutable.
 */
public final class FrameLayout {
  /** DRM_FORMAT_MOD_LINEAR: rows one behind the other. */
  public static final long LINEAR = 0;

  /** DRM_FORMAT_MOD_INVALID: the sender did not say; for memory of a guest it means linear. */
  public static final long IMPLICIT = 0x00ff_ffff_ffff_ffffL;

  /** No display of a guest is larger, in pixels a side: keeps a hostile guest's sums small. */
  public static final int MAX_SIDE = 16384;

  private final PixelFormat format;
  private final long modifier;
  private final int width;
  private final int height;
  private final long[] offsets;
  private final int[] strides;
  private final long end;

  private FrameLayout(
      PixelFormat format,
      long modifier,
      int width,
      int height,
      long[] offsets,
      int[] strides,
      long end) {
    this.format = format;
    this.modifier = modifier;
    this.width = width;
    this.height = height;
    this.offsets = offsets;
    this.strides = strides;
    this.end = end;
  }

  /**
   * Checks numbers that may come from a guest, and makes a layout of them.
   *
   * @param offsets for each plane, the offset of its first byte
   * @param strides for each plane, bytes from one row to the next
   * @throws LayoutException naming the number that is wrong
   */
  public static FrameLayout of(
      PixelFormat format, long modifier, int width, int height, long[] offsets, long[] strides)
      throws LayoutException {
    requireSide("width", width);
    requireSide("height", height);
    int planes = format.planes().size();
    if (offsets.length != planes || strides.length != planes) {
      throw new LayoutException(
          format
              + " has "
              + planes
              + " planes, got "
              + offsets.length
              + " offsets and "
              + strides.length
              + " strides");
    }
    long end = 0;
    int[] checkedStrides = new int[planes];
    for (int p = 0; p < planes; p++) {
      PixelFormat.Plane plane = format.planes().get(p);
      long rowBytes = plane.rowBytes(width);
      if (strides[p] < rowBytes || strides[p] > Integer.MAX_VALUE) {
        throw new LayoutException(
            "stride "
                + strides[p]
                + " of plane "
                + p
                + " cannot hold a row of "
                + width
                + " pixels of "
                + format
                + ", which takes "
                + rowBytes
                + " bytes");
      }
      checkedStrides[p] = (int) strides[p];
      if (offsets[p] < 0) {
        throw new LayoutException("offset " + offsets[p] + " of plane " + p + " is negative");
      }
      // rows <= 2^14 and stride < 2^31, so only the sum with the offset can overflow.
      long planeBytes = (plane.rows(height) - 1) * strides[p] + rowBytes;
      if (offsets[p] > Long.MAX_VALUE - planeBytes) {
        throw new LayoutException(
            "offset "
                + offsets[p]
                + " of plane "
                + p
                + " plus its "
                + planeBytes
                + " bytes overflows");
      }
      end = Math.max(end, offsets[p] + planeBytes);
    }
    return new FrameLayout(format, modifier, width, height, offsets.clone(), checkedStrides, end);
  }

  /** A linear layout without padding, planes one behind the other. */
  public static FrameLayout tight(PixelFormat format, int width, int height)
      throws LayoutException {
    return padded(format, width, height, 0);
  }

  /**
   * A linear layout whose first plane has the given stride; the strides of further planes follow
   * from it as V4L2's single-planar API wants it, and the planes lie one behind the other.
   *
   * @param stride bytes; 0 for no padding
   */
  public static FrameLayout padded(PixelFormat format, int width, int height, long stride)
      throws LayoutException {
    requireSide("width", width);
    requireSide("height", height);
    int planes = format.planes().size();
    PixelFormat.Plane first = format.planes().getFirst();
    long firstStride = stride == 0 ? evenRow(format, width) : stride;
    if (firstStride < 0 || firstStride > Integer.MAX_VALUE) {
      throw new LayoutException("stride " + stride + " is not a size in bytes");
    }
    long[] offsets = new long[planes];
    long[] strides = new long[planes];
    long at = 0;
    for (int p = 0; p < planes; p++) {
      PixelFormat.Plane plane = format.planes().get(p);
      offsets[p] = at;
      strides[p] = firstStride * plane.bytes() / (first.bytes() * (long) plane.xPixels());
      if (p == 0) {
        strides[p] = firstStride;
      }
      at += strides[p] * plane.rows(height);
    }
    return of(format, LINEAR, width, height, offsets, strides);
  }

  /** The least stride of plane 0 from which whole strides of the other planes follow. */
  private static long evenRow(PixelFormat format, int width) {
    int step = format.planes().stream().mapToInt(PixelFormat.Plane::xPixels).max().orElse(1);
    return format.planes().getFirst().rowBytes(Math.ceilDiv(width, step) * step);
  }

  private static void requireSide(String name, int pixels) throws LayoutException {
    if (pixels < 1 || pixels > MAX_SIDE) {
      throw new LayoutException(name + " " + pixels + " is not within 1 and " + MAX_SIDE);
    }
  }

  /** What a pixel is. */
  public PixelFormat format() {
    return format;
  }

  /** DRM's format modifier. */
  public long modifier() {
    return modifier;
  }

  /** Whether rows lie one behind the other: what a CPU and V4L2 can read. */
  public boolean isLinear() {
    return modifier == LINEAR || modifier == IMPLICIT;
  }

  /** Pixels in a row. */
  public int width() {
    return width;
  }

  /** Rows. */
  public int height() {
    return height;
  }

  /** The number of planes. */
  public int planes() {
    return strides.length;
  }

  /** Where a plane begins, in bytes from the start of the memory. */
  public long offset(int plane) {
    return offsets[plane];
  }

  /** Bytes from one row of a plane to the next. */
  public int stride(int plane) {
    return strides[plane];
  }

  /** Bytes of a row of a plane that are picture. */
  public int rowBytes(int plane) {
    return (int) format.planes().get(plane).rowBytes(width);
  }

  /** Rows of a plane. */
  public int rows(int plane) {
    return format.planes().get(plane).rows(height);
  }

  /** The byte behind the last one that belongs to the picture. */
  public long end() {
    return end;
  }

  /** Bytes of the picture with whole strides: what V4L2 calls sizeimage. */
  public long imageSize() {
    int last = strides.length - 1;
    return offsets[last] + (long) strides[last] * rows(last);
  }

  /**
   * Whether the planes lie as V4L2's single-planar API takes them: from offset 0, one behind the
   * other, the strides of all planes following from the first.
   */
  public boolean isContiguous() {
    try {
      return equals(padded(format, width, height, strides[0]).withModifier(modifier));
    } catch (LayoutException e) {
      return false;
    }
  }

  /** The same with another modifier. */
  public FrameLayout withModifier(long other) {
    return new FrameLayout(format, other, width, height, offsets, strides, end);
  }

  /**
   * Refuses a layout that reaches past its memory.
   *
   * @param memorySize bytes that there really are
   */
  public void requireFits(long memorySize) throws LayoutException {
    if (end > memorySize) {
      throw new LayoutException(
          this + " ends at byte " + end + ", past the " + memorySize + " bytes of its memory");
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FrameLayout that
        && format == that.format
        && modifier == that.modifier
        && width == that.width
        && height == that.height
        && Arrays.equals(offsets, that.offsets)
        && Arrays.equals(strides, that.strides);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * format.hashCode() + width) + height;
  }

  @Override
  public String toString() {
    return width
        + "x"
        + height
        + " "
        + format
        + " stride "
        + Arrays.toString(strides)
        + (modifier == LINEAR ? "" : String.format(" modifier 0x%016x", modifier));
  }
}
