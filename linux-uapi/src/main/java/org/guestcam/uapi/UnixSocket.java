// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A connected UNIX stream socket, unix(7), with the file descriptors that travel in its messages.
 *
 * <p>Owns its descriptor and every received one until it is taken. One thread receives, one at a
 * time sends; {@link #shutdown} may be called by any and wakes them. Neither receiving nor sending
 * allocates.
 *
 * <pre>
 *   struct msghdr (56 bytes):  0 name | 8 namelen | 16 iov | 24 iovlen | 32 control
 *                              40 controllen | 48 int flags
 *   struct cmsghdr (16):       0 size_t len | 8 int level | 12 int type | 16 the descriptors
 * </pre>
 */
public final class UnixSocket implements AutoCloseable {
  /** Descriptors that one message can carry (SCM_MAX_FD of the kernel). */
  public static final int MAX_FDS = 253;

  static final int AF_UNIX = 1;
  static final int SOCK_STREAM_CLOEXEC = 1 | 0x80000;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_CTRUNC = 0x8;
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
  private static final int SHUT_RDWR = 2;
  private static final int PATH_MAX = 108;
  private static final long CMSG = 16;
  private static final long CONTROL = CMSG + 4L * MAX_FDS + 4;

  private final Fd fd;
  // Collected with this object, and not closed by hand: a thread may still be in a call with them.
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment incoming = arena.allocate(56, 8);
  private final MemorySegment outgoing = arena.allocate(56, 8);
  private final MemorySegment outgoingPart = arena.allocate(16, 8);
  private final MemorySegment control = arena.allocate(CONTROL, 8);
  private final MemorySegment outgoingControl = arena.allocate(CONTROL, 8);
  private final int[] received = new int[MAX_FDS];
  private int receivedCount;
  private boolean truncated;

  /** Takes over {@code fd}, a connected stream socket. */
  public UnixSocket(Fd fd) {
    this.fd = fd;
  }

  /** Two sockets, each the other's peer; the caller owns both. */
  public static UnixSocket[] pair(String name) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment two = scratch.allocate(8, 4);
      ErrnoException.check(Libc.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, two), "socketpair", name);
      return new UnixSocket[] {
        new UnixSocket(Fd.own(two.get(JAVA_INT, 0), name)),
        new UnixSocket(Fd.own(two.get(JAVA_INT, 4), name + " (peer)"))
      };
    }
  }

  /**
   * Connects to a listening socket.
   *
   * @param name its path; or, behind an at sign, its name in the abstract name space
   * @throws ErrnoException ENOENT or ECONNREFUSED where nobody listens, EACCES without the rights
   */
  public static UnixSocket connect(String name) throws ErrnoException {
    int number = Libc.socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
    Fd fd = Fd.own(ErrnoException.check(number, "socket", name), name);
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment address = address(name, "connect", scratch);
      int length = (int) address.byteSize();
      int r;
      do {
        r = Libc.connect(fd.number(), address, length);
      } while (Errno.EINTR.is(r));
      ErrnoException.check(r, "connect", name);
      return new UnixSocket(fd);
    } catch (ErrnoException e) {
      fd.close();
      throw e;
    }
  }

  /**
   * A struct sockaddr_un.
   *
   * @param name a path; or, behind an at sign, a name in the abstract name space
   * @param call what it is for
   */
  static MemorySegment address(String name, String call, Arena arena) throws ErrnoException {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= PATH_MAX) {
      throw new ErrnoException(call, name, Errno.ENAMETOOLONG.number());
    }
    boolean hidden = name.startsWith("@");
    MemorySegment address = arena.allocate(2 + bytes.length + (hidden ? 0 : 1), 2);
    address.set(JAVA_SHORT, 0, (short) AF_UNIX);
    MemorySegment.copy(bytes, 0, address, JAVA_BYTE, 2, bytes.length);
    if (hidden) {
      address.set(JAVA_BYTE, 2, (byte) 0);
    }
    return address;
  }

  /** The user that this process acts as: what the peer's kernel tells of us. */
  public static long effectiveUser() {
    return Integer.toUnsignedLong(Libc.geteuid());
  }

  /** The descriptor; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /**
   * Receives what is there, without waiting, and moves {@code into} on by that much. Descriptors
   * that come along are kept, closed on exec.
   *
   * @return bytes; 0 when the peer has closed its end; or a negative errno, EAGAIN where nothing is
   *     there yet
   */
  public long receive(IoVector into) {
    incoming.set(JAVA_LONG, 16, into.address());
    incoming.set(JAVA_LONG, 24, into.parts());
    incoming.set(JAVA_LONG, 32, control.address());
    incoming.set(JAVA_LONG, 40, CONTROL);
    long r = Libc.recvmsg(fd.number(), incoming, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (r >= 0) {
      into.advance(r);
      truncated |= (incoming.get(JAVA_INT, 48) & MSG_CTRUNC) != 0;
      keep(incoming.get(JAVA_LONG, 40));
    }
    return r;
  }

  private void keep(long length) {
    for (long at = 0; length - at >= CMSG; ) {
      long size = control.get(JAVA_LONG, at);
      if (size < CMSG || size > length - at) {
        return;
      }
      if (control.get(JAVA_INT, at + 8) == SOL_SOCKET
          && control.get(JAVA_INT, at + 12) == SCM_RIGHTS) {
        for (long d = at + CMSG; d + 4 <= at + size; d += 4) {
          int number = control.get(JAVA_INT, d);
          if (receivedCount < MAX_FDS) {
            received[receivedCount++] = number;
          } else {
            Libc.close(number); // more than any message may have: the peer does not play fair
            truncated = true;
          }
        }
      }
      at += (size + 7) & ~7;
    }
  }

  /** Descriptors received and neither taken nor discarded. */
  public int receivedFds() {
    return receivedCount;
  }

  /** Whether descriptors were lost since {@link #discardFds}: there were too many of them. */
  public boolean lostFds() {
    return truncated;
  }

  /**
   * Hands a received descriptor over to the caller.
   *
   * @param index 0 for the first since {@link #discardFds}
   * @throws IndexOutOfBoundsException where there is none, or it was taken before
   */
  public Fd takeFd(int index, String name) {
    if (index < 0 || index >= receivedCount || received[index] < 0) {
      throw new IndexOutOfBoundsException(
          "descriptor " + index + " of " + receivedCount + " that came");
    }
    int number = received[index];
    received[index] = -1;
    return Fd.own(number, name);
  }

  /** Closes what was received and not taken, and counts from 0 again. */
  public void discardFds() {
    for (int i = 0; i < receivedCount; i++) {
      if (received[i] >= 0) {
        Libc.close(received[i]);
      }
    }
    receivedCount = 0;
    truncated = false;
  }

  /**
   * Sends without waiting.
   *
   * @param from native memory
   * @return bytes that went, perhaps fewer; or a negative errno, EAGAIN where there is no room yet,
   *     EPIPE where the peer is gone
   */
  public long send(MemorySegment from, long offset, long length) {
    return send(from, offset, length, 0);
  }

  /** As the other, with descriptors, which stay the caller's; they go with the first byte. */
  public long send(MemorySegment from, long offset, long length, Fd... fds) {
    if (fds.length > MAX_FDS) {
      throw new IllegalArgumentException(fds.length + " descriptors in one message");
    }
    outgoingControl.set(JAVA_LONG, 0, CMSG + 4L * fds.length);
    outgoingControl.set(JAVA_INT, 8, SOL_SOCKET);
    outgoingControl.set(JAVA_INT, 12, SCM_RIGHTS);
    for (int i = 0; i < fds.length; i++) {
      outgoingControl.set(JAVA_INT, CMSG + 4L * i, fds[i].number());
    }
    return send(from, offset, length, (CMSG + 4L * fds.length + 7) & ~7);
  }

  private long send(MemorySegment from, long offset, long length, long controlLength) {
    outgoingPart.set(JAVA_LONG, 0, from.asSlice(offset, length).address());
    outgoingPart.set(JAVA_LONG, 8, length);
    outgoing.set(JAVA_LONG, 16, outgoingPart.address());
    outgoing.set(JAVA_LONG, 24, 1);
    outgoing.set(JAVA_LONG, 32, controlLength == 0 ? 0 : outgoingControl.address());
    outgoing.set(JAVA_LONG, 40, controlLength);
    return Libc.sendmsg(fd.number(), outgoing, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** Ends both directions: the peer and whoever waits here see the end of the stream. */
  public void shutdown() {
    if (fd.isOpen()) {
      int ignored = Libc.shutdown(fd.number(), SHUT_RDWR);
      assert ignored == 0 || Errno.ENOTCONN.is(ignored) : Errno.describe(-ignored);
    }
  }

  @Override
  public void close() {
    fd.close();
    discardFds();
    Arrays.fill(received, -1);
  }
}
