// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The calls of every frame cost no Java heap once the JIT has compiled them. Measured in a JVM of
 * its own: what other tests did before, and their coverage, would spoil the compiler's knowledge.
 */
class NoAllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int CALLS = 5_000;
  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private interface Call {
    void make() throws IOException;
  }

  /** Fails unless, warmed up, thousands of calls cost less than a byte each. */
  private static void requireNoHeap(Call call) throws IOException {
    long until = System.nanoTime() + LIMIT_NANOS;
    long least = Long.MAX_VALUE;
    while (least / CALLS > 0 && System.nanoTime() < until) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.make();
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least / CALLS, least + " bytes of heap for " + CALLS + " calls");
  }

  /** The child: fails with a stack trace on its output. */
  static final class Child {
    private Child() {}

    public static void main(String[] arguments) throws IOException {
      pollThatIsReady();
      pollWhoseTimeIsOver();
      ioctl();
      eventFd();
      readAndWrite();
    }
  }

  @Test
  void warmCallsCostNoHeap(@TempDir Path scratch) throws IOException, InterruptedException {
    Path output = scratch.resolve("output");
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Child.class.getName())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    if (!child.waitFor(5, TimeUnit.MINUTES)) {
      child.destroyForcibly().waitFor();
    }
    assertEquals(0, child.exitValue(), () -> readString(output));
  }

  private static String readString(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static void pollThatIsReady() throws IOException {
    try (EventFd event = new EventFd("ready");
        Poll poll = new Poll(2)) {
      event.signal();
      requireNoHeap(
          () -> {
            poll.watch(0, event.fd(), Poll.IN);
            poll.ignore(1);
            int ready = poll.await(1_000_000_000L);
            assertTrue(ready == 1 && poll.ready(0) == Poll.IN);
          });
    }
  }

  private static void pollWhoseTimeIsOver() throws IOException {
    try (EventFd event = new EventFd("never");
        Poll poll = new Poll(1)) {
      poll.watch(0, event.fd(), Poll.IN);
      requireNoHeap(() -> assertTrue(poll.await(0) == 0));
    }
  }

  private static void ioctl() throws IOException {
    try (Memfd memfd = Memfd.create("ioctl", 4096);
        Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocate(256);
      // An unknown request: the way of a call that fails, as DQBUF with nothing done.
      requireNoHeap(() -> assertTrue(Errno.ENOTTY.is(Ioctl.call(memfd.fd(), 0xdead, argument))));
    }
  }

  private static void eventFd() throws IOException {
    try (EventFd event = new EventFd("event")) {
      requireNoHeap(
          () -> {
            event.signal();
            event.drain();
          });
    }
  }

  private static void readAndWrite() throws IOException {
    try (EventFd event = new EventFd("read");
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(8);
      requireNoHeap(() -> assertTrue(Errno.EAGAIN.is((int) event.fd().read(bytes))));
    }
  }
}
