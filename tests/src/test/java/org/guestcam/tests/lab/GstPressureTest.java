// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.guestcam.Pace;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.pattern.PatternPicture;
import org.guestcam.pattern.Stamp;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pipeline that takes frames and gives none back: guestcam waits, and goes on when it does. */
@Tag("gst")
@Timeout(500)
class GstPressureTest {
  /** What guestcam lets a pipeline hold. */
  private static final int MOST = 64;

  private static final int WIDTH = 160;
  private static final int HEIGHT = 120;
  private static final String SOURCE =
      "pattern:?size=" + WIDTH + "x" + HEIGHT + "&fps=4&buffers=32&memory=shm";

  @Test
  void aPipelineThatHoldsAllFramesStopsThemAndNothingGrows(@TempDir Path directory)
      throws IOException, LayoutException {
    Path fifo = directory.resolve("fifo");
    Command.run("mkfifo", fifo.toString());
    Flow[] begun = new Flow[1];
    // The queue takes whatever comes; a pipe that nobody reads takes less than one picture.
    Thread starter =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    begun[0] =
                        Flow.start(
                            SOURCE,
                            "gst:queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 !"
                                + " filesink async=false buffer-mode=unbuffered location="
                                + fifo,
                            new Pace.Fixed(100_000),
                            false);
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    try (FileInputStream reader = new FileInputStream(fifo.toFile())) {
      starter.join();
      try (Flow flow = begun[0]) {
        flow.awaitFrames(MOST);
        long before = flow.stats().snapshot(System.nanoTime()).overtaken();
        while (flow.stats().snapshot(System.nanoTime()).overtaken() < before + 10) {
          LockSupport.parkNanos(10_000_000);
        }
        assertEquals(MOST, flow.taken(), "the pipeline gave nothing back");
        read(reader, MOST + 40);
        flow.stop();
        // The end of the stream comes behind all frames.
        assertTrue(reader.readAllBytes().length % (4 * WIDTH * HEIGHT) == 0);
        assertNull(flow.awaitEnd());
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Every frame is whole, and none is older than the one before. */
  private static void read(FileInputStream reader, int frames) throws IOException, LayoutException {
    PatternPicture picture =
        new PatternPicture(FrameLayout.tight(PixelFormat.XRGB8888, WIDTH, HEIGHT));
    long last = 0;
    for (int i = 0; i < frames; i++) {
      MemorySegment frame = MemorySegment.ofArray(reader.readNBytes(4 * WIDTH * HEIGHT));
      Stamp stamp = picture.read(frame);
      assertTrue(stamp.valid() && stamp.frame() >= last, "frame " + i + ": " + stamp);
      assertEquals(-1, picture.firstDifference(frame, stamp.frame(), stamp.timestampNanos()));
      last = stamp.frame();
    }
  }
}
