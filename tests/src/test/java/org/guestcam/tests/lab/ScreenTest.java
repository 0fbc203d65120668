// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.guestcam.pattern.PatternPicture;
import org.guestcam.pattern.Stamp;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest on a bare screen: kmssink on vkms, a screen of memory. What its plane has is read back
 * through the framebuffer, and what it composed from that is told by its check sums.
 */
@Timeout(1200)
class ScreenTest {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 480;
  private static final int PICTURES = 3;

  /** How often it is looked whether the next buffer is shown: the kernel tells nobody else. */
  private static final long LOOK_MILLIS = 100;

  private static final Path DEBUG = Path.of("/sys/kernel/debug");

  /** The console, which has the screen before, is not imported, nor is what sets the mode. */
  private static final Pattern SHOWS_IMPORTED =
      Pattern.compile(
          "plane-0\n(?:\t.*\n)*?\tfb=(\\d+)\n"
              + "(?:\t\t.*\n)*?\t\tsize=640x480\n(?:\t\t.*\n)*?\t\t\t\timported=yes");

  private static final Pattern OF_GUEST =
      Pattern.compile("\tudmabuf\t(?:.*\n)*?\tAttached Devices:\n\tvkms\n");

  @TempDir private Path directory;

  private static Path screen() throws IOException {
    try (var cards = Files.newDirectoryStream(DEBUG.resolve("dri"), "[0-9]*")) {
      for (Path card : cards) {
        if (Files.readString(card.resolve("name")).startsWith("vkms")) {
          return card;
        }
      }
    }
    throw new AssertionError("there is no vkms");
  }

  /** Waits until the screen shows a buffer of the guest's that is not that one; its number. */
  private static String awaitOther(Path screen, String before, ShowExample guest)
      throws IOException, InterruptedException {
    while (true) {
      String state = Files.readString(screen.resolve("state"));
      Matcher shown = SHOWS_IMPORTED.matcher(state);
      if (shown.find() && !shown.group(1).equals(before)) {
        return shown.group(1);
      }
      assertTrue(guest.isAlive(), () -> guest.log() + state);
      Thread.sleep(LOOK_MILLIS);
    }
  }

  /** What the screen's plane shows now, as bytes of its framebuffer. */
  private byte[] grab() throws IOException {
    Path raw = directory.resolve("grab.raw");
    Command.run(
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-y",
        "-device",
        "/dev/dri/card0",
        "-f",
        "kmsgrab",
        "-i",
        "-",
        "-frames:v",
        "1",
        "-vf",
        "hwdownload,format=bgr0",
        "-f",
        "rawvideo",
        raw.toString());
    return Files.readAllBytes(raw);
  }

  /** The check sum of what vkms composes: it makes them while somebody reads. */
  private static String composed(Path screen) throws IOException {
    Files.writeString(screen.resolve("crtc-0/crc/control"), "auto");
    String sums = Command.run("head", "-n", "2", screen.resolve("crtc-0/crc/data").toString());
    return sums.strip().replaceFirst("(?s).* ", "");
  }

  /**
   * The check sum of a screen with this picture: CRC-32 from zero, not inverted, of four 16-bit
   * channels a pixel (opaque, red, green, blue).
   */
  private static String checkSum(MemorySegment bgrx) {
    byte[] composed = new byte[Math.toIntExact(bgrx.byteSize() * 2)];
    for (int at = 0; at < composed.length; at += 8) {
      composed[at] = composed[at + 1] = (byte) 0xff;
      for (int channel = 0; channel < 3; channel++) {
        byte value = bgrx.get(ValueLayout.JAVA_BYTE, at / 2 + 2 - channel);
        // 8 bits become 16 by being there twice.
        composed[at + 2 + 2 * channel] = composed[at + 3 + 2 * channel] = value;
      }
    }
    // CRC32 begins with ones and inverts; what zeros come to takes both away.
    CRC32 sum = new CRC32();
    sum.update(composed);
    long inverted = sum.getValue();
    sum.reset();
    sum.update(new byte[composed.length]);
    return String.format("0x%08x", inverted ^ sum.getValue());
  }

  @Test
  @Tag("lab")
  @Tag("gst-lab")
  void theScreenShowsTheGuestsOwnPages() throws Exception {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, WIDTH, HEIGHT);
    PatternPicture picture = new PatternPicture(layout);
    Path screen = screen();
    Set<Long> shown = new TreeSet<>();
    try (ShowExample guest =
        ShowExample.start(
            directory,
            Map.of(),
            "kms",
            "pattern:?size=640x480&fps=5&memory=dmabuf",
            "driver-name=vkms",
            "force-modesetting=true")) {
      for (String buffer = ""; shown.size() < PICTURES; ) {
        buffer = awaitOther(screen, buffer, guest);
        // Stopped, it neither draws nor flips: what is on the screen stays there.
        guest.signal("STOP");
        MemorySegment frame = MemorySegment.ofArray(grab());
        assertEquals(layout.imageSize(), frame.byteSize());
        Stamp stamp = picture.read(frame);
        assertTrue(stamp.valid() && !stamp.torn(), () -> "after " + shown + ": " + stamp);
        assertEquals(-1, picture.firstDifference(frame, stamp.frame(), stamp.timestampNanos()));
        assertEquals(checkSum(frame), composed(screen), "of picture " + stamp.frame());
        shown.add(stamp.frame());
        guest.signal("CONT");
      }
      String buffers = Files.readString(DEBUG.resolve("dma_buf/bufinfo"));
      assertTrue(OF_GUEST.matcher(buffers).find(), buffers);
      guest.end();
      assertTrue(guest.log().contains("GStreamer memory of dma-bufs, copied 0 B"), guest::log);
    }
  }

  @Test
  @Tag("gst")
  void aScreenThatIsNotThereIsSaid() {
    try (Guestcam done =
        Guestcam.run("run", "pattern:?size=320x240", "gst:kmssink driver-name=nosuch")) {
      done.requireEnd(1, "kmssink");
    }
  }
}
