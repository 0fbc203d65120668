// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.io.IOException;
import java.util.List;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/**
 * The guest's display in one mode: its buffers, and one frame for each, used again and again.
 *
 * <p>The guest's thread owns it. Only the news that a frame is free comes from other threads.
 */
final class GuestScreen {
  /** A buffer and its frame. */
  private static final class Slot implements Frame.Owner {
    private final GuestBuffer memory;
    private final Frame frame = new Frame(this);
    private final Runnable onFree;
    private volatile boolean free = true;
    private long drawn = PatternPicture.NONE; // the frame whose pixels are in the buffer

    Slot(GuestBuffer memory, Runnable onFree) {
      this.memory = memory;
      this.onFree = onFree;
    }

    @Override
    public void released(Frame frame) {
      free = true;
      onFree.run();
    }
  }

  private final Mode mode;
  private final PatternPicture picture;
  private final Slot[] slots;
  private int next; // where the search for a free slot begins, so that buffers take turns
  private long presented = PatternPicture.NONE;

  /**
   * Draws the background of every buffer.
   *
   * @param memory taken over: its buffers are retired by {@link #remove}, or here on failure
   * @param onFree runs when a frame becomes free, on any thread; must not block
   */
  GuestScreen(Mode mode, PatternPicture picture, GuestMemory memory, Runnable onFree)
      throws IOException {
    this.mode = mode;
    this.picture = picture;
    List<GuestBuffer> buffers = memory.buffers();
    slots = new Slot[buffers.size()];
    try {
      for (int i = 0; i < slots.length; i++) {
        GuestBuffer buffer = buffers.get(i);
        buffer.beginDrawing();
        picture.drawBackground(buffer.pixels());
        buffer.endDrawing();
        slots[i] = new Slot(buffer, onFree);
      }
    } catch (IOException | RuntimeException e) {
      buffers.forEach(GuestBuffer::retire);
      throw e;
    }
  }

  /** Tells a listener of the mode and the buffers. */
  void add(FrameListener listener) {
    listener.modeChanged(mode);
    for (Slot slot : slots) {
      listener.bufferAdded(slot.memory.buffer());
    }
  }

  /** Whether {@link #present} would find a free buffer. */
  boolean hasFree() {
    return find() >= 0;
  }

  private int find() {
    for (int i = 0; i < slots.length; i++) {
      int candidate = (next + i) % slots.length;
      if (slots[candidate].free) {
        return candidate;
      }
    }
    return -1;
  }

  /**
   * Draws a frame into a free buffer and presents it. Allocates nothing.
   *
   * @return whether there was a free buffer; without one nothing happens
   */
  boolean present(long number, FrameListener listener) throws IOException {
    int found = find();
    if (found < 0) {
      return false;
    }
    next = (found + 1) % slots.length;
    Slot slot = slots[found];
    long now = System.nanoTime(); // CLOCK_MONOTONIC on Linux
    slot.memory.beginDrawing();
    try {
      picture.draw(slot.memory.pixels(), number, now, slot.drawn);
    } finally {
      slot.memory.endDrawing();
    }
    slot.drawn = number;
    slot.free = false;
    slot.frame.present(slot.memory.buffer(), number, now);
    picture.damage(presented, number, slot.frame.damage());
    presented = number;
    listener.framePresented(slot.frame);
    return true;
  }

  /**
   * No frame will come any more: the buffers go, their memory as soon as the last frame that shows
   * it is released.
   */
  void remove(FrameListener listener) {
    try {
      for (Slot slot : slots) {
        listener.bufferRemoved(slot.memory.buffer());
      }
    } finally {
      discard();
    }
  }

  /** As {@link #remove}, where nobody has heard of it yet. */
  void discard() {
    for (Slot slot : slots) {
      slot.memory.retire();
    }
  }
}
