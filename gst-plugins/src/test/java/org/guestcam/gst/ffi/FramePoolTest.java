// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.freedesktop.gstreamer.Gst;
import org.freedesktop.gstreamer.Version;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Guests' frames in GStreamer's hands. */
@Tag("gst")
class FramePoolTest {
  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final MethodHandle EXTRACT =
      Native.function(
          CORE, "gst_buffer_extract", JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG);
  private static final MethodHandle UNREF =
      Native.procedure(CORE, "gst_mini_object_unref", JAVA_LONG);
  private static final MethodHandle COPY_REGION =
      Native.function(
          CORE, "gst_buffer_copy_region", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final int COPY_ALL = 0xf; // GST_BUFFER_COPY_ALL: shares the memory
  private static final int WIDTH = 64;
  private static final int HEIGHT = 16;

  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger released = new AtomicInteger();
  private final AtomicInteger room = new AtomicInteger();

  @BeforeAll
  static void initialise() {
    Gst.init(Version.of(1, 20), "test");
  }

  /** A guest's buffer in a file, behind {@code offset} bytes of something else. */
  private Buffer guest(Memfd memory, Mapping mapping, long offset) throws Exception {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, WIDTH, HEIGHT);
    return Buffer.ofSharedFile(
        1,
        layout,
        mapping,
        new Buffer.SharedFile(memory.fd().duplicate(), offset),
        closed::incrementAndGet);
  }

  private Frame frame() {
    return new Frame(_ -> released.incrementAndGet());
  }

  private static byte byteAt(long buffer, long offset) throws Throwable {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment one = scratch.allocate(1);
      assertEquals(1L, (long) EXTRACT.invokeExact(buffer, offset, one, 1L));
      return one.get(JAVA_BYTE, 0);
    }
  }

  @Test
  void theBufferIsTheGuestsVeryPages() throws Throwable {
    long size = 4L * WIDTH * HEIGHT;
    try (Memfd memory = Memfd.create("test", 2 * 4096 + size);
        FramePool pool = new FramePool(4, room::incrementAndGet)) {
      Mapping guestSide = Mapping.of(memory.fd(), 4096, size, Mapping.READ_WRITE);
      Buffer buffer = guest(memory, guestSide, 4096);
      long gst = pool.wrap(frame().present(buffer, 0, 0), 5, FramePool.NO_TIME);
      assertEquals(5, Native.getLong(gst + 72), "the timestamp");
      // What the guest draws after the buffer was made is seen through it.
      for (long at : new long[] {0, 1, 100, size - 1}) {
        guestSide.segment().set(JAVA_BYTE, at, (byte) (at + 7));
        assertEquals((byte) (at + 7), byteAt(gst, at));
      }
      UNREF.invokeExact(gst);
      assertEquals(1, released.get());
      pool.forget(buffer);
      buffer.drop();
      assertEquals(1, closed.get());
    }
  }

  @Test
  void aFrameIsReleasedOnceByTheLastOfAllHolders() throws Throwable {
    try (Memfd memory = Memfd.create("test", 4L * WIDTH * HEIGHT);
        FramePool pool = new FramePool(4, room::incrementAndGet)) {
      Buffer buffer = guest(memory, memory.map(), 0);
      for (int round = 1; round <= 3; round++) {
        long gst = pool.wrap(frame().present(buffer, round, 0), 0, FramePool.NO_TIME);
        long copy = (long) COPY_REGION.invokeExact(gst, COPY_ALL, 0L, -1L);
        long part = (long) COPY_REGION.invokeExact(gst, COPY_ALL, 16L, 32L);
        UNREF.invokeExact(gst);
        UNREF.invokeExact(copy);
        assertEquals(round - 1, released.get(), "a part of it is held still");
        UNREF.invokeExact(part);
        assertEquals(round, released.get());
        assertEquals(0, pool.out());
      }
      buffer.drop();
    }
    assertEquals(1, closed.get(), "the pool let go of it");
  }

  @Test
  void aFullPoolTakesNoMoreAndSaysWhenThereIsRoom() throws Throwable {
    try (Memfd memory = Memfd.create("test", 4L * WIDTH * HEIGHT);
        FramePool pool = new FramePool(2, room::incrementAndGet)) {
      Buffer buffer = guest(memory, memory.map(), 0);
      long first = pool.wrap(frame().present(buffer, 0, 0), 0, FramePool.NO_TIME);
      long second = pool.wrap(frame().present(buffer, 1, 0), 0, FramePool.NO_TIME);
      assertFalse(pool.hasRoom());
      Frame third = frame().present(buffer, 2, 0);
      assertThrows(IllegalStateException.class, () -> pool.wrap(third, 0, FramePool.NO_TIME));
      assertEquals(0, room.get());
      UNREF.invokeExact(first);
      assertEquals(1, room.get());
      assertTrue(pool.hasRoom());
      third.release();
      UNREF.invokeExact(second);
      buffer.drop();
    }
    assertEquals(1, closed.get());
  }

  @Test
  void aBufferThatIsForgottenLivesUntilItsLastFrameComesBack() throws Throwable {
    long gst;
    try (Memfd memory = Memfd.create("test", 4L * WIDTH * HEIGHT);
        FramePool pool = new FramePool(2, room::incrementAndGet)) {
      Buffer buffer = guest(memory, memory.map(), 0);
      gst = pool.wrap(frame().present(buffer, 0, 0), 0, FramePool.NO_TIME);
      pool.forget(buffer);
      buffer.drop();
    }
    assertEquals(0, closed.get());
    assertEquals(0, byteAt(gst, 3), "and can be read until then");
    UNREF.invokeExact(gst);
    assertEquals(1, released.get());
    assertEquals(1, closed.get());
  }

  @Test
  void aFrameCostsNoHeap() throws Throwable {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Memfd memory = Memfd.create("test", 4L * WIDTH * HEIGHT);
        FramePool pool = new FramePool(2, () -> {})) {
      Buffer buffer = guest(memory, memory.map(), 0);
      Frame frame = frame();
      int rounds = 30_000;
      // As long as it takes: until the JIT is done, on a busy host after some seconds, calls
      // allocate.
      long until = System.nanoTime() + 30_000_000_000L;
      long least = Long.MAX_VALUE;
      int made = 0;
      while (least / rounds > 0 && System.nanoTime() < until) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < rounds; i++) {
          frame.present(buffer, made++, 0).damage().add(1, 2, 3, 4);
          UNREF.invokeExact(pool.wrap(frame, i, FramePool.NO_TIME));
        }
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      }
      assertEquals(0, least / rounds, "bytes of heap a frame");
      assertEquals(made, released.get());
      buffer.drop();
    }
  }
}
