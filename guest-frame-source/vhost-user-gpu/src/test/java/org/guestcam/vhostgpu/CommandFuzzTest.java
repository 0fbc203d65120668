// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever a guest asks, it is answered, and the device goes on. The seed is fixed. */
class CommandFuzzTest {
  /** -Dguestcam.fuzz=10000000 for a long run. */
  private static final long INPUTS = Long.getLong("guestcam.fuzz", 300_000);

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final int BATCH = 31;
  private static final int[] COMMANDS = {
    0x100, 0x101, 0x101, 0x102, 0x103, 0x103, 0x104, 0x104, 0x104, 0x105, 0x106, 0x106, 0x107,
    0x10a, 0x10c, 0x10d, 0x300, 0x301
  };

  @TempDir Path scratch;

  /** Reads a pixel of each frame, and releases it at once or later. */
  private static final class Reader implements FrameListener {
    private Frame held;
    private long frames;

    @Override
    public void modeChanged(Mode mode) {}

    @Override
    public void bufferAdded(Buffer buffer) {}

    @Override
    public void bufferRemoved(Buffer buffer) {}

    @Override
    public void framePresented(Frame frame) {
      try {
        int ignored = Camera.pixel(frame, 0, frame.buffer().layout().height() - 1);
        assertTrue(ignored >= 0);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
      if (held != null) {
        held.release();
        held = null;
      }
      if (++frames % 3 == 0) {
        held = frame;
      } else {
        frame.release();
      }
    }

    @Override
    public void cursorChanged(Cursor cursor) {}

    @Override
    public void ended(String reason, Throwable failure) {
      if (held != null) {
        held.release();
      }
    }
  }

  @Test
  void requestsOfAnyKind() throws Exception {
    serve(INPUTS, "");
  }

  /** QEMU's window gets whole messages only, and none of another size than it says. */
  @Test
  void requestsOfAnyKindWithAWindow() throws Exception {
    serve(INPUTS / 10, "&window");
  }

  /** Takes the pictures of all displays, until the device closes them; what is wrong with one. */
  private static String drain(UnixSocket display) {
    try (display;
        QemuWindowTest.Messages messages = new QemuWindowTest.Messages(display)) {
      while (messages.next()) {
        int request = messages.request();
        int size = messages.size();
        boolean right =
            request == 7
                ? size == 12
                : request == 8 && size == 20 + 4 * messages.at(12) * messages.at(16);
        if (!right || messages.at(0) < 0 || messages.at(0) >= Gpu.SCANOUTS) {
          return "message " + request + " of " + size + " bytes";
        }
      }
      return "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void serve(long inputs, String more) throws Exception {
    SplittableRandom random = new SplittableRandom(666);
    Reader reader = new Reader();
    String path = scratch.resolve("fuzz.sock").toString();
    VhostGpuOptions options =
        VhostGpuOptions.parse(
            new Endpoint(
                "vhost-user-gpu", path + "?modes=640x480&fence-limit=1&cursor=meta" + more));
    CompletableFuture<String> window = CompletableFuture.completedFuture("");
    try (VhostGpuSource source = new VhostGpuSource(options)) {
      source.start(reader);
      try (Monitor monitor = Monitor.start(path, 1 << 22)) {
        if (!more.isEmpty()) {
          UnixSocket display = monitor.openDisplay();
          window = CompletableFuture.supplyAsync(() -> drain(display));
        }
        for (long i = 0; i < inputs; i += BATCH) {
          for (int k = 0; k < BATCH; k++) {
            int ring = random.nextInt(16) == 0 ? 1 : 0;
            monitor.submit(ring, request(random, monitor.request(ring)));
          }
          monitor.awaitUsed(0, monitor.submitted(0) & 0xffff);
          monitor.awaitUsed(1, monitor.submitted(1) & 0xffff);
        }
      }
      Counters counters = source.counters();
      assertTrue(counters.commands.sum() >= inputs);
      assertTrue(counters.refused.sum() < counters.commands.sum(), "some are served");
    }
    assertTrue(reader.frames > 0);
    assertEquals("", window.get());
  }

  private static int request(SplittableRandom random, MemorySegment request) {
    int words = 6 + random.nextInt(22);
    for (int w = 0; w < words; w++) {
      request.set(INT, 4L * w, small(random));
    }
    int type = COMMANDS[random.nextInt(COMMANDS.length)];
    request.set(INT, 0, random.nextInt(64) == 0 ? random.nextInt() : type);
    request.set(INT, 4, random.nextInt(4) == 0 ? 1 : 0);
    int id = 1 + random.nextInt(6);
    if (random.nextInt(8) != 0) {
      switch (type) {
        case 0x101 -> Monitor.put(request.asSlice(24), id, 2, 64, 64);
        case 0x102, 0x107 -> request.set(INT, 24, id);
        case 0x103 ->
            Monitor.put(
                request.asSlice(24), 0, 0, 1 + random.nextInt(64), 64, 0, random.nextInt(7));
        case 0x104 -> Monitor.put(request.asSlice(24), 0, 0, 64, 64, id);
        case 0x105 -> Monitor.put(request.asSlice(24), 0, 0, 64, 64, 0, 0, id);
        case 0x106 -> {
          Monitor.put(request.asSlice(24), id, 1, random.nextInt(1 << 9) << 12, 0, 16384);
          return 24 + 8 + 16;
        }
        case 0x10c -> {
          Monitor.put(
              request.asSlice(24),
              id,
              1,
              1,
              1,
              0,
              0,
              16384,
              0,
              random.nextInt(1 << 9) << 12,
              0,
              16384);
          return 24 + 32 + 16;
        }
        case 0x10d -> {
          Monitor.put(request.asSlice(24), 0, 0, 64, 64, 0, id, 64, 64, 2, 0, 256, 0, 0, 0, 0);
          return 96;
        }
        default -> {}
      }
    }
    return 4 * words;
  }

  private static int small(SplittableRandom random) {
    return switch (random.nextInt(5)) {
      case 0 -> 0;
      case 1 -> random.nextInt(8);
      case 2 -> random.nextInt(100);
      case 3 -> random.nextInt();
      default -> 1 << random.nextInt(31);
    };
  }
}
