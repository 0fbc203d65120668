// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.qemu.BootSector;
import org.guestcam.qemu.Picture;
import org.guestcam.qemu.QemuProcess;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest of QEMU, recorded and streamed, and read again by ffmpeg: on the host by its GStreamer
 * from shared memory, in the lab by 1.26 from dma-bufs.
 */
@Timeout(900)
class QemuFileTest {
  private static final String NO_GL = "dbus,p2p=yes";
  private static final String GL = "dbus,p2p=yes,gl=on,rendernode=/dev/dri/renderD128";

  /** What x264 and half the colours' samples may change of a colour, of 255, on the average. */
  private static final int NEAR = 16;

  @TempDir private Path directory;

  /** A guest whose screen stands still, when it does. */
  private QemuProcess still(String display) throws Exception {
    QemuProcess qemu =
        QemuProcess.boot("qemu-system-x86_64", directory, BootSector.STILL, display, "-vga", "std");
    while (qemu.screendump("").colours() < 200) {}
    return qemu;
  }

  private static Picture last(Path file) throws LayoutException {
    FrameLayout screen = FrameLayout.tight(PixelFormat.XRGB8888, 640, 400);
    try (Recording recording = Recording.byFfmpeg(file, screen.format(), 640, 400)) {
      return Picture.of(recording.last(screen), screen);
    }
  }

  private void requireRecorded(String display) throws Exception {
    Path file = directory.resolve("guest.mkv");
    try (QemuProcess qemu = still(display)) {
      try (Guestcam done =
          Guestcam.run(
              "record",
              "--encoder",
              "ffv1",
              "--duration",
              "3s",
              qemu.endpoint(""),
              file.toString())) {
        assertEquals(0, done.awaitEnd(), done::errors);
      }
      assertEquals(qemu.screendump(""), last(file));
    }
  }

  @Test
  @Tag("gst")
  @Tag("qemu-lab")
  void aRecordingShowsWhatQemuDumps() throws Exception {
    requireRecorded(NO_GL);
  }

  @Test
  @Tag("lab")
  @Tag("qemu-lab")
  void aRecordingShowsWhatQemuDumpsOfOpenGl() throws Exception {
    requireRecorded(GL);
  }

  @Test
  @Tag("gst")
  @Tag("qemu-lab")
  void aStreamShowsNearlyWhatQemuDumps() throws Exception {
    try (QemuProcess qemu = still(NO_GL)) {
      try (Guestcam done =
          Guestcam.run("stream", "--duration", "6s", qemu.endpoint(""), "hls:" + directory)) {
        assertEquals(0, done.awaitEnd(), done::errors);
      }
      int[] dump = qemu.screendump("").pixels();
      int[] shown = last(directory.resolve("live.m3u8")).pixels();
      long difference = 0;
      for (int i = 0; i < dump.length; i++) {
        for (int shift = 0; shift < 24; shift += 8) {
          difference += Math.abs((dump[i] >> shift & 255) - (shown[i] >> shift & 255));
        }
      }
      assertTrue(difference < 3L * NEAR * dump.length, "far by " + difference);
    }
  }
}
