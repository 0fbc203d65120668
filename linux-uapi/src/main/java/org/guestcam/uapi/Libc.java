// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The system calls, each a static final method handle called exactly, errno captured.
 *
 * <p>Every method returns the call's result, or the negative errno. None allocates: the capture
 * state is one segment a thread. Pointers are passed as segments, so that a closed arena is an
 * exception and not a wild write.
 */
@SuppressWarnings("restricted") // binding libc is this class's purpose
final class Libc {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      CAPTURE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CAPTURE));

  private static final MethodHandle OPEN =
      variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      plain("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle IOCTL =
      variadic("ioctl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
  private static final MethodHandle FCNTL =
      variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle PPOLL =
      plain("ppoll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG));
  private static final MethodHandle READ =
      plain("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle WRITE =
      plain("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle LSEEK =
      plain("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
  private static final MethodHandle FTRUNCATE =
      plain("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle EVENTFD =
      plain("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle MEMFD_CREATE =
      plain("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle MMAP =
      plain(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      plain("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle SOCKET =
      plain("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SOCKETPAIR =
      plain("socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle CONNECT =
      plain("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle BIND =
      plain("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle LISTEN =
      plain("listen", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle ACCEPT4 =
      plain("accept4", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle SENDMSG =
      plain("sendmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle RECVMSG =
      plain("recvmsg", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SHUTDOWN =
      plain("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle FSTAT =
      plain("fstat", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
  private static final MethodHandle PREAD =
      plain("pread", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle GETEUID =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("geteuid"), FunctionDescriptor.of(JAVA_INT));
  private static final MethodHandle GETPAGESIZE =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("getpagesize"), FunctionDescriptor.of(JAVA_INT));

  private Libc() {}

  private static MethodHandle plain(String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name), type, Linker.Option.captureCallState("errno"));
  }

  private static MethodHandle variadic(String name, int firstVariadic, FunctionDescriptor type) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        type,
        Linker.Option.captureCallState("errno"),
        Linker.Option.firstVariadicArg(firstVariadic));
  }

  private static int failed(MemorySegment state) {
    return -(int) ERRNO.get(state, 0L);
  }

  /** A downcall throws only when its handle does not fit its call, which is a mistake of ours. */
  private static AssertionError impossible(Throwable t) {
    return new AssertionError("a libc binding does not fit its call", t);
  }

  static int open(MemorySegment path, int flags, int mode) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) OPEN.invokeExact(state, path, flags, mode);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int close(int fd) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) CLOSE.invokeExact(state, fd);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int ioctl(int fd, long request, MemorySegment argument) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) IOCTL.invokeExact(state, fd, request, argument);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int fcntl(int fd, int command, long argument) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) FCNTL.invokeExact(state, fd, command, argument);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  /** ppoll(2) with no signal mask; {@code timeout} is a timespec or NULL. */
  static int ppoll(MemorySegment fds, long count, MemorySegment timeout) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) PPOLL.invokeExact(state, fds, count, timeout, 0L);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long read(int fd, MemorySegment into, long length) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) READ.invokeExact(state, fd, into, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long write(int fd, MemorySegment from, long length) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) WRITE.invokeExact(state, fd, from, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long lseek(int fd, long offset, int whence) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) LSEEK.invokeExact(state, fd, offset, whence);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int ftruncate(int fd, long length) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) FTRUNCATE.invokeExact(state, fd, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int eventfd(int initial, int flags) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) EVENTFD.invokeExact(state, initial, flags);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int memfdCreate(MemorySegment name, int flags) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) MEMFD_CREATE.invokeExact(state, name, flags);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  /** mmap(2): the address, or the negative errno (an address is never in the last page). */
  static long mmap(long address, long length, int protection, int flags, int fd, long offset) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) MMAP.invokeExact(state, address, length, protection, flags, fd, offset);
      return r == -1 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int munmap(long address, long length) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) MUNMAP.invokeExact(state, address, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int socket(int domain, int type, int protocol) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) SOCKET.invokeExact(state, domain, type, protocol);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int socketpair(int domain, int type, MemorySegment two) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) SOCKETPAIR.invokeExact(state, domain, type, 0, two);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int connect(int fd, MemorySegment address, int length) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) CONNECT.invokeExact(state, fd, address, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int bind(int fd, MemorySegment address, int length) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) BIND.invokeExact(state, fd, address, length);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int listen(int fd, int backlog) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) LISTEN.invokeExact(state, fd, backlog);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  /** accept4(2) without the peer's address. */
  static int accept(int fd, int flags) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) ACCEPT4.invokeExact(state, fd, MemorySegment.NULL, MemorySegment.NULL, flags);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long sendmsg(int fd, MemorySegment message, int flags) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) SENDMSG.invokeExact(state, fd, message, flags);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long recvmsg(int fd, MemorySegment message, int flags) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) RECVMSG.invokeExact(state, fd, message, flags);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int shutdown(int fd, int how) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) SHUTDOWN.invokeExact(state, fd, how);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int fstat(int fd, MemorySegment into) {
    try {
      MemorySegment state = STATE.get();
      int r = (int) FSTAT.invokeExact(state, fd, into);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static long pread(int fd, MemorySegment into, long length, long offset) {
    try {
      MemorySegment state = STATE.get();
      long r = (long) PREAD.invokeExact(state, fd, into, length, offset);
      return r < 0 ? failed(state) : r;
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int geteuid() {
    try {
      return (int) GETEUID.invokeExact();
    } catch (Throwable t) {
      throw impossible(t);
    }
  }

  static int pageSize() {
    try {
      return (int) GETPAGESIZE.invokeExact();
    } catch (Throwable t) {
      throw impossible(t);
    }
  }
}
