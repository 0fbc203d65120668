// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mode;
import org.guestcam.frame.Providers;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixSocket;
import org.guestcam.vhostgpu.Driver;
import org.guestcam.vhostgpu.Monitor;

/**
 * The benchmark of vhost-user-gpu, on the host: the same frontend, ours, drives guestcam and QEMU's
 * own vhost-user-gpu. tests/bench/vhost-user-gpu runs it.
 */
final class VhostGpuBench {
  private static final int[][] SIZES = {{640, 480}, {1920, 1080}, {3840, 2160}};
  private static final int BATCH = 30;
  private static final long WARM_NANOS = 15_000_000_000L;
  private static final long ROUND_NANOS = 3_000_000_000L;
  private static final int ROUNDS = 3;

  /** One or some requests, answered when it returns. */
  private interface Work {
    void run(int turn) throws IOException;
  }

  /**
   * What a thing costs.
   *
   * @param wall nanoseconds from the guest's kick to the answer
   * @param cpu nanoseconds of the device's thread
   */
  private record Cost(double wall, double cpu) {}

  private final String name;
  private final LongSupplier cpu;
  private final Driver driver;

  private VhostGpuBench(String name, LongSupplier cpu, Monitor monitor) {
    this.name = name;
    this.cpu = cpu;
    driver = new Driver(monitor);
  }

  /** {@code [vhost-user-gpu]}: the path of QEMU's own program, if it is to be measured. */
  public static void main(String[] arguments) throws Exception {
    Path scratch = Files.createTempDirectory("vgpu-bench");
    try {
      double[] ours = guestcam(scratch.resolve("guestcam.sock").toString());
      if (arguments.length > 0) {
        double[] theirs = program(arguments[0], scratch.resolve("program.sock"));
        say(
            "guestcam against QEMU's vhost-user-gpu: CPU of a request %.2f of its, of a 640x480"
                + " flip %.3f, of a 4K flip %.5f",
            ours[0] / theirs[0], ours[1] / theirs[1], ours[3] / theirs[3]);
      }
      say("guestcam: CPU of a 4K flip is %.2f of a 640x480 flip's (goal 1.05)", ours[3] / ours[1]);
    } finally {
      try (var files = Files.list(scratch)) {
        for (Path file : files.toList()) {
          Files.deleteIfExists(file);
        }
      }
      Files.delete(scratch);
    }
  }

  private static void say(String format, Object... arguments) {
    System.out.printf(Locale.ROOT, "bench: " + format + "%n", arguments);
  }

  /** Memory for two pictures of the largest size. */
  private static long bytes() {
    int[] largest = SIZES[SIZES.length - 1];
    return Monitor.FREE + 2 * size(largest[0], largest[1]);
  }

  private static long size(int width, int height) {
    return Math.ceilDiv(4L * width * height, 4096) * 4096;
  }

