// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;

/**
 * Pixman's names of pixel formats, which QEMU sends: {@code bits per pixel << 24 | order << 16 |
 * alpha << 12 | red << 8 | green << 4 | blue} ({@code pixman.h}). Both name a word from its highest
 * bits on, so that on a little-endian host pixman's x8r8g8b8 is DRM's XRGB8888.
 */
final class PixmanFormat {
  private PixmanFormat() {}

  /**
   * The same format.
   *
   * @param code from the guest's display
   * @throws LayoutException for one that guestcam cannot show
   */
  static PixelFormat of(int code) throws LayoutException {
    return switch (code) {
      case 0x2002_0888 -> PixelFormat.XRGB8888;
      case 0x2002_8888 -> PixelFormat.ARGB8888;
      case 0x2003_0888 -> PixelFormat.XBGR8888;
      case 0x2003_8888 -> PixelFormat.ABGR8888;
      case 0x1802_0888 -> PixelFormat.RGB888;
      case 0x1803_0888 -> PixelFormat.BGR888;
      case 0x1002_0565 -> PixelFormat.RGB565;
      default ->
          throw new LayoutException(
              String.format("the guest's pixman format 0x%08x is not one that can be shown", code));
    };
  }
}
