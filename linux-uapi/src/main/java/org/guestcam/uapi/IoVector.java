// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Where the bytes of one message go: parts of memory, filled one behind the other, so that the rows
 * of a rectangle arrive in their places by one system call. Reused; allocates nothing after it was
 * made. One thread at a time uses it, and the memory of its parts must live until then.
 *
 * <pre>
 *   struct iovec (16 bytes):  0 void *base | 8 size_t length
 * </pre>
 */
public final class IoVector {
  /** Most parts of one call (UIO_MAXIOV of {@code linux/uio.h}). */
  public static final int CAPACITY = 1024;

  private static final long ENTRY = 16;

  private final MemorySegment entries = Arena.ofAuto().allocate(ENTRY * CAPACITY, 8);
  private final MemorySegment[] kept = new MemorySegment[CAPACITY]; // so that no part is collected
  private int first;
  private int end;
  private long bytes;

  /** Without any part. */
  public void clear() {
    first = 0;
    end = 0;
    bytes = 0;
  }

  /** Whether another part has room. */
  public boolean hasRoom() {
    return end < CAPACITY;
  }

  /**
   * Adds {@code length} bytes of native memory; bytes right behind the part before join it.
   *
   * @throws IndexOutOfBoundsException where {@code into} has not got them
   */
  public void add(MemorySegment into, long offset, long length) {
    if (offset < 0 || length < 0 || offset > into.byteSize() - length) {
      throw new IndexOutOfBoundsException(
          offset + "+" + length + " is not within " + into.byteSize() + " bytes");
    }
    if (length == 0) {
      return;
    }
    bytes += length;
    long address = into.address() + offset;
    if (end > first && kept[end - 1].equals(into)) {
      long last = (end - 1) * ENTRY;
      long lastLength = entries.get(JAVA_LONG, last + 8);
      if (entries.get(JAVA_LONG, last) + lastLength == address) {
        entries.set(JAVA_LONG, last + 8, lastLength + length); // whole rows become one part
        return;
      }
    }
    entries.set(JAVA_LONG, end * ENTRY, address);
    entries.set(JAVA_LONG, end * ENTRY + 8, length);
    kept[end++] = into;
  }

  /** Bytes that are still to be filled. */
  public long remaining() {
    return bytes;
  }

  /** {@code count} bytes are filled. */
  void advance(long count) {
    long left = count;
    bytes -= count;
    while (left > 0) {
      long length = entries.get(JAVA_LONG, first * ENTRY + 8);
      if (left < length) {
        entries.set(JAVA_LONG, first * ENTRY, entries.get(JAVA_LONG, first * ENTRY) + left);
        entries.set(JAVA_LONG, first * ENTRY + 8, length - left);
        return;
      }
      left -= length;
      first++;
    }
  }

  long address() {
    return entries.address() + first * ENTRY;
  }

  int parts() {
    return end - first;
  }
}
