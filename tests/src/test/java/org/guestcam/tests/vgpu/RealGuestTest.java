// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Providers;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Linux guests of a real QEMU whose display is guestcam; on the host, without KVM. Run by
 * tests/vhost-user-gpu/run.
 */
@Tag("lab")
@Tag("vgpu-guest")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class RealGuestTest {
  private static final String TEXT =
      "printf '\\033[2J\\033[Hguestcam sees this text\\033[5;9H\\033[31mred\\033[32m green"
          + "\\033[44m on blue\\033[0m' >/dev/tty1";

  @TempDir Path scratch;

  private FrameSource source(Watcher watcher, String parameters) throws IOException {
    Endpoint endpoint = new Endpoint("vhost-user-gpu", socket() + parameters);
    FrameSource source = Providers.source(endpoint).open(endpoint);
    source.start(watcher);
    return source;
  }

  private Path socket() {
    return scratch.resolve("gpu.sock");
  }

  private KmsGuest boot(String name, String... more) throws IOException {
    Stream<String> devices = Stream.of(KmsGuest.servedAt(socket()), more).flatMap(Arrays::stream);
    return KmsGuest.boot(scratch.resolve(name), devices.toArray(String[]::new));
  }

  @Test
  @Tag("vgpu-quick")
  void aThousandFlipsComeInOrder() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource _ = source(watcher, "?modes=640x480");
        KmsGuest guest = boot("flips")) {
      guest.begin("kms step 1000 640x480 1000000", "shown");
      for (int i = 0; i < 1000; i++) {
        int wanted = 1_000_000 + i;
        watcher.await("frame " + i, w -> w.last() == wanted);
        guest.line("");
      }
      guest.awaitLine("shown");
      List<Integer> seen =
          watcher.numbers().stream().filter(number -> number >= 1_000_000).toList();
      assertEquals(IntStream.range(1_000_000, 1_001_000).boxed().toList(), seen);
      guest.finish();
      System.out.println("vgpu: 1000 flips of 640x480, each seen whole and in order");
    }
  }

  @Test
  @Tag("vgpu-quick")
  void aBufferThatIsDrawnIntoWhileItIsReadIsCounted() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource source = source(watcher, "?modes=640x480");
        KmsGuest guest = boot("redrawn")) {
      long before = holdAndRedraw(watcher, guest, source);
      assertEquals(3, watcher.heldNumber(0), "frame 1 is the guest's own page: it is frame 3 now");
      // Frame 1 was drawn over twice, and is one; frame 2 was drawn over once; frame 3 is whole.
      assertEquals(2, source.tornFrames() - before);
      watcher.letGo();
      guest.line("");
      watcher.await("frame 4", w -> w.last() == 4);
      assertEquals(2, source.tornFrames() - before, "nobody reads");
      guest.finish();
      System.out.println("vgpu: 2 of 3 frames drawn over while they were read, 2 counted as torn");
    }
  }

  @Test
  @Tag("vgpu-quick")
  void tearFreeFramesStayAsTheyAreWhileTheyAreRead() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource source = source(watcher, "?modes=640x480&tear-free");
        KmsGuest guest = boot("kept")) {
      long before = holdAndRedraw(watcher, guest, source);
      assertEquals(1, watcher.heldNumber(0));
      assertEquals(2, watcher.heldNumber(1));
      assertEquals(3, watcher.heldNumber(2));
      assertEquals(0, source.tornFrames() - before);
      assertTrue(source.copiedBytes() >= 3 * 640 * 480 * 4, "and that it costs is told");
      watcher.letGo();
      guest.line("");
      guest.finish();
    }
  }

  /**
   * Frames 1 to 3 in one buffer of the guest, each held when the next is drawn.
   *
   * @return frames that were torn before, while the guest booted
   */
  private static long holdAndRedraw(Watcher watcher, KmsGuest guest, FrameSource source)
      throws Exception {
    guest.begin("kms redraw 5 640x480", "shown");
    watcher.await("frame 0", w -> w.last() == 0);
    long before = source.tornFrames();
    watcher.hold();
    for (int i = 1; i <= 3; i++) {
      int wanted = i;
      guest.line("");
      guest.awaitLine("shown");
      watcher.await("frame " + i, w -> w.last() == wanted);
    }
    return before;
  }

  @Test
  void aGuestThatDoesNotWaitIsCountedWhereItTears() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource source = source(watcher, "?modes=640x480");
        KmsGuest guest = boot("free")) {
      guest.begin("kms flip 1000 640x480 1000000", "shown");
      watcher.await("the last frame", w -> w.last() == 1_000_999);
      List<Integer> all = watcher.numbers();
      List<Integer> flips = all.subList(Math.max(0, all.indexOf(1_000_000)), all.size());
      int last = 0;
      for (int number : flips) {
        // A buffer that is drawn over before it was read shows the next but one frame already.
        assertTrue(number == TestFrame.NONE || number >= last - 1, number + " behind " + last);
        last = Math.max(number, last);
      }
      long mixed = flips.stream().filter(n -> n == TestFrame.NONE).count();
      System.out.println(
          "vgpu: 1000 flips of a guest that does not wait: "
              + flips.size()
              + " frames in order, "
              + mixed
              + " seen torn, "
              + source.tornFrames()
              + " counted");
      // What the guest has drawn over is known when it says so: a reader that was done before that
      // may have seen the middle of it uncounted.
      guest.finish();
    }
  }

  @Test
  void tearFreeFramesAreWhole() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource source = source(watcher, "?modes=640x480&tear-free");
        KmsGuest guest = boot("tear-free")) {
      guest.begin("kms flip 300 640x480 2000000", "shown");
      watcher.await("the last frame", w -> w.last() == 2_000_299);
      List<Integer> all = watcher.numbers();
      int first = all.indexOf(2_000_000) < 0 ? all.size() : all.indexOf(2_000_000);
      List<Integer> seen = all.subList(first, all.size());
      long torn = seen.stream().filter(n -> n == TestFrame.NONE).count();
      assertEquals(0, torn, "torn: " + seen);
      System.out.println(
          "vgpu: tear-free, 300 flips of a guest that does not wait: "
              + seen.size()
              + " frames, none seen torn, "
              + source.tornFrames()
              + " not certain");
      guest.finish();
    }
  }

  @Test
  @Tag("vgpu-quick")
  void theConsoleLooksAsQemuShowsIt() throws Exception {
    int[] wanted;
    try (KmsGuest guest = KmsGuest.boot(scratch.resolve("own"), "-device", "virtio-gpu-pci")) {
      guest.run(TEXT);
      guest.run("cat /sys/class/graphics/fb0/virtual_size; usleep 300000");
      wanted = guest.screendump().pixels();
    }
    Watcher watcher = new Watcher();
    try (FrameSource _ = source(watcher, "");
        KmsGuest guest = boot("text")) {
      guest.run(TEXT);
      watcher.await("the text", w -> Arrays.equals(wanted, w.pixels()));
      assertTrue(Arrays.stream(wanted).distinct().count() >= 5, "more than an empty screen");
    }
    System.out.println("vgpu: fbcon " + wanted.length + " pixels equal to QEMU's screendump");
  }

  @Test
  @Tag("vgpu-quick")
  void theGuestIsInQemusWindowToo() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource _ = source(watcher, "?modes=640x480,800x600&window");
        KmsGuest guest = boot("window")) {
      for (String mode : List.of("640x480", "800x600")) {
        guest.begin("kms flip 3 " + mode + " 40", "shown");
        watcher.await(mode, w -> w.last() == 42 && mode.equals(size(w)));
        int[] wanted = watcher.pixels();
        while (!Arrays.equals(wanted, guest.screendump().pixels())) {
          Thread.onSpinWait(); // QEMU takes it in its own time; the test's limit is for both
        }
        guest.finish();
        watcher.clear();
      }
      System.out.println("vgpu: QEMU's own screendump has every pixel of the guest's picture");
    }
  }

  @Test
  @Tag("vgpu-quick")
  void theGuestComesAndGoesAsItLikes() throws Exception {
    Watcher watcher = new Watcher();
    try (FrameSource _ = source(watcher, "?modes=800x600,1024x768,640x480&wait")) {
      try (KmsGuest guest = boot("lives")) {
        watcher.await("the console", w -> w.mode() != null && w.mode().width() == 800);
        // Modes.
        List<String> modes = guest.run("kms modes");
        for (String mode : List.of("800x600", "1024x768", "640x480")) {
          assertTrue(modes.stream().anyMatch(m -> m.startsWith("mode " + mode)), modes.toString());
          guest.begin("kms flip 3 " + mode + " 500", "shown");
          watcher.await(mode, w -> w.last() == 502 && mode.equals(size(w)));
          guest.finish();
          watcher.clear();
        }
        // A pause.
        guest.begin("kms flip 2 640x480 600", "shown");
        watcher.await("before the pause", w -> w.last() == 601);
        watcher.clear();
        assertTrue(guest.qmp("{\"execute\":\"stop\"}").contains("return"));
        watcher.await("the still picture", w -> w.last() == 601);
        watcher.clear();
        assertTrue(guest.qmp("{\"execute\":\"cont\"}").contains("return"));
        watcher.await("the picture again", w -> w.last() == 601);
        guest.finish();
        // The driver goes, and comes again.
        guest.run("echo 0 >/sys/class/vtconsole/vtcon1/bind");
        guest.run(
            "cd /sys/bus/virtio/drivers/virtio_gpu; d=$(ls | grep virtio); echo $d >unbind;"
                + " usleep 200000; echo $d >bind; cd /; usleep 500000");
        watcher.clear();
        guest.begin("kms flip 3 1024x768 700", "shown");
        watcher.await("after bind", w -> w.last() == 702 && "1024x768".equals(size(w)));
        guest.finish();
        // A reboot.
        guest.reboot();
        watcher.clear();
        guest.begin("kms flip 3 640x480 800", "shown");
        watcher.await("after the reboot", w -> w.last() == 802);
        // QEMU dies: the last picture stays.
        watcher.clear();
        guest.kill();
        watcher.await("the last picture", w -> w.last() == 802);
      }
      assertEquals(null, watcher.end());
      try (KmsGuest guest = boot("next")) {
        guest.begin("kms flip 3 800x600 900", "shown");
        watcher.await("the next QEMU's guest", w -> w.last() == 902);
        guest.finish();
      }
    }
    assertEquals("the guest's display was closed", watcher.end());
  }

  @Test
  @Tag("vgpu-quick")
  void aWindowOfAnotherSizeIsAnotherModeOfTheGuest() throws Exception {
    Path qmp = scratch.resolve("display.qmp");
    Endpoint display = Endpoint.parse("qemu:unix:" + qmp);
    String[] withDisplay = {
      "-display", "dbus,p2p=yes", "-qmp", "unix:" + qmp + ",server=on,wait=off"
    };
    try (Watcher watcher = new Watcher();
        FrameSource _ = source(watcher, "");
        KmsGuest guest = boot("resized", withDisplay)) {
      for (String mode : List.of("1000x704", "720x400")) {
        String[] sides = mode.split("x", 2);
        // As guestcam resize does.
        Providers.source(display)
            .resize(display, Integer.parseInt(sides[0]), Integer.parseInt(sides[1]));
        while (!guest.run("kms modes").getFirst().startsWith("mode " + mode + " ")) {
          Thread.onSpinWait(); // the guest hears of it by an interrupt
        }
        guest.begin("kms flip 3 " + mode + " 70", "shown");
        watcher.await(mode, w -> w.last() == 72 && mode.equals(size(w)));
        guest.finish();
        watcher.clear();
      }
      System.out.println("vgpu: the guest follows the size of QEMU's window");
    }
  }

  private static String size(Watcher watcher) {
    return watcher.mode().width() + "x" + watcher.mode().height();
  }

  @Test
  @Tag("vgpu-quick")
  void guestcamIsStartedAgain() throws Exception {
    System.setProperty("guestcam.tables", scratch.resolve("tables").toString());
    String parameters = "?modes=640x480&connect&wait";
    try (Watcher first = new Watcher();
        Watcher second = new Watcher();
        Watcher third = new Watcher()) {
      FrameSource source = source(first, parameters);
      try (KmsGuest guest =
          KmsGuest.boot(scratch.resolve("again"), KmsGuest.servedAt(socket(), ",server=on"))) {
        guest.begin("kms flip 2 640x480 10", "shown");
        first.await("the first guestcam's", w -> w.last() == 11);
        source.close();
        // A paused guest goes on with the next guestcam, which knows its buffers.
        source = source(second, parameters);
        assertTrue(guest.qmp("{\"execute\":\"stop\"}").contains("return"));
        assertTrue(guest.qmp("{\"execute\":\"cont\"}").contains("return"));
        second.await("the picture that was there before", w -> w.last() == 11);
        guest.finish();
        guest.begin("kms flip 3 640x480 20", "shown");
        second.await("the second guestcam's", w -> w.last() == 22);
        source.close();
        // A guest that begins anew while no guestcam is there waits for one.
        assertTrue(guest.qmp("{\"execute\":\"stop\"}").contains("return"));
        source = source(third, parameters);
        guest.qmp("{\"execute\":\"system_reset\"}");
        assertTrue(guest.qmp("{\"execute\":\"cont\"}").contains("return"));
        guest.awaitReady();
        guest.begin("kms flip 2 640x480 30", "shown");
        third.await("the third guestcam's", w -> w.last() == 31);
        guest.finish();
      } finally {
        source.close();
      }
    }
  }

  @Test
  void aPointerIsBlended() throws Exception {
    Watcher watcher = new Watcher();
    try (FrameSource _ = source(watcher, "?modes=640x480&cursor=blend");
        KmsGuest guest = boot("pointer")) {
      guest.begin("kms cursor 100 50", "shown");
      int[] wanted = withPointer(100, 50);
      watcher.await("the pointer", w -> Arrays.equals(wanted, w.pixels()));
      guest.finish();
    }
  }

  @Test
  void aPointerIsTold() throws Exception {
    try (Watcher watcher = new Watcher();
        FrameSource _ = source(watcher, "?modes=640x480&cursor=meta");
        KmsGuest guest = boot("told")) {
      guest.begin("kms cursor 100 50", "shown");
      watcher.await(
          "the pointer", w -> w.cursor() != null && w.cursor().visible() && w.last() == 1);
      Cursor pointer = watcher.cursor();
      assertEquals(100, pointer.x());
      assertEquals(50, pointer.y());
      for (int i = 0; i < 64 * 64; i++) {
        assertEquals(
            pointerPixel(i % 64, i / 64),
            pointer.shape().pixels().get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i));
      }
      guest.finish();
    }
  }

  /** The pointer of guest/kms.c, 0xAARRGGBB. */
  private static int pointerPixel(int x, int y) {
    return (x * 4) << 24 | (x * 2) << 16 | (x * y / 16 % (x + 1)) << 8;
  }

  /** Test frame 1 at 640x480 with the pointer of guest/kms.c over it. */
  private static int[] withPointer(int left, int top) {
    int[] pixels = new int[640 * 480];
    for (int y = 0; y < 480; y++) {
      for (int x = 0; x < 640; x++) {
        pixels[y * 640 + x] = TestFrame.pixel(x, y, 1);
      }
    }
    for (int y = 0; y < 64; y++) {
      for (int x = 0; x < 64; x++) {
        int at = (top + y) * 640 + left + x;
        int over = pointerPixel(x, y);
        int blended = 0;
        for (int c = 0; c < 24; c += 8) {
          int below = (pixels[at] >> c) & 0xff;
          int covered = (below * (255 - (over >>> 24)) + 127) / 255;
          blended |= Math.min(255, ((over >> c) & 0xff) + covered) << c;
        }
        pixels[at] = blended;
      }
    }
    return pixels;
  }
}
