// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.vhostgpu.vhost.DescriptorChain;

/**
 * One request of the guest, copied out of its memory once, and the head of its answer. The same
 * object serves for one request after the other.
 */
final class Request {
  /** Pixels of a side at the most. */
  static final int MAX_SIDE = 16384;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final int SCRATCH = 4096;

  private final DescriptorChain chain = new DescriptorChain();
  private final MemorySegment bytes;
  private final MemorySegment answer;
  private int head;
  private long size;

  /** Empty; its memory is the arena's. */
  Request(Arena arena) {
    bytes = arena.allocate(SCRATCH, 8);
    answer = arena.allocate(GpuProtocol.HEADER, 8);
  }

  /** Where the queue puts the request's memory. */
  DescriptorChain chain() {
    return chain;
  }

  /**
   * Copies the request, and begins its answer: success, with the request's fence if it has one.
   *
   * @param most bytes of it that matter
   */
  void read(int queueHead, long most) {
    head = queueHead;
    size = chain.read(0, bytes, 0, most);
    answer.fill((byte) 0);
    if (has(GpuProtocol.HEADER)) {
      int flags = u32(GpuProtocol.FLAGS);
      if ((flags & GpuProtocol.FLAG_FENCE) != 0) {
        answer.set(
            INT, GpuProtocol.FLAGS, flags & (GpuProtocol.FLAG_FENCE | GpuProtocol.FLAG_RING_INDEX));
        answer.set(LONG, GpuProtocol.FENCE_ID, u64(GpuProtocol.FENCE_ID));
        answer.set(INT, GpuProtocol.CONTEXT, u32(GpuProtocol.CONTEXT));
        answer.set(JAVA_BYTE, GpuProtocol.RING_INDEX, bytes.get(JAVA_BYTE, GpuProtocol.RING_INDEX));
      }
    }
    setResult(GpuProtocol.OK);
  }

  /** Its place on the queue. */
  int head() {
    return head;
  }

  /** Whether it is that long. */
  boolean has(long length) {
    return size >= length;
  }

  /** What is asked; 0 where it is too short to say. */
  int type() {
    return has(GpuProtocol.HEADER) ? u32(GpuProtocol.TYPE) : 0;
  }

  /** A number of the request. */
  int u32(long offset) {
    return bytes.get(INT, offset);
  }

  /** A long number of the request. */
  long u64(long offset) {
    return bytes.get(LONG, offset);
  }

  /** Whether a number of the guest is a picture's side. */
  static boolean isSide(int pixels) {
    return pixels > 0 && pixels <= MAX_SIDE;
  }

  /** Whether a rectangle of it lies within 0,0 and a size; any of its numbers may be wild. */
  boolean isWithin(long rectangle, int width, int height) {
    long x = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.X));
    long y = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.Y));
    long w = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.WIDTH));
    long h = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.HEIGHT));
    return x + w <= width && y + h <= height;
  }

  /** Memory that may be written over when the request's own numbers are read. */
  MemorySegment scratch() {
    return bytes;
  }

  /** The head of its answer. */
  MemorySegment answer() {
    return answer;
  }

  /** What it is answered with. */
  void setResult(int result) {
    answer.set(INT, GpuProtocol.TYPE, result);
  }

  /** Whether the guest waits for it. */
  boolean isFenced() {
    return (answer.get(INT, GpuProtocol.FLAGS) & GpuProtocol.FLAG_FENCE) != 0;
  }
}
