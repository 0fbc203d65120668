// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** guestcam's own commands on the host, with the screen of a Linux guest of a real QEMU. */
@Tag("lab")
@Tag("vgpu-guest")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class GuestFileTest {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 480;

  @TempDir Path scratch;

  private Path socket() {
    return scratch.resolve("gpu.sock");
  }

  /** Starts guestcam with these words, and waits until QEMU can connect to it. */
  private Process guestcam(String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "org.guestcam.cli.Main"));
    command.addAll(List.of(words));
    Process guestcam = new ProcessBuilder(command).inheritIO().start();
    while (guestcam.isAlive() && !Files.exists(socket())) {
      Thread.onSpinWait();
    }
    return guestcam;
  }

  private KmsGuest boot() throws IOException {
    return KmsGuest.boot(scratch.resolve("guest"), KmsGuest.servedAt(socket()));
  }

  @Test
  @Tag("vgpu-quick")
  void aSnapshotIsTheGuestsScreen() throws Exception {
    Path png = scratch.resolve("screen.png");
    Process guestcam =
        guestcam(
            "snapshot",
            "--timeout",
            "5m",
            "vhost-user-gpu:" + socket() + "?modes=640x480",
            png.toString());
    try (KmsGuest guest = boot()) {
      assertTrue(guestcam.waitFor(5, TimeUnit.MINUTES));
      assertEquals(0, guestcam.exitValue());
      var picture = ImageIO.read(png.toFile());
      assertEquals(WIDTH, picture.getWidth());
      assertEquals(HEIGHT, picture.getHeight());
      assertEquals(List.of(), guest.run("true"));
    }
  }

  @Test
  @Tag("vgpu-quick")
  void aRecordingIsTheGuestsFrames() throws Exception {
    Path recording = scratch.resolve("out.mkv");
    Process guestcam =
        guestcam(
            "record",
            "--encoder",
            "ffv1",
            "vhost-user-gpu:" + socket() + "?modes=640x480&tear-free",
            recording.toString());
    try (KmsGuest guest = boot()) {
      guest.begin("kms flip 40 640x480 1000 50000", "shown");
      guest.kill(); // the recording ends with the guest
      assertTrue(guestcam.waitFor(5, TimeUnit.MINUTES));
    }
    assertEquals(0, guestcam.exitValue());
    List<Integer> all = numbers(recording);
    List<Integer> frames = all.subList(Math.max(0, firstTestFrame(all)), all.size());
    assertTrue(frames.size() > 1, "few of the guest's frames: " + all);
    for (int i = 1; i < frames.size(); i++) {
      int previous = frames.get(i - 1);
      assertTrue(frames.get(i) >= previous, "torn, or out of order: " + all);
    }
    assertEquals(1039, frames.getLast());
    System.out.println(
        "vgpu: a recording without loss has "
            + frames.stream().distinct().count()
            + " of 40 frames of a guest, in order, every pixel equal");
  }

  private static int firstTestFrame(List<Integer> numbers) {
    int i = 0;
    while (i < numbers.size() && numbers.get(i) == TestFrame.NONE) {
      i++;
    }
    return i;
  }

  /** Which test frames a recording holds, decoded by ffmpeg. */
  private List<Integer> numbers(Path recording) throws IOException, InterruptedException {
    Process ffmpeg =
        new ProcessBuilder(
                "ffmpeg",
                "-nostdin",
                "-v",
                "error",
                "-i",
                recording.toString(),
                "-fps_mode",
                "passthrough",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "bgra",
                "-")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    List<Integer> numbers = new ArrayList<>();
    byte[] bytes = new byte[4 * WIDTH * HEIGHT];
    int[] pixels = new int[WIDTH * HEIGHT];
    try (DataInputStream in = new DataInputStream(ffmpeg.getInputStream())) {
      while (true) {
        in.readFully(bytes);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(pixels);
        numbers.add(TestFrame.number(pixels, WIDTH, HEIGHT));
      }
    } catch (EOFException e) {
      assertEquals(0, ffmpeg.waitFor());
      return numbers;
    }
  }
}
