// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.pattern.PatternPicture;
import org.guestcam.vhostgpu.Driver;
import org.guestcam.vhostgpu.Monitor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The guest's own pages, by real udmabuf, in a V4L2 device: a driver of ours flips two buffers that
 * are scattered over a sealed guest memory, and an unmodified program reads the camera.
 */
@Tag("lab")
@Tag("vgpu")
class VhostGpuTest {
  private static final int RECORDINGS = 30;
  private static final int FRAMES = 5;
  private static final long CHUNK = 1 << 14; // four pages, then the next chunk lies before them

  /** More pictures than a device's queue holds. */
  private static final int QUEUE = 8;

  private static Vivid vivid;

  @TempDir private Path scratch;

  @BeforeAll
  static void connect() {
    vivid = Vivid.connected();
  }

  /** Draws numbered pictures into the guest's pages and flips them, until it is told to stop. */
  private static final class Guest implements AutoCloseable {
    private final Flow flow;
    private final Monitor monitor;
    private final Driver driver;
    private final boolean blobs;
    private final int width;
    private final int height;
    private final MemorySegment canvas;
    private final PatternPicture picture;
    private final long size;
    private final Thread thread;
    private volatile boolean stopping;
    private volatile Throwable failure;

    Guest(Flow flow, String socket, boolean blobs, int width, int height)
        throws IOException, LayoutException {
      this.flow = flow;
      this.blobs = blobs;
      this.width = width;
      this.height = height;
      FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, width, height);
      size = Math.ceilDiv(layout.imageSize(), CHUNK) * CHUNK;
      picture = new PatternPicture(layout);
      canvas = Arena.ofAuto().allocate(size, 8);
      picture.drawBackground(canvas);
      monitor = Monitor.start(socket, Monitor.FREE + 2 * size);
      driver = new Driver(monitor);
      thread = Thread.ofPlatform().name("guest").start(this::flip);
    }

    private long base(int buffer) {
      return Monitor.FREE + buffer * size;
    }

    /** The chunks of a buffer, the last first in memory. */
    private long[] ranges(int buffer) {
      int chunks = (int) (size / CHUNK);
      long[] ranges = new long[2 * chunks];
      for (int i = 0; i < chunks; i++) {
        ranges[2 * i] = base(buffer) + (chunks - 1 - i) * CHUNK;
        ranges[2 * i + 1] = CHUNK;
      }
      return ranges;
    }

    private void flip() {
      try {
        for (int buffer = 0; buffer < 2; buffer++) {
          if (blobs) {
            assertEquals(0x1100, driver.blob(buffer + 1, size, ranges(buffer)));
          } else {
            driver.picture(buffer + 1, width, height, ranges(buffer));
          }
        }
        long before = PatternPicture.NONE;
        for (long frame = 0; !stopping; frame++) {
          int buffer = (int) (frame & 1);
          picture.draw(canvas, frame, System.nanoTime(), before);
          before = frame;
          for (long at = 0; at < size; at += CHUNK) {
            MemorySegment.copy(
                canvas, at, monitor.memory(), base(buffer) + size - CHUNK - at, CHUNK);
          }
          if (blobs) {
            assertEquals(0x1100, driver.showBlob(0, buffer + 1, width, height, 4 * width));
            int before2 = driver.requests();
            int ignored = driver.flushFenced(buffer + 1, width, height, frame + 1);
            monitor.awaitUsed(0, (before2 + 1) & 0xffff);
            assertTrue(ignored >= 0);
          } else {
            driver.flip(buffer + 1, width, height);
            // A guest that nothing makes wait is slow enough for its camera: so many pictures
            // later,
            // repeated ones included, the device has given the other buffer back.
            flow.awaitFrames(flow.taken() + QUEUE);
          }
        }
      } catch (IOException | RuntimeException | Error e) {
        failure = e;
      }
    }

    @Override
    public void close() {
      stopping = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      monitor.close();
      if (failure != null) {
        throw new AssertionError("the guest failed", failure);
      }
    }
  }

  @ParameterizedTest(name = "{0}x{1}, blobs: {2}")
  @CsvSource({"1024, 768, false", "1920, 1080, false", "1024, 768, true", "1920, 1080, true"})
  void theGuestsPagesAreTheCamerasPicture(int width, int height, boolean blobs) throws Exception {
    Path socket = scratch.resolve("gpu.sock");
    try (Flow flow =
        Flow.start(
            "vhost-user-gpu:" + socket + "?wait&fence-limit=5000", vivid.sink() + "?fourcc=XR24")) {
      while (!Files.exists(socket)) {
        Thread.onSpinWait();
      }
      try (Guest guest = new Guest(flow, socket.toString(), blobs, width, height)) {
        assertTrue(guest.size > 0);
        flow.awaitPath("DMABUF " + width + "x" + height + " XR24");
        vivid.follow("XR24", PixelFormat.XRGB8888, width, height);
        // An emulated guest draws slowly: so many recordings as it takes to see it move.
        long first = -1;
        long last = -1;
        for (int i = 0; i < RECORDINGS && last == first; i++) {
          try (Recording recording = Recording.byV4l2Ctl(vivid.capture(), FRAMES)) {
            for (long number : recording.requireExact(PixelFormat.XRGB8888, width, height)) {
              assertTrue(number >= last, "frame " + number + " came behind " + last);
              first = first < 0 ? number : first;
              last = number;
            }
          }
        }
        assertTrue(last > first, "it stands still at " + last);
        assertEquals(0, flow.copiedBytes(), "bytes were copied on " + flow.path());
        if (blobs) {
          assertEquals(0, flow.tornFrames(), "a guest that waits for its fences tears nothing");
        }
      }
    }
  }
}
