// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.guestcam.uapi.Memfd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A frame costs the listener's thread no Java heap once the JIT has compiled its path. */
@Timeout(120)
class ListenerHeapTest {
  private static final int WIDTH = 64;
  private static final int HEIGHT = 16;
  private static final int WINDOW = 2_000;

  /**
   * As long as it takes: until the JIT is done, on a busy host after some seconds, calls allocate.
   */
  private static final long LIMIT_NANOS = 60_000_000_000L;

  /** Runs on the listener's thread, and reads what that thread has allocated. */
  private static final class Meter implements FrameListener {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final long[] at = new long[2];
    private final AtomicReference<Frame> shown = new AtomicReference<>();
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
      Frame overtaken = shown.getAndSet(frame);
      if (overtaken != null) {
        overtaken.release();
      }
      if (frame.sequence() % WINDOW == 0) {
        at[0] = at[1];
        at[1] = THREADS.getCurrentThreadAllocatedBytes();
        if (frame.sequence() > WINDOW) {
          least = Math.min(least, at[1] - at[0]);
        }
      }
      frames = frame.sequence() + 1;
    }

    /** As a sink does, on a thread of its own. */
    void release() {
      Frame frame = shown.getAndSet(null);
      if (frame != null) {
        frame.release();
      }
    }

    @Override
    public void ended(String reason, Throwable failure) {}
  }

  @FunctionalInterface
  private interface Change {
    void send(FakeQemu qemu) throws IOException;
  }

  private static void requireNoHeap(Change change) throws IOException {
    Meter meter = new Meter();
    try (FakeQemu qemu = new FakeQemu(meter, "")) {
      qemu.scanout(WIDTH, HEIGHT, (byte) 1);
      qemu.answer();
      long until = System.nanoTime() + LIMIT_NANOS;
      while (meter.least / WINDOW > 0 && System.nanoTime() < until) {
        change.send(qemu);
        qemu.answer();
        meter.release();
      }
      meter.release();
    }
    assertEquals(0, meter.least / WINDOW, "bytes a frame; " + meter.frames + " frames");
  }

  @Test
  void updates() throws IOException {
    requireNoHeap(qemu -> qemu.update(0, 0, WIDTH, HEIGHT, (byte) 2));
  }

  @Test
  void wholePictures() throws IOException {
    requireNoHeap(qemu -> qemu.scanout(WIDTH, HEIGHT, (byte) 3));
  }

  /** Rows of it, and the older buffer brought up to date. */
  @Test
  void smallChanges() throws IOException {
    requireNoHeap(
        qemu -> {
          qemu.update(3, 5, 7, 2, (byte) 4);
          qemu.answer();
          qemu.update(0, 0, WIDTH, HEIGHT - 1, (byte) 5);
          qemu.answer();
          qemu.update(0, 0, WIDTH, HEIGHT, (byte) 6);
        });
  }

  /** QEMU's own memory, and word of what changed there. */
  @Test
  void sharedMemory() throws IOException {
    try (Memfd memory = Memfd.create("surface", 4L * WIDTH * HEIGHT)) {
      requireNoHeap(
          new Change() {
            private boolean shared;

            @Override
            public void send(FakeQemu qemu) throws IOException {
              String map = FakeQemu.LISTENER + ".Unix.Map";
              if (!shared) {
                List<Object> picture = List.of(0, 0, WIDTH, HEIGHT, WIDTH * 4, FakeQemu.XRGB);
                qemu.call(map, "ScanoutMap", "huuuuu", picture, memory.fd());
                qemu.answer();
                shared = true;
              }
              qemu.call(map, "UpdateMap", "iiii", List.of(0, 0, WIDTH, HEIGHT));
            }
          });
    }
  }
}
