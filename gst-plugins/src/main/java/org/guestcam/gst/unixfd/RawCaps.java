// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;

/**
 * Caps of raw video as GStreamer writes them, read without GStreamer: {@code video/x-raw,
 * format=(string)BGRx, width=(int)640, ...}. They come from another process.
 *
 * @param mode size, format and rate
 * @param layout how the picture lies from the first byte of its memory on
 */
record RawCaps(Mode mode, FrameLayout layout) {
  private static final int MOST_MILLIHERTZ = 1_000_000;

  /**
   * Reads caps.
   *
   * @throws IOException naming what guestcam does not know in them
   */
  static RawCaps parse(String caps) throws IOException {
    if (!caps.startsWith("video/x-raw")) {
      throw new IOException("'" + shorten(caps) + "' is no raw video");
    }
    String name = field(caps, "format", "[A-Za-z0-9_]+");
    if ("DMA_DRM".equals(name)) {
      name = field(caps, "drm-format", "[A-Za-z0-9 ]{4}(?![:])");
    }
    String width = field(caps, "width", "\\d{1,5}");
    String height = field(caps, "height", "\\d{1,5}");
    if (name == null || width == null || height == null) {
      throw new IOException(
          "'" + shorten(caps) + "' has no format, width and height that guestcam knows");
    }
    try {
      PixelFormat format = PixelFormat.named(name);
      FrameLayout layout = layout(format, Integer.parseInt(width), Integer.parseInt(height));
      return new RawCaps(
          new Mode(layout.width(), layout.height(), format, milliHertz(caps)), layout);
    } catch (IllegalArgumentException | LayoutException e) {
      throw new IOException("'" + shorten(caps) + "': " + e.getMessage(), e);
    }
  }

  /** GStreamer's default: rows padded to four bytes, chroma behind an even number of rows. */
  private static FrameLayout layout(PixelFormat format, int width, int height)
      throws LayoutException {
    int planes = format.planes().size();
    int evenWidth = Math.ceilDiv(width, 2) * 2;
    int evenHeight = Math.ceilDiv(height, 2) * 2;
    long[] offsets = new long[planes];
    long[] strides = new long[planes];
    long at = 0;
    for (int plane = 0; plane < planes; plane++) {
      PixelFormat.Plane shape = format.planes().get(plane);
      offsets[plane] = at;
      strides[plane] = Math.ceilDiv(shape.rowBytes(plane == 0 ? width : evenWidth), 4) * 4;
      at += strides[plane] * shape.rows(planes == 1 ? height : evenHeight);
    }
    return FrameLayout.of(format, FrameLayout.LINEAR, width, height, offsets, strides);
  }

  private static int milliHertz(String caps) {
    String rate = field(caps, "framerate", "\\d{1,9}/\\d{1,9}");
    if (rate == null) {
      return 0;
    }
    int slash = rate.indexOf('/');
    long below = Long.parseLong(rate.substring(slash + 1));
    long milliHertz = below == 0 ? 0 : Long.parseLong(rate.substring(0, slash)) * 1000 / below;
    return milliHertz > MOST_MILLIHERTZ ? 0 : (int) milliHertz;
  }

  private static String field(String caps, String name, String value) {
    Matcher matcher =
        Pattern.compile("[,;] *" + name + "=(?:\\([a-z]+\\))?\"?(" + value + ")\"?(?=[,;]|$)")
            .matcher(caps);
    return matcher.find() ? matcher.group(1) : null;
  }

  private static String shorten(String text) {
    return text.length() < 200 ? text : text.substring(0, 200) + "...";
  }
}
