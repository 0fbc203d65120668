// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.vhostgpu.vhost.DescriptorChain;

/**
 * Answers that the guest waits for until a frame was shown, or until nobody reads a buffer any
 * more; and no longer than a limit. The answers of fenced requests go out in their order, for the
 * guest's driver takes one for all before it. Allocates nothing after it was made.
 */
final class Answers {
  /** Of a request, instead of a result: its answer is given later. */
  static final int LATER = 0;

  /** Nothing is to be done at any time. */
  static final long NEVER = Long.MAX_VALUE;

  private static final int CAPACITY = 256;

  /** Parts of an answer's memory; a driver gives one. */
  private static final int PARTS = 4;

  /** Gives an answer back to the guest. */
  @FunctionalInterface
  interface Sender {
    /** Sends {@code header}, an answer without further data. */
    void send(int head, DescriptorChain chain, MemorySegment header);
  }

  /** One that waits. */
  private static final class Waiting {
    private final DescriptorChain chain = new DescriptorChain(PARTS);
    private final MemorySegment header;
    private int head;
    private boolean fenced;
    private FrameRing frames; // null: only for those before it
    private boolean forAll;
    private long ticket;
    private long deadline;

    Waiting(MemorySegment header) {
      this.header = header;
    }
  }

  private final Waiting[] waiting = new Waiting[CAPACITY];
  private final Counters counters;
  private int count;

  /** None waits. */
  Answers(MemorySegment headers, Counters counters) {
    this.counters = counters;
    for (int i = 0; i < CAPACITY; i++) {
      waiting[i] = new Waiting(headers.asSlice(i * GpuProtocol.HEADER, GpuProtocol.HEADER));
    }
  }

  /** Bytes of native memory that the constructor wants. */
  static long headerBytes() {
    return CAPACITY * GpuProtocol.HEADER;
  }

  /** Whether a fenced answer waits, behind which others must stand. */
  boolean hasFenced() {
    for (int i = 0; i < count; i++) {
      if (waiting[i].fenced) {
        return true;
      }
    }
    return false;
  }

  /** Whether any waits. */
  boolean isEmpty() {
    return count == 0;
  }

  /**
   * An answer that waits until a presentation was shown.
   *
   * @return false where there is no room: the caller answers now
   */
  boolean untilShown(
      int head,
      DescriptorChain chain,
      MemorySegment header,
      FrameRing frames,
      long ticket,
      long deadline) {
    return add(head, chain, header, true, frames, false, ticket, deadline);
  }

  /** An answer that waits until every frame of a buffer is free. */
  boolean untilFree(
      int head,
      DescriptorChain chain,
      MemorySegment header,
      boolean fenced,
      FrameRing frames,
      long deadline) {
    return add(head, chain, header, fenced, frames, true, 0, deadline);
  }

  /** An answer that waits for those before it. */
  boolean inOrder(int head, DescriptorChain chain, MemorySegment header) {
    return add(head, chain, header, true, null, false, 0, NEVER);
  }

  private boolean add(
      int head,
      DescriptorChain chain,
      MemorySegment header,
      boolean fenced,
      FrameRing frames,
      boolean forAll,
      long ticket,
      long deadline) {
    if (count == CAPACITY || !chain.copyWritableTo(waiting[count].chain)) {
      return false;
    }
    Waiting added = waiting[count++];
    added.header.copyFrom(header);
    added.head = head;
    added.fenced = fenced;
    added.frames = frames;
    added.forAll = forAll;
    added.ticket = ticket;
    added.deadline = deadline;
    return true;
  }

  /** When {@link #tick} wants to be called at the latest, as {@link System#nanoTime}. */
  long wakeAt() {
    long at = NEVER;
    for (int i = 0; i < count; i++) {
      at = Math.min(at, waiting[i].deadline);
    }
    return at;
  }

  /** Sends what is due. */
  void tick(long now, Sender sender) {
    int kept = 0;
    boolean fencedWaits = false;
    for (int i = 0; i < count; i++) {
      Waiting one = waiting[i];
      boolean mustWait = one.fenced && fencedWaits;
      if (!mustWait && isDue(one, now)) {
        sender.send(one.head, one.chain, one.header);
        one.frames = null;
      } else {
        fencedWaits |= one.fenced;
        waiting[i] = waiting[kept]; // in their order, the sent ones behind
        waiting[kept++] = one;
      }
    }
    count = kept;
  }

  private boolean isDue(Waiting one, long now) {
    if (one.frames == null || (one.forAll ? one.frames.isIdle() : one.frames.isShown(one.ticket))) {
      return true;
    }
    if (now >= one.deadline) {
      counters.overdue.increment();
      return true;
    }
    return false;
  }

  /** Sends all, due or not. */
  void flush(Sender sender) {
    for (int i = 0; i < count; i++) {
      sender.send(waiting[i].head, waiting[i].chain, waiting[i].header);
      waiting[i].frames = null;
    }
    count = 0;
  }
}
