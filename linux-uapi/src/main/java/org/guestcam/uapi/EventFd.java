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

  private final boolean foreign;

  /** A new eventfd, owned by this object. */
  public EventFd(String name) throws ErrnoException {
    this(Fd.own(ErrnoException.check(make(), "eventfd", name), name), false);
  }

  private EventFd(Fd fd, boolean foreign) {
    this.fd = fd;
    this.foreign = foreign;
    one.set(JAVA_LONG, 0, 1);
  }

  private static int make() {
    return Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }

  /**
   * An eventfd that somebody sent; takes {@code fd} over. Whatever it really is, signalling and
   * draining it never blocks.
   *
   * @throws ErrnoException where it cannot be made so; the caller keeps it then
   */
  public static EventFd own(Fd fd) throws ErrnoException {
    fd.setNonBlocking();
    return new EventFd(fd, true);
  }

  /** To wait on with {@link Poll#IN}; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** Makes the descriptor readable. A full counter (EAGAIN) is readable already. */
  public void signal() {
    long r = fd.write(one);
    assert foreign || r == 8 || r == -Errno.EAGAIN.number() : Errno.describe((int) -r);
  }

  /** Makes the descriptor not readable until the next {@link #signal}. */
  public void drain() {
    long r = fd.read(count);
    assert foreign || r == 8 || r == -Errno.EAGAIN.number() : Errno.describe((int) -r);
  }

  @Override
  public void close() {
    fd.close();
    arena.close();
  }
}
