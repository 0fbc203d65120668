// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * A four-character code: how DRM ({@code drm/drm_fourcc.h}) and V4L2 ({@code linux/videodev2.h})
 * name pixel formats, the first character in the lowest byte.
 */
public final class Fourcc {
  private Fourcc() {}

  /** The code of exactly four ASCII characters; a shorter name is padded by the caller. */
  public static int of(String name) {
    if (name.length() != 4) {
      throw new IllegalArgumentException("a fourcc has four characters, got '" + name + "'");
    }
    int code = 0;
    for (int i = 0; i < 4; i++) {
      char c = name.charAt(i);
      if (c < ' ' || c > '~') {
        throw new IllegalArgumentException("a fourcc is printable ASCII, got '" + name + "'");
      }
      code |= c << (8 * i);
    }
    return code;
  }

  /** Its characters, or hexadecimal where they cannot be printed: it may come from a guest. */
  public static String name(int code) {
    StringBuilder name = new StringBuilder(4);
    for (int i = 0; i < 4; i++) {
      int c = (code >>> (8 * i)) & 0xff;
      if (c < ' ' || c > '~') {
        return String.format("0x%08x", code);
      }
      name.append((char) c);
    }
    return name.toString();
  }
}
