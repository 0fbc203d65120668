// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.guestcam.Pace;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Ten thousand frames leave nothing behind, and a frame costs no heap. */
@Tag("lab")
@Tag("endurance")
class EnduranceTest {
  private static final int WARM_UP = 4_000;
  private static final int FRAMES = 10_000;

  /**
   * Frames over which heap allocation is measured, after all the others: the JIT is done by then.
   */
  private static final int TURNS = 5;

  private static final int MEASURED = 2_000;

  /** What a process has of things that must not grow. */
  private record Holdings(long files, long threads, long mappings, long heap) {
    static Holdings now() throws IOException {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      return new Holdings(
          entries("/proc/self/fd"),
          entries("/proc/self/task"),
          Files.readAllLines(Path.of("/proc/self/maps")).stream()
              .filter(line -> line.contains("memfd:") || line.contains("dmabuf"))
              .count(),
          runtime.totalMemory() - runtime.freeMemory());
    }

    private static long entries(String directory) throws IOException {
      try (Stream<Path> all = Files.list(Path.of(directory))) {
        return all.count();
      }
    }
  }

  private static long allocatedBy(String... names) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long sum = 0;
    for (long id : threads.getAllThreadIds()) {
      var info = threads.getThreadInfo(id);
      if (info != null && Arrays.asList(names).contains(info.getThreadName())) {
        sum += threads.getThreadAllocatedBytes(id);
      }
    }
    return sum;
  }

  @Test
  void tenThousandFramesCostNothingThatStays() throws IOException {
    Vivid vivid = Vivid.connected();
    Holdings before = Holdings.now();
    try (Flow flow =
        Flow.start(
            "pattern:?size=320x240&fps=250&memory=dmabuf",
            vivid.sink(),
            new Pace.OnChange(0, Pace.DEFAULT_KEEPALIVE_NANOS),
            true)) {
      flow.awaitFrames(WARM_UP);
      Holdings warm = Holdings.now();
      long taken = flow.taken();
      flow.awaitFrames(taken + FRAMES);
      Holdings end = Holdings.now();
      // On a busy host the JIT's last tier may come only now, and what it has not compiled costs
      // heap at each call into
      // native code. What costs heap by itself does so in every turn.
      long allocated;
      long measured;
      int turns = 0;
      do {
        allocated = allocatedBy("flow", "pattern");
        long turnBegan = flow.taken();
        flow.awaitFrames(turnBegan + MEASURED);
        allocated = allocatedBy("flow", "pattern") - allocated;
        measured = flow.taken() - turnBegan;
      } while (allocated / measured > 0 && ++turns < TURNS);
      System.out.println(
          "endurance: "
              + FRAMES
              + " frames: "
              + warm
              + " became "
              + end
              + "; "
              + measured
              + " more cost "
              + allocated
              + " bytes of heap in both threads");
      assertEquals(0, allocated / measured, allocated + " bytes of heap, " + measured + " frames");
      assertEquals(warm.files(), end.files());
      assertTrue(end.threads() <= warm.threads() + 1, warm + " became " + end);
      assertEquals(warm.mappings(), end.mappings());
      assertTrue(end.heap() < warm.heap() + (1 << 20), warm + " became " + end);
      assertEquals(0, flow.copiedBytes());
    }
    Holdings after = Holdings.now();
    assertEquals(before.files(), after.files(), "descriptors are left: " + before + " " + after);
    assertEquals(before.mappings(), after.mappings());
  }
}
