// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.junit.jupiter.api.Test;

class BufferTest {
  private final AtomicInteger closed = new AtomicInteger();

  /** A buffer of shared memory whose closings are counted. */
  static Buffer buffer(int width, int height, Runnable onClosed)
      throws IOException, LayoutException {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, width, height);
    try (Memfd memory = Memfd.create("guestcam-test", layout.imageSize())) {
      return Buffer.ofMemory(7, layout, memory.map(), onClosed);
    }
  }

  private Buffer buffer() throws IOException, LayoutException {
    return buffer(16, 16, closed::incrementAndGet);
  }

  @Test
  void theMemoryGoesWhenItIsDroppedAndNobodyHoldsIt() throws IOException, LayoutException {
    Buffer buffer = buffer();
    MemorySegment pixels = buffer.pixels();
    buffer.hold();
    buffer.drop();
    assertEquals(0, closed.get());
    assertEquals(0, pixels.get(ValueLayout.JAVA_INT, 0));
    buffer.letGo();
    assertEquals(1, closed.get());
    assertFalse(pixels.scope().isAlive());
    assertThrows(IllegalStateException.class, () -> pixels.get(ValueLayout.JAVA_INT, 0));
  }

  @Test
  void theMemoryStaysUntilItIsDropped() throws IOException, LayoutException {
    Buffer buffer = buffer();
    buffer.hold();
    buffer.letGo();
    assertEquals(0, closed.get());
    assertTrue(buffer.pixels().scope().isAlive());
    buffer.drop();
    assertEquals(1, closed.get());
  }

  @Test
  void mistakesAreExceptions() throws IOException, LayoutException {
    Buffer buffer = buffer();
    buffer.hold();
    buffer.drop();
    assertThrows(IllegalStateException.class, buffer::drop);
    assertEquals(0, closed.get());
    buffer.letGo();
    assertThrows(IllegalStateException.class, buffer::letGo);
    assertThrows(IllegalStateException.class, buffer::hold);
    assertThrows(IllegalStateException.class, buffer::pixels);
    assertEquals(1, closed.get());
  }

  @Test
  void sharedMemoryIsNoDmaBufAndNeedsNoSync() throws IOException, LayoutException {
    Buffer buffer = buffer();
    assertFalse(buffer.isDmaBuf());
    IllegalStateException refused = assertThrows(IllegalStateException.class, buffer::dmaBuf);
    assertTrue(refused.getMessage().contains("buffer 7"), refused::getMessage);
    assertEquals(0, buffer.beginRead());
    assertEquals(0, buffer.endRead());
    buffer.drop();
  }

  @Test
  void aLayoutPastTheMemoryIsRefusedAndTheCallerKeepsTheMemory()
      throws IOException, LayoutException {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, 64, 65);
    try (Memfd memory = Memfd.create("guestcam-test", 64 * 64 * 4);
        Mapping mapping = memory.map()) {
      assertThrows(
          LayoutException.class,
          () -> Buffer.ofMemory(0, layout, mapping, closed::incrementAndGet));
      assertTrue(mapping.segment().scope().isAlive());
    }
    assertEquals(0, closed.get());
  }
}
