// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * The memory of one request: parts that the device reads, and behind them parts that it writes.
 * Every part was checked to lie in one region. Reused; allocates nothing after it was made.
 */
public final class DescriptorChain {
  /** Parts at the most, indirect ones included: QEMU's own limit (VIRTQUEUE_MAX_SIZE). */
  public static final int MAX_PARTS = 1024;

  private final MemorySegment[] segments;
  private final long[] offsets;
  private final long[] lengths;
  private int parts;
  private int readable; // parts before the first that is written
  private long readableBytes;
  private long writableBytes;

  /** An empty one with room for all that {@link VirtQueue#pop} may find. */
  public DescriptorChain() {
    this(MAX_PARTS);
  }

  /** An empty one with room for so many parts. */
  public DescriptorChain(int capacity) {
    segments = new MemorySegment[capacity];
    offsets = new long[capacity];
    lengths = new long[capacity];
  }

  void clear() {
    parts = 0;
    readable = 0;
    readableBytes = 0;
    writableBytes = 0;
  }

  boolean isFull() {
    return parts == segments.length;
  }

  /** Adds a part that lies within {@code segment}; one that is read not behind a written one. */
  void add(MemorySegment segment, long offset, long length, boolean write) {
    segments[parts] = segment;
    offsets[parts] = offset;
    lengths[parts] = length;
    parts++;
    if (write) {
      writableBytes += length;
    } else {
      readable = parts;
      readableBytes += length;
    }
  }

  /** Whether a part that is written is there already. */
  boolean writes() {
    return parts > readable;
  }

  /** Bytes that can be read. */
  public long readableBytes() {
    return readableBytes;
  }

  /** Bytes that can be written. */
  public long writableBytes() {
    return writableBytes;
  }

  /**
   * Copies bytes of the request, each read once.
   *
   * @param from bytes from the request's first
   * @return how many there were: {@code length}, or fewer at the end
   */
  public long read(long from, MemorySegment into, long at, long length) {
    long skip = from;
    long done = 0;
    for (int i = 0; i < readable && done < length; i++) {
      if (skip >= lengths[i]) {
        skip -= lengths[i];
        continue;
      }
      long count = Math.min(length - done, lengths[i] - skip);
      MemorySegment.copy(
          segments[i], JAVA_BYTE, offsets[i] + skip, into, JAVA_BYTE, at + done, count);
      done += count;
      skip = 0;
    }
    return done;
  }

  /**
   * Writes the answer from its first byte on.
   *
   * @return how many bytes had room
   */
  public long write(MemorySegment from, long length) {
    long done = 0;
    for (int i = readable; i < parts && done < length; i++) {
      long count = Math.min(length - done, lengths[i]);
      MemorySegment.copy(from, JAVA_BYTE, done, segments[i], JAVA_BYTE, offsets[i], count);
      done += count;
    }
    return done;
  }

  /**
   * Makes {@code other} hold the parts that are written, to answer later.
   *
   * @return false where it has not got the room
   */
  public boolean copyWritableTo(DescriptorChain other) {
    if (parts - readable > other.segments.length) {
      return false;
    }
    other.clear();
    for (int i = readable; i < parts; i++) {
      other.add(segments[i], offsets[i], lengths[i], true);
    }
    return true;
  }
}
