// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A UNIX stream socket that others connect to. Owns its descriptor, and its path in the file system
 * until it is closed. One thread accepts.
 */
public final class UnixListener implements AutoCloseable {
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOCK_CLOEXEC = 0x80000;

  private final Fd fd;
  private final String name;

  private UnixListener(Fd fd, String name) {
    this.fd = fd;
    this.name = name;
  }

  /**
   * Listens.
   *
   * @param name its path; or, behind an at sign, its name in the abstract name space. The socket of
   *     a listener that has died is replaced
   * @throws ErrnoException EADDRINUSE where somebody listens there, or a file is in the way
   */
  public static UnixListener bind(String name) throws IOException {
    int number = Libc.socket(UnixSocket.AF_UNIX, UnixSocket.SOCK_STREAM_CLOEXEC | SOCK_NONBLOCK, 0);
    Fd fd = Fd.own(ErrnoException.check(number, "socket", name), name);
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment address = UnixSocket.address(name, "bind", scratch);
      int r = Libc.bind(fd.number(), address, (int) address.byteSize());
      if (Errno.EADDRINUSE.is(r) && isDead(name)) {
        Files.deleteIfExists(Path.of(name));
        r = Libc.bind(fd.number(), address, (int) address.byteSize());
      }
      ErrnoException.check(r, "bind", name);
      ErrnoException.check(Libc.listen(fd.number(), 8), "listen", name);
      return new UnixListener(fd, name);
    } catch (IOException e) {
      fd.close();
      throw e;
    }
  }

  /** Takes over a socket that listens already. */
  public static UnixListener own(Fd fd) {
    return new UnixListener(fd, "@");
  }

  /** Whether nobody listens behind a socket in the file system. */
  private static boolean isDead(String name) {
    if (name.startsWith("@")) {
      return false;
    }
    try (UnixSocket alive = UnixSocket.connect(name)) {
      return !alive.fd().isOpen();
    } catch (ErrnoException e) {
      return e.is(Errno.ECONNREFUSED) && !Files.isRegularFile(Path.of(name));
    }
  }

  /** To wait on with {@link Poll#IN}; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** The next who has connected, whom the caller owns; or null where nobody waits. */
  public UnixSocket accept() throws ErrnoException {
    int r = Libc.accept(fd.number(), SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (Errno.EAGAIN.is(r) || Errno.EINTR.is(r) || Errno.ECONNABORTED.is(r)) {
      return null;
    }
    return new UnixSocket(Fd.own(ErrnoException.check(r, "accept", name), "a client of " + name));
  }

  @Override
  public void close() {
    if (fd.isOpen()) {
      fd.close();
      if (!name.startsWith("@")) {
        try {
          Files.deleteIfExists(Path.of(name));
        } catch (IOException e) {
          // It is in the way of nobody: the next listener replaces it.
        }
      }
    }
  }
}
