// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.guestcam.frame.Frame;

/** Frames for a buffer that is shown again and again. One thread takes, any thread releases. */
public final class FrameRing implements Frame.Owner {
  /** As many as a V4L2 queue may have, and the bridge's two. */
  private static final int SIZE = 34;

  private final Frame[] frames = new Frame[SIZE];
  private final AtomicIntegerArray taken = new AtomicIntegerArray(SIZE);
  private final AtomicIntegerArray releases = new AtomicIntegerArray(SIZE);
  private final AtomicIntegerArray shown = new AtomicIntegerArray(SIZE);
  private final boolean[] overdrawn = new boolean[SIZE];
  private final Runnable onFree;

  /** All free; {@code onFree} runs when one is shown or released, on any thread. */
  public FrameRing(Runnable onFree) {
    this.onFree = onFree;
    for (int i = 0; i < SIZE; i++) {
      frames[i] = new Frame(this);
    }
  }

  /** A free frame, which is taken until it is released; or null. */
  public Frame take() {
    for (int i = 0; i < SIZE; i++) {
      if (taken.get(i) == 0) {
        shown.set(i, 0);
        overdrawn[i] = false;
        taken.set(i, 1);
        return frames[i];
      }
    }
    return null;
  }

  @Override
  public void released(Frame frame) {
    int i = indexOf(frame);
    releases.incrementAndGet(i);
    taken.set(i, 0);
    onFree.run();
  }

  @Override
  public void shown(Frame frame) {
    shown.set(indexOf(frame), 1);
    onFree.run();
  }

  private int indexOf(Frame frame) {
    for (int i = 0; i < SIZE; i++) {
      if (frames[i] == frame) {
        return i;
      }
    }
    throw new IllegalArgumentException(frame + " is of another ring");
  }

  /**
   * Names this presentation of a frame that {@link #take} returned, for {@link #isReleased} and
   * {@link #isShown}.
   */
  public long ticket(Frame frame) {
    int i = indexOf(frame);
    return (long) i << 32 | Integer.toUnsignedLong(releases.get(i));
  }

  /** Whether nobody reads that presentation any more. */
  public boolean isReleased(long ticket) {
    return releases.get((int) (ticket >> 32)) != (int) ticket;
  }

  /** Whether that presentation was shown, or released without that. */
  public boolean isShown(long ticket) {
    return isReleased(ticket) || shown.get((int) (ticket >> 32)) != 0;
  }

  /** Whether every frame is free. */
  public boolean isIdle() {
    for (int i = 0; i < SIZE; i++) {
      if (taken.get(i) != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The guest has drawn into the buffer again.
   *
   * @return how many presentations are still read, or kept to be read again, and were not counted
   *     by a call before
   */
  public int countOverdrawn() {
    int count = 0;
    for (int i = 0; i < SIZE; i++) {
      if (taken.get(i) != 0 && !overdrawn[i]) {
        overdrawn[i] = true;
        count++;
      }
    }
    return count;
  }
}
