// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.CopiedSlot;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.frame.surface.SlotMemory;
import org.guestcam.gst.ffi.VideoConverter;

/** By GstVideoConverter, into dma-bufs of our own; shared memory where this host makes none. */
final class CpuConversion implements Conversion {
  /** A device holds three, the bridge one more, and one is written. */
  private static final int FIRST_BUFFERS = 5;

  private final FrameLayout from;
  private final FrameLayout to;
  private final SlotMemory memory;
  private final FrameListener listener;
  private final Runnable onFree;
  private final VideoConverter converter;
  private final List<CopiedSlot> slots = new ArrayList<>();

  /**
   * Tells {@code listener} of its buffers.
   *
   * @param from linear
   * @param firstId the buffers' ids count from here
   * @param onFree runs when a frame is released, on any thread
   */
  CpuConversion(
      FrameLayout from, PixelFormat format, int firstId, FrameListener listener, Runnable onFree)
      throws IOException, LayoutException {
    this.from = from;
    this.to = FrameLayout.tight(format, from.width(), from.height());
    this.memory = new SlotMemory(firstId);
    this.listener = listener;
    this.onFree = onFree;
    this.converter = new VideoConverter(from, to, Runtime.getRuntime().availableProcessors());
    try {
      while (slots.size() < FIRST_BUFFERS) {
        slots.add(memory.allocate(to, onFree));
      }
    } catch (IOException e) {
      discard();
      throw e;
    }
    slots.forEach(slot -> listener.bufferAdded(slot.buffer()));
  }

  @Override
  public boolean isFrom(FrameLayout layout) {
    return from.equals(layout);
  }

  @Override
  public void forget(Buffer guests) {
    // Nothing of it is kept between pictures.
  }

  @Override
  public long bytes() {
    return to.end();
  }

  @Override
  public int nextId() {
    return memory.nextId();
  }

  /** A listener that keeps many is given some more. */
  @Override
  public boolean hasFree() throws IOException {
    if (free() == null && slots.size() < CopiedSurface.MAX_BUFFERS) {
      CopiedSlot more = memory.allocate(to, onFree);
      slots.add(more);
      listener.bufferAdded(more.buffer());
    }
    return free() != null;
  }

  private CopiedSlot free() {
    for (int i = 0; i < slots.size(); i++) {
      if (slots.get(i).isFree()) {
        return slots.get(i);
      }
    }
    return null;
  }

  @Override
  public Frame convert(Frame frame) throws IOException {
    CopiedSlot slot = free();
    Buffer buffer = frame.buffer();
    MemorySegment pixels = buffer.pixels();
    int ignored = buffer.beginRead(); // an error means that there is nothing to be made coherent
    slot.beginWrite();
    try {
      converter.convert(pixels, slot.pixels());
    } finally {
      slot.endWrite();
      ignored |= buffer.endRead();
    }
    assert ignored <= 0;
    return slot.present(frame.damage(), frame.sequence(), frame.timestampNanos());
  }

  @Override
  public void end() {
    slots.forEach(slot -> listener.bufferRemoved(slot.buffer()));
    discard();
  }

  private void discard() {
    slots.forEach(CopiedSlot::retire);
    slots.clear();
    converter.close();
  }

  @Override
  public String toString() {
    String none = memory.whyNoDmaBufs();
    return "the CPU, into " + (none == null ? "dma-bufs" : "shared memory: " + none);
  }
}
