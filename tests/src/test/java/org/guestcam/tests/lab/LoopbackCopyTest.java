// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.v4l2.DeviceProbe;
import org.guestcam.v4l2.VideoOutput;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** v4l2loopback takes no dma-bufs: guestcam copies, says so, and every byte is right. */
@Tag("lab")
@Tag("v4l2loopback")
class LoopbackCopyTest {
  private static final Path DEVICE = Path.of("/dev/video10");
  private static final String SINK = "v4l2:" + DEVICE;

  static Stream<Arguments> pictures() {
    Stream.Builder<Arguments> all = Stream.builder();
    for (String format : List.of("XR24", "RG16", "YUYV", "NV12")) {
      for (String size : List.of("640x480", "1366x768", "1920x1080", "3840x2160")) {
        for (String layout : List.of("linear", "scattered")) {
          all.add(Arguments.of(format, size, layout));
        }
      }
    }
    return all.build();
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("pictures")
  void everyByteArrivesByCopy(String name, String size, String pages)
      throws IOException, LayoutException {
    PixelFormat format = PixelFormat.ofDrm(Fourcc.of(name)).orElseThrow();
    int width = Integer.parseInt(size.substring(0, size.indexOf('x')));
    int height = Integer.parseInt(size.substring(size.indexOf('x') + 1));
    int stride = Math.ceilDiv(FrameLayout.tight(format, width, height).stride(0), 64) * 64;
    // Readers see the buffers that guestcam writes: slow frames leave an emulated reader its time.
    int fps = width > 1920 ? 1 : 2;
    String source =
        "pattern:?size="
            + size
            + "&format="
            + format
            + "&fps="
            + fps
            + "&layout="
            + pages
            + "&stride="
            + stride;
    try (Flow flow = Flow.start(source, SINK)) {
      flow.awaitFrames(2);
      assertTrue(flow.path().startsWith("MMAP copy " + size), flow.path());
      try (Recording recording = Recording.byV4l2Ctl(DEVICE, 3)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      FrameLayout picture = FrameLayout.tight(format, width, height);
      try (Recording recording = Recording.byGStreamer(DEVICE, 3, picture)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      assertTrue(flow.copiedBytes() > 0, "nothing was copied");
    }
  }

  private static void requireProgress(List<Long> numbers) {
    assertTrue(numbers.getLast() > numbers.getFirst(), "the picture stands still: " + numbers);
  }

  @Test
  void onlyDamagedRowsAreCopied() throws IOException {
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=20", SINK)) {
      flow.awaitFrames(20);
      long after = flow.copiedBytes();
      long before = flow.taken();
      flow.awaitFrames(before + 40);
      long perFrame = (flow.copiedBytes() - after) / (flow.taken() - before);
      assertTrue(perFrame < 640 * 480 * 4 / 2, perFrame + " bytes were copied for each frame");
    }
  }

  @Test
  void zeroCopyIsRefusedWithTheReason() {
    Command refused =
        Command.of("guestcam", "run", "pattern:?size=640x480&fps=20", SINK, "--require-zero-copy");
    assertEquals(3, refused.status(), refused.output());
    assertTrue(refused.output().contains("zero copy is required"), refused.output());
    assertTrue(
        refused.output().contains("its queue takes neither DMABUF nor USERPTR"), refused.output());
  }

  @Test
  void aModeThatChangesWhileAReaderHoldsTheFormat() throws Exception {
    // The reader keeps the device at its format: pictures of the new size are fitted in.
    try (Flow flow = Flow.start("pattern:?modes=640x480@30,800x600@100000&fps=10", SINK)) {
      flow.awaitFrames(2);
      Process reader =
          new ProcessBuilder("v4l2-ctl", "-d", DEVICE.toString(), "--stream-mmap", "--stream-to=-")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (InputStream frames = reader.getInputStream()) {
        int bytes = 640 * 480 * 4;
        assertEquals(bytes, frames.readNBytes(bytes).length);
        Thread drain =
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        long drained = frames.transferTo(java.io.OutputStream.nullOutputStream());
                        assert drained >= 0;
                      } catch (IOException e) {
                        assert e.getMessage() != null; // the reader is killed below
                      }
                    });
        flow.awaitPath("letterboxed");
        assertTrue(flow.path().contains("640x480"), flow.path());
        flow.awaitFrames(flow.taken() + 10);
        reader.destroyForcibly().waitFor();
        drain.join();
      } finally {
        reader.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void exclusiveCapsHideTheOutputFromOthersWhileItIsFed() throws IOException {
    Path exclusive = Path.of("/dev/video11");
    assertTrue(DeviceProbe.of(exclusive).output());
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=2", "v4l2:" + exclusive)) {
      flow.awaitFrames(3);
      assertTrue(DeviceProbe.of(exclusive).capture());
      assertFalse(DeviceProbe.of(exclusive).output());
      try (Recording recording = Recording.byV4l2Ctl(exclusive, 3)) {
        requireProgress(recording.requireExact(PixelFormat.XRGB8888, 640, 480));
      }
      HostLacksException refused =
          assertThrows(
              HostLacksException.class,
              () -> VideoOutput.open(exclusive, new FrameSinkProvider.Options(false, 20_000), 0));
      assertTrue(refused.getMessage().contains("exclusive_caps"), refused.getMessage());
    }
    try (Flow again = Flow.start("pattern:?size=640x480&fps=2", "v4l2:" + exclusive)) {
      again.awaitFrames(3);
    }
  }
}
