// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.guestcam.tests.vgpu.KmsGuest;
import org.guestcam.tests.vgpu.TestFrame;
import org.guestcam.uapi.Udmabuf;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A Linux guest of a real QEMU within the lab, whose kernel has udmabuf: the pages that its driver
 * allots to its buffers are what readers of the loopback map.
 */
@Tag("lab")
@Tag("vgpu")
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class VhostGpuGuestTest {
  private static final Path CAMERA = Path.of("/dev/video21");
  private static final int FRAMES = 5;

  @TempDir private Path scratch;

  @Test
  void theGuestsOwnPagesAreWhatReadersMap() throws Exception {
    // A guest that has run for a while has no large pieces of memory: each page may lie apart.
    Files.writeString(Udmabuf.PARAMETERS.resolve("list_limit"), "4096");
    Path socket = scratch.resolve("gpu.sock");
    try (Flow flow =
        Flow.start(
            "vhost-user-gpu:" + socket + "?modes=1024x768,1920x1080",
            "v4l2:/dev/video20?fourcc=XR24")) {
      while (!Files.exists(socket)) {
        Thread.onSpinWait();
      }
      try (KmsGuest guest = KmsGuest.boot(scratch.resolve("guest"), KmsGuest.servedAt(socket))) {
        showFrames(guest, flow, 1024, 768, 1000);
        showFrames(guest, flow, 1920, 1080, 2000);
        assertEquals(0, flow.copiedBytes(), "guestcam copied on " + flow.path());
        String controls = Command.run("v4l2-ctl", "-d", CAMERA.toString(), "--list-ctrls");
        assertTrue(
            controls.lines().anyMatch(l -> l.contains("copied") && l.contains("value=0")),
            controls);
        // QEMU goes, and with it the source: by itself, so that no failure hides behind it.
        guest.kill();
        assertEquals(null, flow.awaitEnd());
      }
    }
  }

  /** The guest draws its next frame when the one before was read from the camera. */
  private void showFrames(KmsGuest guest, Flow flow, int width, int height, int first)
      throws Exception {
    String size = width + "x" + height;
    guest.begin("kms step " + FRAMES + " " + size + " " + first, "shown");
    flow.awaitPath("DMABUF " + size + " XR24");
    int number = read(width, height);
    while (number == TestFrame.NONE) { // the console
      number = read(width, height);
    }
    assertEquals(first, number);
    // Only when a mode ends does guestcam copy: the guest takes its pages back, and its last
    // picture is kept.
    long copied = flow.sourceCopiedBytes();
    int last = first + FRAMES - 1;
    while (number < last) {
      guest.line("");
      int before = number;
      while (number == before) {
        number = read(width, height);
      }
      assertEquals(before + 1, number, size);
    }
    assertEquals(copied, flow.sourceCopiedBytes(), size);
    assertTrue(first > 1000 || copied == 0, "guestcam copied the console");
    guest.awaitLine("shown");
    guest.finish();
    System.out.println("vgpu: " + FRAMES + " frames of a guest at " + size + ", every pixel equal");
  }

  /**
   * Which test frame the camera shows to a reader that comes now: one that came before the guest
   * had shown all of its buffers would not map the later ones.
   */
  private int read(int width, int height) throws IOException {
    Path file = scratch.resolve("frame.raw");
    Command.run(
        "v4l2-ctl",
        "-d",
        CAMERA.toString(),
        "--stream-mmap",
        "--stream-count=1",
        "--stream-to=" + file);
    byte[] bytes = Files.readAllBytes(file);
    assertEquals(4 * width * height, bytes.length);
    int[] pixels = new int[width * height];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(pixels);
    return TestFrame.number(pixels, width, height);
  }
}
