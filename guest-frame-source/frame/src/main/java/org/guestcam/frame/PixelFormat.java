// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The pixel formats that guestcam knows: one row each with its names in DRM, V4L2 and GStreamer,
 * and its planes. Every size is computed from this table.
 *
 * <p>The names are DRM's, which read from the highest byte of a little-endian word to the lowest;
 * V4L2 reads in memory order. So DRM's XRGB8888, V4L2's XBGR32 ('XR24') and GStreamer's BGRx are
 * the same bytes: B, G, R, X.
 *
 * <p>Sources: {@code drm/drm_fourcc.h}, {@code linux/videodev2.h}, GStreamer's {@code
 * video-format.h}.
 */
@SuppressWarnings("ImmutableEnumChecker") // its lists are List.of: immutable
public enum PixelFormat {
  /** B, G, R, X: what most guests draw. */
  XRGB8888("XR24", "BGRx", List.of("XR24", "BGR4", "AR24"), Plane.packed(4)),
  /** B, G, R, A. */
  ARGB8888("AR24", "BGRA", List.of("AR24", "BGR4", "XR24"), Plane.packed(4)),
  /** R, G, B, X. */
  XBGR8888("XB24", "RGBx", List.of("XB24", "AB24"), Plane.packed(4)),
  /** R, G, B, A. */
  ABGR8888("AB24", "RGBA", List.of("AB24", "XB24"), Plane.packed(4)),
  /** R, G, B. */
  BGR888("BG24", "RGB", List.of("RGB3"), Plane.packed(3)),
  /** B, G, R. */
  RGB888("RG24", "BGR", List.of("BGR3"), Plane.packed(3)),
  /** 16 bits, little-endian: red in the highest five, green in six, blue in the lowest five. */
  RGB565("RG16", "RGB16", List.of("RGBP"), Plane.packed(2)),
  /** Y0, U, Y1, V for two pixels. */
  YUYV("YUYV", "YUY2", List.of("YUYV"), new Plane(4, 2, 1)),
  /** A plane of Y, a half-size plane of U, V. */
  NV12("NV12", "NV12", List.of("NV12"), Plane.packed(1), new Plane(2, 2, 2)),
  /** A plane of Y, half-size planes of U and of V. */
  YUV420("YU12", "I420", List.of("YU12"), Plane.packed(1), new Plane(1, 2, 2), new Plane(1, 2, 2)),
  /** As NV12 with 10 bits in the high end of 16, little-endian. */
  P010("P010", "P010_10LE", List.of("P010"), Plane.packed(2), new Plane(4, 2, 2));

  /**
   * One plane: {@code bytes} for every {@code xPixels} × {@code yPixels} pixels.
   *
   * @param bytes of one block
   * @param xPixels how many pixels of the picture stand side by side in a block
   * @param yPixels how many rows of the picture one row of the plane stands for
   */
  public record Plane(int bytes, int xPixels, int yPixels) {
    static Plane packed(int bytes) {
      return new Plane(bytes, 1, 1);
    }

    /** Bytes of a row of a picture {@code width} pixels wide, without padding. */
    public long rowBytes(int width) {
      return (long) ceilDiv(width, xPixels) * bytes;
    }

    /** Rows of the plane of a picture {@code height} pixels high. */
    public int rows(int height) {
      return ceilDiv(height, yPixels);
    }

    private static int ceilDiv(int a, int b) {
      return Math.ceilDiv(a, b);
    }
  }

  private static final PixelFormat[] VALUES = values();

  private final int drm;
  private final String gstreamer;
  private final List<Integer> v4l2;
  private final List<Plane> planes;

  PixelFormat(String drm, String gstreamer, List<String> v4l2, Plane... planes) {
    this.drm = Fourcc.of(drm);
    this.gstreamer = gstreamer;
    this.v4l2 = v4l2.stream().map(Fourcc::of).toList();
    this.planes = List.of(planes);
  }

  /** DRM's fourcc. */
  public int drm() {
    return drm;
  }

  /** GStreamer's name in video/x-raw caps. */
  public String gstreamer() {
    return gstreamer;
  }

  /**
   * V4L2's fourccs for these bytes, the best first. Those behind the first only relabel: they
   * differ in what they say of the fourth byte, and cost nothing.
   */
  public List<Integer> v4l2() {
    return v4l2;
  }

  /** The planes, in memory order. */
  public List<Plane> planes() {
    return planes;
  }

  /** Whether it stores luma and chroma. */
  public boolean isYuv() {
    return this == YUYV || this == NV12 || this == YUV420 || this == P010;
  }

  /** The format with this DRM fourcc, which may come from a guest. */
  public static Optional<PixelFormat> ofDrm(int fourcc) {
    for (PixelFormat format : VALUES) {
      if (format.drm == fourcc) {
        return Optional.of(format);
      }
    }
    return Optional.empty();
  }

  /** The format whose first V4L2 fourcc this is, or else one that it may be relabelled from. */
  public static Optional<PixelFormat> ofV4l2(int fourcc) {
    for (PixelFormat format : VALUES) {
      if (format.v4l2.getFirst() == fourcc) {
        return Optional.of(format);
      }
    }
    return Arrays.stream(VALUES).filter(format -> format.v4l2.contains(fourcc)).findFirst();
  }

  /**
   * The format that a user means: by DRM fourcc, GStreamer name or V4L2 fourcc, in that order.
   *
   * @throws IllegalArgumentException naming the formats that there are
   */
  public static PixelFormat named(String name) {
    for (PixelFormat format : VALUES) {
      if (Fourcc.name(format.drm).equals(name) || format.gstreamer.equals(name)) {
        return format;
      }
    }
    return Optional.of(name)
        .filter(n -> n.matches("[ -~]{4}")) // what a fourcc can be
        .flatMap(n -> ofV4l2(Fourcc.of(n)))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no pixel format '"
                        + name
                        + "'; there are "
                        + Arrays.stream(VALUES)
                            .map(PixelFormat::toString)
                            .collect(Collectors.joining(", "))));
  }

  @Override
  public String toString() {
    return Fourcc.name(drm);
  }
}
