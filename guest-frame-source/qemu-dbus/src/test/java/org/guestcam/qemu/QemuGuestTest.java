// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** With the QEMU of this host, from peer to peer: what arrives is what QEMU itself dumps. */
@Tag("qemu")
@QemuVersions.Each
class QemuGuestTest {
  private static final String DIRECT = "dbus,p2p=yes";

  @Parameter private String program;
  @TempDir private Path directory;

  private static FrameSource open(String endpoint) throws IOException {
    return new QemuProvider().open(Endpoint.parse(endpoint));
  }

  /** The next screen is still: waits until what arrived is what QEMU dumps. */
  private static Picture awaitDump(QemuProcess qemu, FrameCollector frames, String arguments)
      throws IOException, InterruptedException {
    long until = System.nanoTime() + 120_000_000_000L;
    while (true) {
      long before = frames.frames();
      Picture dump = qemu.screendump(arguments);
      Picture arrived = frames.picture();
      if (dump.equals(arrived)) {
        return dump;
      }
      if (System.nanoTime() > until) {
        int different = 0;
        for (int i = 0; i < Math.min(dump.pixels().length, arrived.pixels().length); i++) {
          different += dump.pixels()[i] == arrived.pixels()[i] ? 0 : 1;
        }
        assertEquals(dump, arrived, different + " pixels differ after frame " + before);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"std, TEXT, 1000", "std, STILL, 200", "virtio, TEXT, 10", "virtio, STILL, 200"})
  void everyPixelOfAStillScreenIsAsQemuDumpsIt(String vga, BootSector guest, int colours)
      throws Exception {
    FrameCollector frames = new FrameCollector();
    try (QemuProcess qemu = QemuProcess.boot(program, directory, guest, DIRECT, "-vga", vga);
        FrameSource source = open(qemu.endpoint(""))) {
      source.start(frames);
      int least = guest == BootSector.TEXT ? 7 : colours;
      frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= least);
      Picture still = awaitDump(qemu, frames, "");
      assertTrue(still.colours() >= least, still::toString);
    }
    assertEquals("the guest's display was closed", frames.end());
    assertNull(frames.failure());
  }

  @ParameterizedTest
  @CsvSource({"std, false", "std, true", "virtio, false", "virtio, true"})
  void aMovingPictureArrivesInOrder(String vga, boolean tearFree) throws Exception {
    FrameCollector frames = new FrameCollector();
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.MOVING, DIRECT, "-vga", vga);
        FrameSource source = open(qemu.endpoint(tearFree ? "?tear-free" : ""))) {
      source.start(frames);
      frames.await("movement", f -> f.mode() != null && f.mode().width() == 640);
      int from = (int) frames.frames() + 20;
      frames.await("100 frames", f -> f.frames() > from + 100);
      List<Integer> pixels = frames.firstPixels().subList(from, from + 100);
      List<Long> times = frames.timestamps().subList(from, from + 100);
      for (int i = 1; i < pixels.size(); i++) {
        int step = colour(pixels.get(i)) - colour(pixels.get(i - 1)) & 0xff;
        assertTrue(step < 128, "frame " + i + " is older than the one before it");
      }
      double fps = 99e9 / (times.getLast() - times.getFirst());
      System.out.printf("%s moving: %.1f frames a second%n", vga, fps);
      assertTrue(fps > 10, () -> fps + " frames a second");
      // QEMU's own memory is one buffer; ours take turns.
      long buffers = frames.shown().subList(from, from + 100).stream().distinct().count();
      assertEquals(
          qemu.offersMap() && !tearFree, buffers == 1, () -> buffers + " buffers were shown");
    }
  }

  /** The colour's number, which the guest counts up. */
  private static int colour(int pixel) {
    return (pixel >> 18 & 63) | (pixel >> 10 & 3) << 6;
  }

  @Test
  void aGuestThatSwitchesModesIsFollowed() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.SWITCHING, DIRECT, "-vga", "std");
        FrameSource source = open(qemu.endpoint(""))) {
      source.start(frames);
      frames.await("graphics", f -> f.mode() != null && f.mode().width() == 640);
      frames.await("text", f -> f.mode().width() == 720 && f.picture().width() == 720);
      awaitDump(qemu, frames, "");
      frames.await("graphics again", f -> f.mode().width() == 640 && f.picture().width() == 640);
      awaitDump(qemu, frames, "");
    }
  }

  @Test
  void aGuestThatRebootsStaysTheSameCamera() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.STILL, DIRECT, "-vga", "std");
        FrameSource source = open(qemu.endpoint(""))) {
      source.start(frames);
      frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= 200);
      long before = frames.frames();
      qemu.execute("{\"execute\":\"system_reset\"}");
      // On a busy host the firmware's screen may be gone before QEMU looks; a reset draws anew in
      // any case.
      frames.await("a frame after the reset", f -> f.frames() > before);
      frames.await("the pattern again", f -> f.picture().colours() >= 200);
      awaitDump(qemu, frames, "");
      assertNull(frames.end());
    }
  }

  @Test
  void eachHeadIsASourceOfItsOwn() throws Exception {
    FrameCollector second = new FrameCollector();
    try (QemuProcess qemu =
            QemuProcess.boot(
                program,
                directory,
                BootSector.TEXT,
                DIRECT,
                "-device",
                "virtio-vga,max_outputs=2,id=gpu");
        FrameSource source = open(qemu.endpoint("/1"))) {
      source.start(second);
      second.await("a picture", f -> f.picture() != null);
      awaitDump(qemu, second, ",\"device\":\"gpu\",\"head\":1");
    }
  }

  @Test
  void aKilledGuestIsACleanEnd() throws Exception {
    FrameCollector frames = new FrameCollector();
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.MOVING, DIRECT, "-vga", "std");
        FrameSource source = open(qemu.endpoint(""))) {
      source.start(frames);
      frames.await("a picture", f -> f.picture() != null);
      qemu.kill();
      frames.await("the end", f -> f.end() != null);
      assertNull(frames.failure());
      assertTrue(frames.end().contains("ended"), frames::end);
    }
  }

  @Test
  void aGuestIsAskedForAnotherSizeWhereItsDeviceCanBe() throws Exception {
    QemuProvider provider = new QemuProvider();
    try (QemuProcess qemu =
        QemuProcess.boot(
            program,
            directory,
            BootSector.TEXT,
            DIRECT,
            "-device",
            "virtio-vga,id=gpu",
            "-device",
            "secondary-vga")) {
      provider.resize(Endpoint.parse(qemu.endpoint("")), 1280, 720);
      IOException refused =
          assertThrows(
              IOException.class,
              () -> provider.resize(Endpoint.parse(qemu.endpoint("/1")), 1280, 720));
      assertTrue(refused.getMessage().startsWith("SetUIInfo: "), refused::getMessage);
    }
  }
}
