// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.guestcam.frame.Frame;

/** Frames for a buffer that is shown again and again. One thread takes, any thread releases. */
final class FrameRing implements Frame.Owner {
  /** As many as a V4L2 queue may have, and the bridge's two. */
  private static final int SIZE = 34;

  private final Frame[] frames = new Frame[SIZE];
  private final AtomicIntegerArray taken = new AtomicIntegerArray(SIZE);
  private final AtomicIntegerArray releases = new AtomicIntegerArray(SIZE);
  private final Runnable onFree;

  /** All free; {@code onFree} runs when one is released, on any thread. */
  FrameRing(Runnable onFree) {
    this.onFree = onFree;
    for (int i = 0; i < SIZE; i++) {
      frames[i] = new Frame(this);
    }
  }

  /** A free frame, which is taken until it is released; or null. */
  Frame take() {
    for (int i = 0; i < SIZE; i++) {
      if (taken.get(i) == 0) {
        taken.set(i, 1);
        return frames[i];
      }
    }
    return null;
  }

  @Override
  public void released(Frame frame) {
    for (int i = 0; i < SIZE; i++) {
      if (frames[i] == frame) {
        releases.incrementAndGet(i);
        taken.set(i, 0);
      }
    }
    onFree.run();
  }

  /** Names this presentation of a frame that {@link #take} returned, for {@link #isReleased}. */
  long ticket(Frame frame) {
    for (int i = 0; i < SIZE; i++) {
      if (frames[i] == frame) {
        return (long) i << 32 | Integer.toUnsignedLong(releases.get(i));
      }
    }
    throw new IllegalArgumentException(frame + " is of another ring");
  }

  /** Whether nobody reads that presentation any more. */
  boolean isReleased(long ticket) {
    return releases.get((int) (ticket >> 32)) != (int) ticket;
  }
}
