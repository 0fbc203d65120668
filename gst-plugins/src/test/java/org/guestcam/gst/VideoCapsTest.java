// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.freedesktop.gstreamer.Caps;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What GStreamer is told of a picture, as this version of it has it. */
@Tag("gst")
class VideoCapsTest {
  private static final String REST =
      ",width=64,height=32,pixel-aspect-ratio=1/1,interlace-mode=progressive,framerate=";

  @BeforeAll
  static void initialise() throws IOException {
    GStreamer.require();
  }

  private static FrameLayout layout() throws LayoutException {
    return FrameLayout.tight(PixelFormat.XRGB8888, 64, 32);
  }

  private static void requireUnderstood(String text) {
    try (Caps caps = Caps.fromString(text)) {
      assertFalse(caps.isEmpty(), text);
    }
  }

  @Test
  void aPlainPictureIsNamedByItsFormat() throws LayoutException {
    String caps = VideoCaps.plain(layout(), 30_000);
    assertEquals("video/x-raw,format=BGRx" + REST + "30/1", caps);
    assertTrue(VideoCaps.plain(layout(), 29_970).endsWith("29970/1000"));
    assertTrue(VideoCaps.plain(layout(), 0).endsWith("0/1"));
    requireUnderstood(caps);
  }

  @Test
  void aDmaBufIsNamedByItsDrmFormatWhereGStreamerKnowsThat() throws LayoutException {
    String format = GStreamer.hasDmaDrm() ? "DMA_DRM,drm-format=XR24" : "BGRx";
    String caps = VideoCaps.dmaBuf(layout(), 0);
    assertEquals("video/x-raw(memory:DMABuf),format=" + format + REST + "0/1", caps);
    requireUnderstood(caps);
  }

  @Test
  void aTiledOneHasItsModifier() throws LayoutException {
    String caps = VideoCaps.dmaBuf(layout().withModifier(0x0100_0000_0000_0001L), 0);
    assertEquals(GStreamer.hasDmaDrm(), caps.contains("drm-format=XR24:0x0100000000000001"), caps);
    requireUnderstood(caps);
  }

  @Test
  void onlyRowsAsTheCapsHaveThemNeedNoMeta() throws LayoutException {
    assertTrue(VideoCaps.isDefault(layout()));
    assertFalse(VideoCaps.isDefault(FrameLayout.padded(PixelFormat.XRGB8888, 64, 32, 64 * 4 + 64)));
    assertTrue(VideoCaps.isDefault(FrameLayout.tight(PixelFormat.BGR888, 64, 32)));
    assertFalse(VideoCaps.isDefault(FrameLayout.tight(PixelFormat.BGR888, 65, 32)));
  }
}
