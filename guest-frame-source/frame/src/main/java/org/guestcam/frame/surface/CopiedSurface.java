// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;

/**
 * Pictures that come as bytes, received into buffers of our own.
 *
 * <p>One buffer, the back, is always ours: changes go there, however slow the reader is. It is
 * presented when another one is free to become the next back. That one is older, and before the
 * first write it is brought up to date from the newest picture, except where it is overwritten
 * anyway. So a frame never changes while it is shown, and a slow reader costs frames, not memory:
 * there are 3 buffers, and more only when the reader keeps them, up to {@link #MAX_BUFFERS}.
 */
public final class CopiedSurface implements Surface {
  /** Buffers at the most. A sink holds one a slot, the bridge two, and one is the back. */
  public static final int MAX_BUFFERS = 8;

  private static final int FIRST_BUFFERS = 3;

  private final FrameLayout layout;
  private final int bytesPerPixel;
  private final Runnable onFree;
  private final List<CopiedSlot> slots = new ArrayList<>();
  private final Damage damage = new Damage();
  private final Damage keep = new Damage(); // scratch: what of a stale rectangle is to be copied
  private final PointerOverlay overlay;
  private final SlotMemory memory;
  private CopiedSlot back;
  private CopiedSlot newest; // the picture that everybody has seen; never null after the first
  private boolean fresh = true; // whether back is up to date
  private long copied;

  /**
   * Black, and not yet told to a listener.
   *
   * @param firstId the buffers' ids count from here
   * @param onFree runs when a frame is released, on any thread
   */
  public CopiedSurface(FrameLayout layout, int firstId, Runnable onFree) throws IOException {
    this.layout = layout;
    this.bytesPerPixel = layout.format().planes().getFirst().bytes();
    this.memory = new SlotMemory(firstId);
    this.onFree = onFree;
    this.overlay = new PointerOverlay(layout);
    try {
      while (slots.size() < FIRST_BUFFERS) {
        slots.add(allocate());
      }
    } catch (IOException e) {
      slots.forEach(CopiedSlot::retire);
      throw e;
    }
    back = slots.getFirst();
    newest = back;
  }

  private CopiedSlot allocate() throws IOException {
    return memory.allocate(layout, onFree);
  }

  /** Why pictures are in shared memory and not in dma-bufs; or null. */
  public String whyNoDmaBufs() {
    return memory.whyNoDmaBufs();
  }

  /** Bytes of pixels that were copied from buffer to buffer to bring one up to date, so far. */
  public long copiedBytes() {
    return copied;
  }

  /** The id that the next surface's first buffer may have. */
  public int nextId() {
    return memory.nextId();
  }

  @Override
  public FrameLayout layout() {
    return layout;
  }

  /** Tells a listener of the buffers. */
  public void add(FrameListener listener) {
    slots.forEach(slot -> listener.bufferAdded(slot.buffer()));
  }

  /**
   * The memory to write a changed rectangle to, which lies within the picture and is overwritten as
   * a whole; until {@link #endWrite}.
   */
  public MemorySegment beginWrite(int x, int y, int width, int height) {
    back.beginWrite();
    if (!fresh) {
      freshen(x, y, width, height);
    }
    for (int i = 0; i < slots.size(); i++) {
      CopiedSlot slot = slots.get(i);
      if (slot != back) {
        slot.stale().add(x, y, width, height);
      }
    }
    damage.add(x, y, width, height);
    return back.pixels();
  }

  /** The rectangle is written. */
  public void endWrite() {
    back.endWrite();
  }

  /** The newest picture without a pointer, to copy from; the caller does not write to it. */
  public MemorySegment picture() {
    if (!fresh) {
      freshen(0, 0, 0, 0);
    }
    return back.pixels();
  }

  /** Draws the pointer, as it is now, into the frames from now on. */
  public void setPointer(Pointer pointer) {
    overlay.set(pointer, damage);
  }

  private void freshen(int x, int y, int width, int height) {
    // No DMA_BUF_SYNC for the newest: its bytes are there because this CPU wrote them.
    Damage stale = back.stale();
    stale.clip(layout.width(), layout.height());
    for (int i = 0; i < stale.count(); i++) {
      keep.clear();
      subtract(stale, i, x, y, width, height);
      for (int k = 0; k < keep.count(); k++) {
        copy(keep.x(k), keep.y(k), keep.width(k), keep.height(k));
      }
    }
    stale.clear();
    overlay.restore(back.pixels()); // the newest has a pointer drawn over its picture
    fresh = true;
  }

  /** Puts the parts of a stale rectangle that another one does not overwrite into keep. */
  private void subtract(Damage stale, int i, int x, int y, int width, int height) {
    int left = stale.x(i);
    int top = stale.y(i);
    int right = left + stale.width(i);
    int bottom = top + stale.height(i);
    int upper = Math.clamp(y, top, bottom);
    int lower = Math.clamp((long) y + height, upper, bottom);
    if (x >= right || (long) x + width <= left) {
      lower = upper; // beside it: nothing is overwritten
    }
    keep.add(left, top, right - left, upper - top);
    keep.add(left, lower, right - left, bottom - lower);
    keep.add(left, upper, x - left, lower - upper);
    keep.add(x + width, upper, right - (x + width), lower - upper);
  }

  private void copy(int x, int y, int width, int height) {
    long stride = layout.stride(0);
    long rowBytes = (long) width * bytesPerPixel;
    long at = layout.offset(0) + y * stride + (long) x * bytesPerPixel;
    copied += rowBytes * height;
    if (rowBytes == stride) {
      MemorySegment.copy(newest.pixels(), at, back.pixels(), at, rowBytes * height);
      return;
    }
    for (int row = 0; row < height; row++, at += stride) {
      MemorySegment.copy(newest.pixels(), at, back.pixels(), at, rowBytes);
    }
  }

  @Override
  public boolean hasDamage() {
    return damage.count() > 0;
  }

  @Override
  public void damage(int x, int y, int width, int height) {
    throw new IllegalStateException("a copied picture changes by being written");
  }

  @Override
  public boolean present(FrameListener listener, long sequence, long timestampNanos) {
    CopiedSlot next = findNext(listener);
    if (next == null) {
      return false;
    }
    damage.clip(layout.width(), layout.height());
    if (overlay.isNeeded()) {
      back.beginWrite();
      picture(); // brings it up to date
      overlay.draw(back.pixels(), back.stale());
      back.endWrite();
    } else if (!fresh) {
      picture();
    }
    CopiedSlot shown = back;
    newest = shown;
    back = next;
    fresh = back.stale().count() == 0 && !overlay.isDrawn();
    listener.framePresented(shown.present(damage, sequence, timestampNanos));
    damage.clear();
    return true;
  }

  private CopiedSlot findNext(FrameListener listener) {
    for (int i = 0; i < slots.size(); i++) {
      CopiedSlot slot = slots.get(i);
      if (slot != back && slot.isFree()) {
        return slot;
      }
    }
    if (slots.size() == MAX_BUFFERS) {
      return null;
    }
    try {
      CopiedSlot slot = allocate();
      slots.add(slot);
      slot.stale().setAll(layout.width(), layout.height());
      listener.bufferAdded(slot.buffer());
      return slot;
    } catch (IOException e) {
      return null; // no memory for another one: wait until one is free
    }
  }

  @Override
  public void remove(FrameListener listener) {
    slots.forEach(slot -> listener.bufferRemoved(slot.buffer()));
    discard();
  }

  /** As {@link #remove}, where nobody has heard of it yet. */
  public void discard() {
    slots.forEach(CopiedSlot::retire);
    slots.clear();
  }
}
