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
 *
 * <p>Who does not read it now but may want to show it again, until the next one comes, holds it
 * with {@link #keep} and {@link #letGo} instead. When a frame that is kept is given back by a
 * reader for the first time it was <em>shown</em>. A guest with a single buffer needs that: it
 * draws its next picture when the last was shown, and would wait for ever for the release, which
 * comes with the next picture. That it is not read at that moment is not said: a device keeps the
 * picture that it shows until it has another, and so the repetition of one begins before its first
 * showing has ended.
 */
public final class Frame {
  /** Hears what became of a frame; called on any thread, and must not block. */
  @FunctionalInterface
  public interface Owner {
    /** {@code frame} is free: it may be presented again, and its buffer drawn into. */
    void released(Frame frame);

    /**
     * {@code frame} was shown, and is kept to be shown again until the next one comes. At most once
     * a presentation, and not at all for one that is released at once.
     */
    default void shown(Frame frame) {}
  }

  /** The last hold is being given back: neither held nor free. */
  private static final int LETTING_GO = -1;

  // Both counts of holds, and whether the owner was told of shown, change in one step.
  private static final int READER = 1;
  private static final int READERS = 0x7fff;
  private static final int KEEPER = 0x8000;
  private static final int KEEPERS = 0x3fff8000;
  private static final int SHOWN = 0x40000000;

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
    holds = READER;
    return this;
  }

  /** Takes one more hold to read it; the caller has one of either kind already. */
  public Frame retain() {
    return hold(READER);
  }

  /** Takes a hold to show it again later; the caller has one of either kind already. */
  public Frame keep() {
    return hold(KEEPER);
  }

  private Frame hold(int kind) {
    int before;
    do {
      before = holds;
      if (before <= 0) {
        throw new IllegalStateException(this + " is retained after it was released");
      }
    } while (!HOLDS.compareAndSet(this, before, before + kind));
    return this;
  }

  /**
   * Gives one hold to read it back; the last one of all releases the frame.
   *
   * @throws IllegalStateException where it was released before
   */
  public void release() {
    int before;
    int after;
    boolean shown;
    do {
      before = holds;
      if (before <= 0 || (before & READERS) == 0) {
        throw new IllegalStateException(this + " is released twice");
      }
      after = before - READER;
      shown = (after & SHOWN) == 0 && (after & KEEPERS) != 0;
      if (shown) {
        // A hold of our own: the owner must not hear of shown behind released.
        after += KEEPER + SHOWN;
      }
    } while (!HOLDS.compareAndSet(this, before, isFree(after) ? LETTING_GO : after));
    if (shown) {
      owner.shown(this);
      letGo();
    } else if (isFree(after)) {
      becomeFree();
    }
  }

  /**
   * Gives one {@link #keep} back; the last hold of all releases the frame.
   *
   * @throws IllegalStateException where nobody keeps it
   */
  public void letGo() {
    int before;
    int after;
    do {
      before = holds;
      if (before <= 0 || (before & KEEPERS) == 0) {
        throw new IllegalStateException(this + " is let go of but was not kept");
      }
      after = before - KEEPER;
    } while (!HOLDS.compareAndSet(this, before, isFree(after) ? LETTING_GO : after));
    if (isFree(after)) {
      becomeFree();
    }
  }

  private static boolean isFree(int holds) {
    return (holds & (READERS | KEEPERS)) == 0;
  }

  private void becomeFree() {
    // Neither released nor to be presented while the buffer is let go of.
    Buffer shown = buffer;
    buffer = null;
    holds = 0;
    shown.letGo();
    owner.released(this);
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
