// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.qemu.BootSector;
import org.guestcam.qemu.Picture;
import org.guestcam.qemu.QemuProcess;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * QEMU within the lab, whose kernel has udmabuf: bytes that are received into udmabufs, and the
 * dma-bufs that QEMU makes itself with OpenGL in software, become the camera's pictures.
 */
@Tag("lab")
@Tag("qemu-lab")
class QemuGuestTest {
  /** Of the lab's own root: QEMU 10.0. */
  private static final String QEMU_10 = "qemu-system-x86_64";

  /** Put there by tests/lab/run: QEMU 11. */
  private static final String QEMU_11 = "/share/qemu/qemu-system-x86_64";

  private static final String GL = "dbus,p2p=yes,gl=on,rendernode=/dev/dri/renderD128";
  private static final String NO_GL = "dbus,p2p=yes";
  private static final Path BUFFERS = Path.of("/sys/kernel/debug/dma_buf/bufinfo");
  private static Vivid vivid;

  @TempDir private Path directory;

  @BeforeAll
  static void connect() {
    vivid = Vivid.connected();
  }

  static Stream<Arguments> displays() {
    return Stream.of(
        Arguments.of(QEMU_10, NO_GL, "?tear-free", "Scanout", "XR24"),
        Arguments.of(QEMU_10, NO_GL, "", "ScanoutMap", "XR24"),
        Arguments.of(QEMU_10, GL, "", "ScanoutDMABUF", "XB24"), // a texture of OpenGL
        Arguments.of(QEMU_11, GL, "", "ScanoutDMABUF2", "XB24"));
  }

  @ParameterizedTest(name = "{0} {3}")
  @MethodSource("displays")
  void theCameraShowsWhatQemuDumps(
      String program, String display, String parameters, String way, String fourcc)
      throws Exception {
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.STILL, display, "-vga", "std");
        Flow flow = Flow.start(qemu.endpoint(parameters), vivid.sink() + "?fourcc=" + fourcc)) {
      String memory = way.equals("ScanoutMap") ? "USERPTR" : "DMABUF";
      flow.awaitPath(memory + " 640x400 " + fourcc);
      assertTrue(flow.source().endsWith("(" + way + ")"), flow.source());
      vivid.followTimings(fourcc);
      assertShowsDump(qemu, flow, vivid.capture(), way, fourcc);
      assertEquals(
          way.equals("Scanout"),
          Files.readString(BUFFERS).contains("guestcam-copy"),
          "whether dma-bufs of guestcam's own are there");
    }
  }

  /** What guestcam received, and QEMU's own dma-bufs, are what readers of the loopback map. */
  @ParameterizedTest(name = "{0} {3}")
  @MethodSource("displays")
  void theLoopbackShowsTheSamePages(
      String program, String display, String parameters, String way, String fourcc)
      throws Exception {
    try (QemuProcess qemu =
            QemuProcess.boot(program, directory, BootSector.STILL, display, "-vga", "std");
        Flow flow = Flow.start(qemu.endpoint(parameters), "v4l2:/dev/video20?fourcc=" + fourcc)) {
      flow.awaitPath((way.equals("ScanoutMap") ? "USERPTR" : "DMABUF") + " 640x400 " + fourcc);
      assertShowsDump(qemu, flow, Path.of("/dev/video21"), way, fourcc);
      String controls = Command.run("v4l2-ctl", "-d", "/dev/video21", "--list-ctrls");
      assertTrue(
          controls.lines().anyMatch(l -> l.contains("copied") && l.contains("value=0")), controls);
    }
  }

  /** Of bytes that QEMU sends in parts, some are copied from buffer to buffer; nothing else is. */
  private static void assertShowsDump(
      QemuProcess qemu, Flow flow, Path camera, String way, String fourcc) throws IOException {
    PixelFormat format = PixelFormat.ofV4l2(Fourcc.of(fourcc)).orElseThrow();
    Picture dump = awaitDump(qemu, camera, format);
    assertTrue(dump.colours() >= 200, dump::toString);
    if (!way.equals("Scanout")) {
      assertEquals(0, flow.copiedBytes(), "bytes were copied on " + flow.path());
    }
  }

  /** Waits until the camera shows what QEMU dumps. */
  private static Picture awaitDump(QemuProcess qemu, Path camera, PixelFormat format)
      throws IOException {
    Picture shown = null;
    Picture dump = null;
    for (int i = 0; i < 100; i++) {
      shown = read(camera, format);
      dump = qemu.screendump("");
      if (dump.equals(shown)) {
        return dump;
      }
    }
    assertEquals(dump, shown);
    return dump;
  }

  /** A frame of the camera, as v4l2-ctl reads it. */
  private static Picture read(Path camera, PixelFormat format) throws IOException {
    Path file = Files.createTempFile("camera", ".raw");
    try {
      Command.run(
          "v4l2-ctl",
          "-d",
          camera.toString(),
          "--stream-mmap",
          "--stream-count=1",
          "--stream-to=" + file);
      byte[] bytes = Files.readAllBytes(file);
      FrameLayout layout = FrameLayout.tight(format, 640, 400);
      assertEquals(layout.imageSize(), bytes.length);
      return Picture.of(MemorySegment.ofArray(bytes), layout);
    } catch (LayoutException e) {
      throw new AssertionError(e);
    } finally {
      Files.delete(file);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {NO_GL, GL})
  void aMovingPictureIsNotHeldUp(String display) throws Exception {
    try (QemuProcess qemu =
            QemuProcess.boot(QEMU_10, directory, BootSector.MOVING, display, "-vga", "std");
        Flow flow = Flow.start(qemu.endpoint(""), vivid.sink())) {
      flow.awaitPath(" 640x400 ");
      long from = System.nanoTime();
      long before = flow.taken();
      flow.awaitFrames(before + 50);
      double fps = 50e9 / (System.nanoTime() - from);
      System.out.printf("qemu: %s moving: %.1f frames a second%n", display, fps);
      assertFalse(fps < 5, () -> fps + " frames a second");
    }
  }
}
