// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import org.guestcam.frame.FrameLayout;

/** What GStreamer calls a picture: caps of a layout. */
final class VideoCaps {
  private VideoCaps() {}

  /**
   * Caps that elements which map memory understand; the memory may be a dma-buf all the same.
   *
   * @param milliHertz frames in 1000 seconds; 0 for a variable rate
   */
  static String plain(FrameLayout layout, int milliHertz) {
    return "video/x-raw,format=" + layout.format().gstreamer() + rest(layout, milliHertz);
  }

  /** Caps of a dma-buf for elements that import it: format=DMA_DRM from GStreamer 1.24 on. */
  static String dmaBuf(FrameLayout layout, int milliHertz) {
    String format =
        GStreamer.hasDmaDrm()
            ? "DMA_DRM,drm-format=" + drmFormat(layout)
            : layout.format().gstreamer();
    return "video/x-raw(memory:DMABuf),format=" + format + rest(layout, milliHertz);
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
