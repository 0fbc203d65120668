// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A file descriptor with one owner, closed once.
 *
 * <p>Whoever holds the {@code Fd} object owns the descriptor; methods that take an {@code Fd} only
 * borrow it unless they say that they take it over. Closing twice is harmless; using a closed one
 * is an {@link IllegalStateException}, never another file's descriptor.
 */
public final class Fd implements AutoCloseable {
  /** Open for reading only ({@code asm-generic/fcntl.h}). */
  public static final int O_RDONLY = 0;

  /** Open for reading and writing. */
  public static final int O_RDWR = 2;

  /** Do not block in read, write and DQBUF. */
  public static final int O_NONBLOCK = 0x800;

  private static final int O_CLOEXEC = 0x80000;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int SEEK_END = 2;
  private static final VarHandle NUMBER;

  static {
    try {
      NUMBER = MethodHandles.lookup().findVarHandle(Fd.class, "number", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String name;

  @SuppressWarnings("FieldMayBeFinal") // changed through NUMBER
  private volatile int number;

  private Fd(int number, String name) {
    this.number = number;
    this.name = name;
  }

  /**
   * Opens a file; close-on-exec is always set.
   *
   * @param flags {@link #O_RDWR} and the like
   */
  public static Fd open(Path path, int flags) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment cPath = arena.allocateFrom(path.toString());
      int fd;
      do {
        fd = Libc.open(cPath, flags | O_CLOEXEC, 0);
      } while (Errno.EINTR.is(fd));
      return new Fd(ErrnoException.check(fd, "open", path.toString()), path.toString());
    }
  }

  /**
   * Takes over a descriptor that a system call returned.
   *
   * @param number the descriptor, which the caller has not given to anybody else
   * @param name what messages call it: a path, or what it is
   */
  public static Fd own(int number, String name) {
    if (number < 0) {
      throw new IllegalArgumentException("fd=" + number + " is not a file descriptor");
    }
    return new Fd(number, Objects.requireNonNull(name));
  }

  /**
   * The number, for a system call that is made now.
   *
   * @throws IllegalStateException when closed
   */
  public int number() {
    int fd = number;
    if (fd < 0) {
      throw new IllegalStateException(name + " is closed");
    }
    return fd;
  }

  /** What messages call it. */
  public String name() {
    return name;
  }

  /** Whether {@link #close} has not been called yet. */
  public boolean isOpen() {
    return number >= 0;
  }

  /** A second descriptor of the same open file; the caller owns it. */
  public Fd duplicate() throws ErrnoException {
    return duplicate(number(), name);
  }

  /**
   * A second descriptor of an open file that somebody else owns.
   *
   * @param name what messages call it
   */
  public static Fd duplicate(int borrowed, String name) throws ErrnoException {
    int fd = Libc.fcntl(borrowed, F_DUPFD_CLOEXEC, 0);
    return new Fd(ErrnoException.check(fd, "fcntl(F_DUPFD_CLOEXEC)", name), name);
  }

  /** Makes reads and writes return EAGAIN instead of waiting, for all who have this open file. */
  public void setNonBlocking() throws ErrnoException {
    int flags = ErrnoException.check(Libc.fcntl(number(), F_GETFL, 0), "fcntl(F_GETFL)", name);
    int r = Libc.fcntl(number(), F_SETFL, flags | O_NONBLOCK);
    ErrnoException.check(r, "fcntl(F_SETFL)", name);
  }

  /** The size in bytes of a file, a memfd or a dma-buf: lseek to its end. */
  public long size() throws ErrnoException {
    return ErrnoException.check(Libc.lseek(number(), 0, SEEK_END), "lseek(SEEK_END)", name);
  }

  /**
   * read(2) into {@code into}; for calls of every frame.
   *
   * @return bytes read, or a negative errno
   */
  public long read(MemorySegment into) {
    return Libc.read(number(), into, into.byteSize());
  }

  /**
   * write(2) of all of {@code from}, in one call; for calls of every frame.
   *
   * @return bytes written, or a negative errno
   */
  public long write(MemorySegment from) {
    return Libc.write(number(), from, from.byteSize());
  }

  /** Closes the descriptor; does nothing when it is closed already. */
  @Override
  public void close() {
    int fd = (int) NUMBER.getAndSet(this, -1);
    if (fd >= 0) {
      // Linux has let go of the descriptor whatever close(2) returns: never try again.
      int ignored = Libc.close(fd);
      assert !Errno.EBADF.is(ignored) : name + " was closed behind its owner's back";
    }
  }

  @Override
  public String toString() {
    return name + " (fd " + number + ")";
  }
}
