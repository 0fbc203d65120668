// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A reusable ppoll(2) set. One thread at a time uses it; no call allocates.
 *
 * <pre>
 *   struct pollfd (8 bytes):  0 int fd | 4 short events | 6 short revents
 *   struct timespec (16):     0 long seconds | 8 long nanoseconds
 * </pre>
 */
public final class Poll implements AutoCloseable {
  /** There is something to read; on a V4L2 capture device a filled buffer. */
  public static final int IN = 0x001;

  /** An exceptional condition; on a V4L2 device an event. */
  public static final int PRI = 0x002;

  /** It can be written; on a V4L2 output device a buffer that is done. */
  public static final int OUT = 0x004;

  /** Error; on a V4L2 device also: not streaming, or no buffer is queued. */
  public static final int ERR = 0x008;

  /** The other end is gone. */
  public static final int HUP = 0x010;

  /** Wait without end. */
  public static final long FOREVER = -1;

  private static final long ENTRY = 8;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment entries;
  private final MemorySegment timeout;
  private final int count;

  /** A set of {@code count} entries, all unused. */
  public Poll(int count) {
    this.count = count;
    entries = arena.allocate(ENTRY * count, 8);
    timeout = arena.allocate(16, 8);
    for (int i = 0; i < count; i++) {
      ignore(i);
    }
  }

  /** Entry {@code index} waits for {@code events} of {@code fd}, which must outlive the wait. */
  public void watch(int index, Fd fd, int events) {
    entries.set(JAVA_INT, index * ENTRY, fd.number());
    entries.set(JAVA_SHORT, index * ENTRY + 4, (short) events);
  }

  /** Entry {@code index} waits for nothing. */
  public void ignore(int index) {
    entries.set(JAVA_INT, index * ENTRY, -1);
    entries.set(JAVA_SHORT, index * ENTRY + 4, (short) 0);
    entries.set(JAVA_SHORT, index * ENTRY + 6, (short) 0);
  }

  /**
   * Waits until an entry is ready, a signal comes or the time is over.
   *
   * @param nanos how long at the most; {@link #FOREVER} for no limit
   * @return the number of ready entries, 0 for a time-out or a signal
   * @throws ErrnoException for a misused set; never for a device's condition
   */
  public int await(long nanos) throws ErrnoException {
    MemorySegment limit = MemorySegment.NULL;
    if (nanos >= 0) {
      timeout.set(JAVA_LONG, 0, nanos / NANOS_PER_SECOND);
      timeout.set(JAVA_LONG, 8, nanos % NANOS_PER_SECOND);
      limit = timeout;
    }
    int r = Libc.ppoll(entries, count, limit);
    if (Errno.EINTR.is(r)) {
      for (int i = 0; i < count; i++) {
        entries.set(JAVA_SHORT, i * ENTRY + 6, (short) 0);
      }
      return 0;
    }
    if (r < 0) {
      // Not check(): its message would be made at every call.
      throw new ErrnoException("ppoll", "a set of " + count, -r);
    }
    return r;
  }

  /** What entry {@code index} is ready for: {@link #IN} and the like, 0 for nothing. */
  public int ready(int index) {
    return entries.get(JAVA_SHORT, index * ENTRY + 6);
  }

  @Override
  public void close() {
    arena.close();
  }
}
