// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Ioctl;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.v4l2_buffer;

/** CPU time of the single calls of which a frame's way is made. */
final class Calls implements AutoCloseable {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int ROUNDS = 101;
  private static final int WARM = 2500;
  private static final int CALLS = 50;

  private interface Call {
    long make() throws IOException;
  }

  private final Fd device;
  private final Arena arena = Arena.ofShared();
  private final EventFd event = new EventFd("calls");
  private final Poll poll = new Poll(2);
  private final List<String> results = new ArrayList<>();
  private long sink;

  Calls(Path node) throws IOException {
    device = Fd.open(node, Fd.O_RDWR | Fd.O_NONBLOCK);
  }

  void measure() throws IOException {
    MemorySegment buffer = v4l2_buffer.allocate(arena);
    event.signal();
    time(
        "poll",
        () -> {
          poll.watch(0, device, 0);
          poll.watch(1, event.fd(), Poll.IN);
          return poll.await(1_000_000_000L);
        });
    time(
        "eventfd write and read",
        () -> {
          event.signal();
          event.drain();
          return 0;
        });
    time(
        "failing DQBUF",
        () -> {
          v4l2_buffer.type(buffer, Uapi.V4L2_BUF_TYPE_VIDEO_OUTPUT());
          v4l2_buffer.memory(buffer, Uapi.V4L2_MEMORY_DMABUF());
          return Ioctl.call(device, Uapi.VIDIOC_DQBUF(), buffer);
        });
    time("nanoTime", System::nanoTime);
  }

  private void time(String what, Call call) throws IOException {
    long[] costs = new long[ROUNDS];
    for (int round = -WARM; round < ROUNDS; round++) {
      long before = THREADS.getCurrentThreadCpuTime();
      for (int i = 0; i < CALLS; i++) {
        sink += call.make();
      }
      if (round >= 0) {
        costs[round] = THREADS.getCurrentThreadCpuTime() - before;
      }
    }
    Arrays.sort(costs);
    results.add(what + " " + costs[ROUNDS / 2] / CALLS + " ns");
  }

  /** What was measured, for people. */
  @Override
  public String toString() {
    return String.join(", ", results) + (sink == 42 ? " " : "");
  }

  @Override
  public void close() {
    poll.close();
    event.close();
    arena.close();
    device.close();
  }
}
