// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/**
 * The messages of GStreamer's unixfd elements, little-endian, since 1.24.
 *
 * <pre>
 *   header (8 bytes):      0 int type | 4 int size of what follows; descriptors come with it
 *   NEW_BUFFER (56 + 16n): 0 long id | 8 pts | 16 dts | 24 duration | 32 offset | 40 offset_end
 *                          48 int flags | 52 byte memory type | 53 byte n | 54 short metas
 *                          56 n times: long size, long offset in the descriptor
 *   RELEASE_BUFFER (8):    0 long id
 *   CAPS:                  a string and its 0
 *   EOS:                   nothing
 * </pre>
 *
 * Times are of CLOCK_MONOTONIC in nanoseconds, -1 for none.
 */
final class UnixFdMessage {
  static final int NEW_BUFFER = 0;
  static final int RELEASE_BUFFER = 1;
  static final int CAPS = 2;
  static final int END = 3;

  static final int HEADER = 8;
  static final int BUFFER = 56;
  static final int MEMORY = 16;
  static final int RELEASE = 8;

  /** A descriptor of shared memory. */
  static final byte SHARED = 0;

  /** A dma-buf. */
  static final byte DMABUF = 1;

  static final long NONE = -1;

  /** No caps and no buffer of a picture are longer; more is a peer that does not play fair. */
  static final int MOST = 1 << 16;

  private UnixFdMessage() {}

  static void header(MemorySegment into, int type, int size) {
    into.set(JAVA_INT, 0, type);
    into.set(JAVA_INT, 4, size);
  }

  /** A whole NEW_BUFFER message of one memory; its length. */
  static int newBuffer(
      MemorySegment into, long id, long timestamp, byte memoryType, long size, long offset) {
    header(into, NEW_BUFFER, BUFFER + MEMORY);
    into.set(JAVA_LONG, HEADER, id);
    into.set(JAVA_LONG, HEADER + 8, timestamp);
    for (int unknown = 16; unknown < 48; unknown += 8) {
      into.set(JAVA_LONG, HEADER + unknown, NONE);
    }
    into.set(JAVA_INT, HEADER + 48, 0);
    into.set(JAVA_BYTE, HEADER + 52, memoryType);
    into.set(JAVA_BYTE, HEADER + 53, (byte) 1);
    into.set(JAVA_SHORT, HEADER + 54, (short) 0);
    into.set(JAVA_LONG, HEADER + BUFFER, size);
    into.set(JAVA_LONG, HEADER + BUFFER + 8, offset);
    return HEADER + BUFFER + MEMORY;
  }
}
