// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A request costs the device's thread no Java heap once the JIT has compiled its path. */
@Timeout(300)
class CommandHeapTest {
  private static final int WIDTH = 64;
  private static final int HEIGHT = 16;
  private static final long BYTES = 4L * WIDTH * HEIGHT;
  private static final long A = Monitor.FREE;
  private static final long B = Monitor.FREE + (1 << 16);
  private static final int WINDOW = 2_000;

  /**
   * As long as it takes: until the JIT is done, on a busy host after some seconds, calls allocate.
   */
  private static final long LIMIT_NANOS = 120_000_000_000L;

  @TempDir Path scratch;

  /** Runs on the device's thread, and reads what that thread has allocated. */
  private static final class Meter implements FrameListener {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private long at;
    private volatile long frames;
    private volatile long least = Long.MAX_VALUE;

    @Override
    public void modeChanged(Mode mode) {}

    @Override
    public void bufferAdded(Buffer buffer) {}

    @Override
    public void bufferRemoved(Buffer buffer) {}

    @Override
    public void framePresented(Frame frame) {
      long number = frame.sequence();
      frame.release();
      if (number % WINDOW == 0) {
        long now = THREADS.getCurrentThreadAllocatedBytes();
        if (number > 0) {
          least = Math.min(least, now - at);
        }
        at = now;
      }
      frames = number + 1;
    }

    @Override
    public void ended(String reason, Throwable failure) {}
  }

  private void requireNoHeap(String parameters) throws IOException {
    String path = scratch.resolve("gpu.sock").toString();
    Meter meter = new Meter();
    VhostGpuSource source =
        new VhostGpuSource(
            VhostGpuOptions.parse(new Endpoint("vhost-user-gpu", path + parameters)));
    source.start(meter);
    try (Monitor monitor = Monitor.start(path, 1 << 20)) {
      Driver driver = new Driver(monitor);
      driver.picture(1, WIDTH, HEIGHT, A, BYTES);
      driver.picture(2, WIDTH, HEIGHT, B, BYTES);
      long until = System.nanoTime() + LIMIT_NANOS;
      for (int i = 0; meter.least > 0 && System.nanoTime() < until; i++) {
        driver.flip(1 + (i & 1), WIDTH, HEIGHT);
        driver.moveCursor(i & 31, i & 15);
      }
    } finally {
      source.close();
    }
    assertEquals(0, meter.least, "bytes in " + WINDOW + " flips; " + meter.frames + " frames");
  }

  @Test
  void flipsOfTheGuestsOwnPages() throws IOException {
    requireNoHeap("?modes=800x600");
  }

  @Test
  void copiesForTearFree() throws IOException {
    requireNoHeap("?modes=800x600&tear-free");
  }
}
