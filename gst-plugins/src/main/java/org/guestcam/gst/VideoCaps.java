// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;

/** What GStreamer calls a picture: caps of a layout. */
public final class VideoCaps {
  private VideoCaps() {}

  /**
   * Caps that elements which map memory understand; the memory may be a dma-buf all the same.
   *
   * @param milliHertz frames in 1000 seconds; 0 for a variable rate
   */
  public static String plain(FrameLayout layout, int milliHertz) {
    return "video/x-raw,format=" + layout.format().gstreamer() + rest(layout, milliHertz);
  }

  /** Whether {@link #dmaBuf} can say how it lies: before 1.24 there is no word for tiles. */
  static boolean canBeDmaBuf(Buffer buffer) {
    return buffer.isDmaBuf() && (buffer.layout().isLinear() || GStreamer.hasDmaDrm());
  }

  /** Caps of a dma-buf for elements that import it: format=DMA_DRM from GStreamer 1.24 on. */
  static String dmaBuf(FrameLayout layout, int milliHertz) {
    return dmaBuf(layout) + rest(layout, milliHertz);
  }

  private static String dmaBuf(FrameLayout layout) {
    return "video/x-raw(memory:DMABuf),format="
        + (GStreamer.hasDmaDrm()
            ? "DMA_DRM,drm-format=" + drmFormat(layout)
            : layout.format().gstreamer());
  }

  /**
   * Caps that a converter shall make: a linear dma-buf.
   *
   * @param bt709 YUV shall be BT.709, as our sinks announce it, and nothing else
   */
  static String converted(FrameLayout layout, boolean bt709) {
    String shape =
        ",width="
            + layout.width()
            + ",height="
            + layout.height()
            + (bt709 && layout.format().isYuv() ? ",colorimetry=bt709" : "");
    return dmaBuf(layout) + shape + ";video/x-raw,format=" + layout.format().gstreamer() + shape;
  }

  /**
   * Whether rows and planes lie as caps alone say: rows padded to four bytes, chroma of an even
   * number of rows behind the luma. Anything else must be said by GstVideoMeta.
   */
  public static boolean isDefault(FrameLayout layout) {
    PixelFormat format = layout.format();
    int evenWidth = Math.ceilDiv(layout.width(), 2) * 2;
    int evenHeight = Math.ceilDiv(layout.height(), 2) * 2;
    long at = layout.offset(0);
    for (int plane = 0; plane < layout.planes(); plane++) {
      PixelFormat.Plane shape = format.planes().get(plane);
      int width = layout.planes() == 1 || plane == 0 ? layout.width() : evenWidth;
      long stride = Math.ceilDiv(shape.rowBytes(width), 4) * 4;
      if (layout.stride(plane) != stride || layout.offset(plane) != at) {
        return false;
      }
      at += stride * shape.rows(layout.planes() == 1 ? layout.height() : evenHeight);
    }
    return true;
  }

  private static String drmFormat(FrameLayout layout) {
    return layout.isLinear()
        ? layout.format().toString()
        : String.format("%s:0x%016x", layout.format(), layout.modifier());
  }

  private static String rest(FrameLayout layout, int milliHertz) {
    return ",width="
        + layout.width()
        + ",height="
        + layout.height()
        + ",pixel-aspect-ratio=1/1,interlace-mode=progressive,framerate="
        + (milliHertz == 0
            ? "0/1"
            : milliHertz % 1000 == 0 ? milliHertz / 1000 + "/1" : milliHertz + "/1000");
  }
}
