// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;

/**
 * Presents dma-bufs that nobody draws into, at a steady rate, and measures what becomes of them: it
 * ends by itself when enough frames came back from the sink.
 *
 * <p>Frames are released on the sink's thread, so the CPU time of that thread is read there, once a
 * frame, and what the reading costs is taken off again. Nothing is allocated.
 */
final class BenchSource implements FrameSource {
  /** As many as a sink can have in flight, one that waits, and one to draw. */
  private static final int BUFFERS = 5;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int FREE = 0;
  private static final int SHOWN = 1;

  private final FrameLayout layout;
  private final int milliHertz;
  private final int warm;
  private final long[] latencies;
  private final long[] costs;
  private final List<Buffer> buffers = new ArrayList<>();
  private final Frame[] frames = new Frame[BUFFERS];
  private final long[] presentedAt = new long[BUFFERS];
  private final AtomicIntegerArray state = new AtomicIntegerArray(BUFFERS);
  private FrameListener listener;
  private Thread thread;
  private int done;
  private long cpu;
  private long wall;
  private long heap;
  private long clock;
  private volatile boolean over;

  /**
   * A source that has not begun.
   *
   * @param offset of the pictures in their memory: with any but 0 they cannot be queued, only
   *     copied
   * @param milliHertz the rate
   * @param warm frames before those that are measured
   * @param measured frames to measure
   */
  BenchSource(Size size, long offset, int milliHertz, int warm, int measured)
      throws LayoutException {
    long stride = 4L * size.width();
    layout =
        FrameLayout.of(
            PixelFormat.XRGB8888,
            FrameLayout.LINEAR,
            size.width(),
            size.height(),
            new long[] {offset},
            new long[] {stride});
    this.milliHertz = milliHertz;
    this.warm = warm;
    latencies = new long[measured];
    costs = new long[measured];
  }

  @Override
  public String description() {
    return "static pictures, " + layout;
  }

  @Override
  public void start(FrameListener to) throws IOException {
    listener = to;
    long page = Mapping.pageSize();
    long bytes = Math.ceilDiv(layout.end(), page) * page;
    try (Udmabuf udmabuf = Udmabuf.open()) {
      for (int i = 0; i < BUFFERS; i++) {
        try (Memfd memfd = Memfd.create("bench", bytes).seal(Memfd.F_SEAL_SHRINK)) {
          try (Mapping guestSide = memfd.map()) {
            guestSide.segment().fill((byte) (0x55 + i));
          }
          DmaBuf dmaBuf = udmabuf.create(memfd.fd(), new PageRange(0, bytes));
          buffers.add(Buffer.ofDmaBuf(i, layout, dmaBuf, () -> {}));
        }
        int index = i;
        frames[i] = new Frame(_ -> released(index));
      }
    } catch (LayoutException e) {
      throw new AssertionError("the memory was made for this layout", e);
    }
    to.modeChanged(new Mode(layout.width(), layout.height(), layout.format(), milliHertz));
    buffers.forEach(to::bufferAdded);
    thread = Thread.ofPlatform().name("bench-source").start(this::present);
  }

  private void present() {
    long interval = 1_000_000_000_000L / milliHertz;
    long at = System.nanoTime();
    for (long sequence = 0; !over; ) {
      at += interval;
      for (long left; (left = at - System.nanoTime()) > 0 && !over; ) {
        LockSupport.parkNanos(left);
      }
      // A guest that has no free buffer misses the beat, and takes the next.
      int free = free();
      if (free >= 0) {
        presentedAt[free] = System.nanoTime();
        state.set(free, SHOWN);
        Frame frame = frames[free].present(buffers.get(free), sequence++, presentedAt[free]);
        frame.damage().setAll(layout.width(), layout.height());
        listener.framePresented(frame);
      }
    }
    listener.ended("all frames are measured", null);
  }

  private int free() {
    for (int i = 0; i < BUFFERS; i++) {
      if (state.get(i) == FREE) {
        return i;
      }
    }
    return -1;
  }

  private void released(int index) {
    // What was overtaken comes back on the source's own thread, and was no work for the sink.
    if (!Thread.currentThread().equals(thread) && !over) {
      long now = System.nanoTime();
      long used = THREADS.getCurrentThreadCpuTime();
      if (done >= warm) {
        latencies[done - warm] = now - presentedAt[index];
        costs[done - warm] = used - cpu;
      } else {
        wall = now;
        heap = THREADS.getCurrentThreadAllocatedBytes();
      }
      cpu = used;
      done++;
      if (done == warm + latencies.length) {
        heap = THREADS.getCurrentThreadAllocatedBytes() - heap;
        wall = now - wall;
        clock = clockCost();
        over = true;
      }
    }
    state.set(index, FREE);
  }

  /** What it costs to read the clock of CPU time. */
  private static long clockCost() {
    long[] reads = new long[501];
    long before = THREADS.getCurrentThreadCpuTime();
    for (int i = 0; i < reads.length; i++) {
      long after = THREADS.getCurrentThreadCpuTime();
      reads[i] = after - before;
      before = after;
    }
    Arrays.sort(reads);
    return reads[reads.length / 2];
  }

  /** What was measured; after the end. */
  Cost cost() {
    if (done < warm + latencies.length) {
      throw new IllegalStateException("only " + done + " frames came back");
    }
    int count = latencies.length;
    Arrays.sort(latencies);
    Arrays.sort(costs);
    return new Cost(
        costs[count / 2] - clock,
        latencies[count / 2],
        latencies[count * 99 / 100],
        count * 1e9 / wall,
        (double) heap / count);
  }

  @Override
  public void close() {
    over = true;
    if (thread != null) {
      LockSupport.unpark(thread);
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    for (Buffer buffer : buffers) {
      listener.bufferRemoved(buffer);
      buffer.drop();
    }
    buffers.clear();
  }
}
