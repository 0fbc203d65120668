// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pipelines that take nothing but dma-bufs, in the caps of GStreamer 1.24 and newer. */
@Tag("lab")
@Tag("gst-lab")
@Timeout(1200)
class DmaBufCapsTest {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 240;
  private static final int FRAMES = 5;

  @TempDir private Path directory;

  private static String source(String format) {
    return "pattern:?size=320x240&fps=5&memory=dmabuf&format=" + format;
  }

  private static String caps(String format) {
    return "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=" + format;
  }

  private static void requireExact(Path raw, PixelFormat format) {
    long size = raw.toFile().length();
    long frame = (long) WIDTH * HEIGHT * (format == PixelFormat.NV12 ? 3 : 8) / 2;
    assertTrue(size >= FRAMES * frame, size + " bytes");
    try (Recording recording = Recording.of(raw, (int) (size / frame))) {
      recording.requireExact(format, WIDTH, HEIGHT);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"XR24", "NV12"})
  void aSinkOfDmaBufsGetsThem(String format) throws Exception {
    Path raw = directory.resolve("frames.raw");
    try (Flow flow =
        Flow.start(source(format), "gst:" + caps(format) + " ! filesink location=" + raw)) {
      // A frame is asked for when the one before is on its way to the file.
      flow.awaitPath("GStreamer memory:DMABuf of dma-bufs").awaitFrames(FRAMES + 2);
      assertEquals(0, flow.copiedBytes());
      flow.stop();
      assertNull(flow.awaitEnd());
    }
    requireExact(raw, PixelFormat.named(format));
  }

  @Test
  void theElementOffersThem() {
    Path raw = directory.resolve("frames.raw");
    try (Guestcam done =
        Guestcam.run(
            "launch",
            "guestframesrc uri="
                + source("XR24")
                + " num-buffers="
                + FRAMES
                + " ! "
                + caps("XR24")
                + " ! filesink location="
                + raw)) {
      assertEquals(0, done.awaitEnd(), done::errors);
    }
    requireExact(raw, PixelFormat.XRGB8888);
  }

  @Test
  void sharedMemoryIsNotCalledADmaBuf() throws Exception {
    try (Flow flow =
        Flow.start("pattern:?size=320x240&memory=shm", "gst:" + caps("XR24") + " ! fakesink")) {
      Throwable failure = flow.awaitEnd();
      assertTrue(
          failure.getMessage().contains("takes no video/x-raw,format=BGRx"), failure::toString);
    }
  }
}
