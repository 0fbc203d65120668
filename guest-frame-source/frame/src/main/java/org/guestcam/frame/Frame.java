// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One presentation of a buffer. A source makes a few of these objects and uses them again and
 * again, so that showing a frame allocates nothing.
 *
 * <p>Life: the source fills it with {@link #present}; who gets it from {@link
 * FrameListener#framePresented} has one hold on it and gives it back with {@link #release}; {@link
 * #retain} takes a further hold. When the last hold is gone the frame is <em>released</em>: its
 * owner hears of it once, and only then may the guest draw into the buffer again.
 */
public final class Frame {
  /** Hears that nobody reads a frame any more; called on any thread, and must not block. */
  @FunctionalInterface
  public interface Owner {
    /** {@code frame} is free: it may be presented again, and its buffer drawn into. */
    void released(Frame frame);
  }

  /** The last hold is being given back: neither held nor free. */
  private static final int LETTING_GO = -1;

  private static final VarHandle HOLDS;

  static {
    try {
      HOLDS = MethodHandles.lookup().findVarHandle(Frame.class, "holds", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Owner owner;
  private final Damage damage = new Damage();
  private Buffer buffer;
  private long sequence;
  private long timestampNanos;

  @SuppressWarnings("FieldMayBeFinal") // changed through HOLDS
  private volatile int holds;

  /** A free frame. */
  public Frame(Owner owner) {
    this.owner = owner;
  }

  /**
   * Makes this free frame a presentation of {@code buffer}, with one hold on it. The damage is
   * empty: the source fills it before it passes the frame on.
   *
   * @param sequence counts presentations of the source from 0
   * @param timestampNanos when the guest presented it, CLOCK_MONOTONIC nanoseconds
   * @throws IllegalStateException where somebody still reads it
   */
  public Frame present(Buffer shown, long sequence, long timestampNanos) {
    if (holds != 0) {
      throw new IllegalStateException(this + " is presented again before it was released");
    }
    shown.hold();
    this.buffer = shown;
    this.sequence = sequence;
    this.timestampNanos = timestampNanos;
    damage.clear();
    holds = 1;
    return this;
  }

  /** Takes one more hold; the caller has one already. */
  public Frame retain() {
    int before;
    do {
      before = holds;
      if (before <= 0) {
        throw new IllegalStateException(this + " is retained after it was released");
      }
    } while (!HOLDS.compareAndSet(this, before, before + 1));
    return this;
  }

  /**
   * Gives one hold back; the last one releases the frame.
   *
   * @throws IllegalStateException where it was released before
   */
  public void release() {
    int before;
    do {
      before = holds;
      if (before <= 0) {
        throw new IllegalStateException(this + " is released twice");
      }
    } while (!HOLDS.compareAndSet(this, before, before == 1 ? LETTING_GO : before - 1));
    if (before == 1) {
      // Neither released nor to be presented while the buffer is let go of.
      Buffer shown = buffer;
      buffer = null;
      holds = 0;
      shown.letGo();
      owner.released(this);
    }
  }

  /** The memory that it shows. */
  public Buffer buffer() {
    return buffer;
  }

  /** Counts presentations of the source from 0. */
  public long sequence() {
    return sequence;
  }

  /** When the guest presented it: CLOCK_MONOTONIC nanoseconds, as {@link System#nanoTime}. */
  public long timestampNanos() {
    return timestampNanos;
  }

  /** What changed since the source's frame before. */
  public Damage damage() {
    return damage;
  }

  @Override
  public String toString() {
    return "frame " + sequence;
  }
}