  private static double[] guestcam(String path) throws IOException {
    FrameListener camera =
        new FrameListener() {
          @Override
          public void modeChanged(Mode mode) {}

          @Override
          public void bufferAdded(Buffer buffer) {}

          @Override
          public void bufferRemoved(Buffer buffer) {}

          @Override
          public void framePresented(Frame frame) {
            frame.release();
          }

          @Override
          public void ended(String reason, Throwable failure) {}
        };
    Endpoint endpoint = new Endpoint("vhost-user-gpu", path + "?modes=640x480");
    try (FrameSource source = Providers.source(endpoint).open(endpoint)) {
      source.start(camera);
      try (Monitor monitor = Monitor.start(path, bytes())) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread =
            Arrays.stream(threads.getThreadInfo(threads.getAllThreadIds()))
                .filter(info -> info != null && info.getThreadName().startsWith("vhost-user-gpu "))
                .mapToLong(ThreadInfo::getThreadId)
                .findFirst()
                .orElseThrow();
        return new VhostGpuBench("guestcam", () -> threads.getThreadCpuTime(thread), monitor)
            .measure();
      }
    }
  }

  private static double[] program(String program, Path socket) throws Exception {
    Process process =
        new ProcessBuilder(program, "--socket-path=" + socket)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Path clock = Path.of("/proc/" + process.pid() + "/schedstat");
    try {
      while (!Files.exists(socket)) {
        if (!process.isAlive()) {
          throw new IOException(program + " ended with " + process.exitValue());
        }
        Thread.onSpinWait();
      }
      try (Monitor monitor = Monitor.start(socket.toString(), bytes())) {
        UnixSocket display = monitor.openDisplay();
        Thread.ofPlatform().daemon().name("display").start(() -> drain(display));
        return new VhostGpuBench("QEMU's vhost-user-gpu", () -> onCpu(clock), monitor).measure();
      }
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  /** Nanoseconds that a process of one thread was on a CPU. */
  private static long onCpu(Path clock) {
    try {
      return Long.parseLong(Files.readString(clock).split(" ", 2)[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** QEMU's display: says that it can nothing in particular, and takes all pictures. */
  private static void drain(UnixSocket display) {
    try (display;
        Arena arena = Arena.ofConfined();
        Poll poll = new Poll(1)) {
      MemorySegment bytes = arena.allocate(1 << 20, 8);
      // The answer to GET_PROTOCOL_FEATURES: 8 bytes, no feature.
      MemorySegment answer = arena.allocate(20, 8);
      answer.set(ValueLayout.JAVA_INT, 0, 1);
      answer.set(ValueLayout.JAVA_INT, 4, 4);
      answer.set(ValueLayout.JAVA_INT, 8, 8);
      IoVector into = new IoVector();
      boolean answered = false;
      while (true) {
        into.clear();
        into.add(bytes, 0, bytes.byteSize());
        int r = (int) display.receive(into);
        if (Errno.EAGAIN.is(r)) {
          poll.watch(0, display.fd(), Poll.IN);
          poll.await(Poll.FOREVER);
        } else if (r <= 0) {
          return;
        } else if (!answered) {
          display.send(answer, 0, 20);
          answered = true;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** CPU nanoseconds of a request, and of a flip of each size. */
  private double[] measure() throws IOException {
    double[] results = new double[1 + SIZES.length];
    driver.picture(100, 16, 16, Monitor.FREE, 4096);
    Cost request = best(_ -> driver.flushes(100, BATCH));
    results[0] = request.cpu() / BATCH;
    say(
        "%s: %.0f requests a second, %d at once; %.2f us of CPU each",
        name, 1e9 * BATCH / request.wall(), BATCH, results[0] / 1000);
    int id = 1;
    for (int i = 0; i < SIZES.length; i++) {
      int width = SIZES[i][0];
      int height = SIZES[i][1];
      long size = size(width, height);
      int first = id;
      driver.picture(id++, width, height, Monitor.FREE, size);
      driver.picture(id++, width, height, Monitor.FREE + size, size);
      Cost flip = best(turn -> driver.flipAtOnce(first + (turn & 1), width, height));
      results[1 + i] = flip.cpu();
      say(
          "%s: a flip of %dx%d: %.1f us of CPU, %.1f us until it is answered",
          name, width, height, flip.cpu() / 1000, flip.wall() / 1000);
    }
    return results;
  }

  /** The cheapest of some rounds, after a time for the JIT. */
  private Cost best(Work work) throws IOException {
    Cost ignored = round(work, WARM_NANOS);
    Cost best = round(work, ROUND_NANOS);
    for (int i = 1; i < ROUNDS; i++) {
      Cost other = round(work, ROUND_NANOS);
      best = other.cpu() < best.cpu() ? other : best;
    }
    return best;
  }

  private Cost round(Work work, long nanos) throws IOException {
    long cpuBefore = cpu.getAsLong();
    long before = System.nanoTime();
    int turns = 0;
    do {
      work.run(turns++);
    } while (System.nanoTime() - before < nanos);
    long wall = System.nanoTime() - before;
    return new Cost((double) wall / turns, (double) (cpu.getAsLong() - cpuBefore) / turns);
  }
}
