// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.guestcam.frame.Endpoint;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What QEMU's windows are sent, by a QEMU that reads at once, late, or never. */
@Timeout(120)
class QemuWindowTest {
  private static final long A = Monitor.FREE;
  private static final int WIDTH = 64;
  private static final int HEIGHT = 32;
  private static final long BYTES = 4L * WIDTH * HEIGHT;

  /** The messages that a device sends to QEMU's display. */
  static final class Messages implements AutoCloseable {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes = arena.allocate(1 << 20, 8);
    private final IoVector into = new IoVector();
    private final Poll poll = new Poll(1);
    private final UnixSocket socket;
    private int request;
    private int size;

    /** Of a socket that stays the caller's. */
    Messages(UnixSocket socket) {
      this.socket = socket;
    }

    private boolean read(long count) throws IOException {
      into.clear();
      into.add(bytes, 0, count);
      while (into.remaining() > 0) {
        int r = (int) socket.receive(into);
        if (Errno.EAGAIN.is(r)) {
          poll.watch(0, socket.fd(), Poll.IN);
          poll.await(Poll.FOREVER);
        } else if (r <= 0) {
          return false;
        }
      }
      return true;
    }

    /** Takes the next one; false when the device has closed its end. */
    boolean next() throws IOException {
      if (!read(12)) {
        return false;
      }
      request = at(0);
      assertEquals(0, at(4), "flags");
      size = at(8);
      return read(size);
    }

    int request() {
      return request;
    }

    int size() {
      return size;
    }

    /** A number of its payload. */
    int at(int offset) {
      return bytes.get(INT, offset);
    }

    @Override
    public void close() {
      poll.close();
      arena.close();
    }
  }

  /** One of QEMU's windows: does what it is told. */
  private static final class Window implements AutoCloseable {
    private final UnixSocket socket;
    private final Messages messages;
    private int width;
    private int height;
    private int[] pixels = {};
    private int updates;
    private long changed;

    Window(UnixSocket socket) {
      this.socket = socket;
      messages = new Messages(socket);
    }

    private int at(int offset) {
      return messages.at(offset);
    }

    /** Takes the next message. */
    void next() throws IOException {
      assertTrue(messages.next(), "the device closed its display");
      int size = messages.size();
      assertEquals(0, at(0), "display");
      if (messages.request() == 7) {
        assertEquals(12, size);
        width = at(4);
        height = at(8);
        pixels = new int[width * height];
        return;
      }
      assertEquals(8, messages.request());
      int x = at(4);
      int y = at(8);
      int w = at(12);
      int h = at(16);
      assertEquals(20 + 4 * w * h, size);
      assertTrue(x >= 0 && y >= 0 && x + w <= width && y + h <= height, "outside of the window");
      for (int i = 0; i < w * h; i++) {
        pixels[(y + i / w) * width + x + i % w] = at(20 + 4 * i) & 0xffffff;
      }
      updates++;
      changed += (long) w * h;
    }

    /** Takes messages until every pixel is this one. */
    void awaitFilled(int pixel) throws IOException {
      while (pixels.length == 0 || Arrays.stream(pixels).anyMatch(p -> p != pixel)) {
        next();
      }
    }

    @Override
    public void close() {
      messages.close();
      socket.close();
    }
  }

  @TempDir Path scratch;
  private final Camera camera = new Camera();
  private VhostGpuSource source;
  private Monitor monitor;
  private Driver driver;
  private Window window;

  @BeforeEach
  void start() throws IOException {
    String path = scratch.resolve("gpu.sock").toString();
    source =
        new VhostGpuSource(
            VhostGpuOptions.parse(
                new Endpoint("vhost-user-gpu", path + "?modes=640x480&window&fence-limit=1")));
    source.start(camera);
    monitor = Monitor.start(path, 1 << 23);
    window = new Window(monitor.openDisplay());
    driver = new Driver(monitor);
  }

  @AfterEach
  void close() {
    window.close();
    source.close();
    monitor.close();
    camera.fine();
  }

  @Test
  void showsWhatTheGuestShowsAndOnlyWhatChanged() throws IOException, InterruptedException {
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x112233);
    driver.flip(1, WIDTH, HEIGHT);
    window.awaitFilled(0x112233);
    assertEquals(WIDTH, window.width);
    assertEquals(HEIGHT, window.height);
    assertEquals(BYTES / 4, window.changed);
    Camera.assertFilled(0x112233, camera.next()); // the camera has its picture too
    monitor.fill(A, BYTES, 0x445566);
    assertEquals(Driver.OK, driver.request(0x104, 3, 5, 7, 2, 1, 0));
    window.next();
    int[] expected = new int[WIDTH * HEIGHT];
    for (int i = 0; i < expected.length; i++) {
      int x = i % WIDTH;
      int y = i / WIDTH;
      expected[i] = x >= 3 && x < 10 && y >= 5 && y < 7 ? 0x445566 : 0x112233;
    }
    assertArrayEquals(expected, window.pixels);
    assertEquals(2, window.updates);
    driver.show(0, 0, 0, 0);
    window.next();
    assertEquals(0, window.width, "the guest turned its display off");
  }

  @Test
  void aQemuThatDoesNotReadHoldsUpNobody() throws IOException {
    int side = 1024; // four MiB: more than a socket takes
    long bytes = 4L * side * side;
    driver.picture(1, side, side, A, bytes);
    for (int i = 1; i <= 50; i++) {
      monitor.fill(A, 4096, i); // and the rest later, or this test would be one of memory
      driver.flip(1, side, side);
    }
    monitor.fill(A, bytes, 0x778899);
    driver.flip(1, side, side);
    window.awaitFilled(0x778899);
    assertTrue(window.changed < 20L * side * side, "old pictures are not sent: " + window.changed);
  }

  @Test
  void aNewModeIsANewWindow() throws IOException {
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x010203);
    driver.flip(1, WIDTH, HEIGHT);
    window.awaitFilled(0x010203);
    driver.picture(2, 2 * WIDTH, HEIGHT, A, 2 * BYTES);
    monitor.fill(A, 2 * BYTES, 0x040506);
    driver.flip(2, 2 * WIDTH, HEIGHT);
    window.awaitFilled(0x040506);
    assertEquals(2 * WIDTH, window.width);
  }

  @Test
  void aWindowThatGoesIsNoMatter() throws IOException {
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    window.close();
    driver.flip(1, WIDTH, HEIGHT);
    driver.flip(1, WIDTH, HEIGHT);
    window = new Window(monitor.openDisplay());
    monitor.fill(A, BYTES, 0x0a0b0c);
    driver.flip(1, WIDTH, HEIGHT);
    window.awaitFilled(0x0a0b0c);
  }
}
