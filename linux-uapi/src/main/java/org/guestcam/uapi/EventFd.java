// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An eventfd(2): wakes a thread that waits in {@link Poll}. Any thread signals, one drains. */
public final class EventFd implements AutoCloseable {
  private static final int EFD_CLOEXEC = 0x80000;
  private static final int EFD_NONBLOCK = 0x800;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment one = arena.allocate(JAVA_LONG);
  private final MemorySegment count = arena.allocate(JAVA_LONG);
  private final Fd fd;

  /** A new eventfd, owned by this object. */
  public EventFd(String name) throws ErrnoException {
    int number = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fd = Fd.own(ErrnoException.check(number, "eventfd", name), name);
    one.set(JAVA_LONG, 0, 1);
  }

  /** To wait on with {@link Poll#IN}; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** Makes the descriptor readable. A full counter (EAGAIN) is readable already. */
  public void signal() {
    long r = fd.write(one);
    assert r == 8 || r == -Errno.EAGAIN.number() : Errno.describe((int) -r);
  }

  /** Makes the descriptor not readable until the next {@link #signal}. */
  public void drain() {
    long r = fd.read(count);
    assert r == 8 || r == -Errno.EAGAIN.number() : Errno.describe((int) -r);
  }

  @Override
  public void close() {
    fd.close();
    arena.close();
  }
}
