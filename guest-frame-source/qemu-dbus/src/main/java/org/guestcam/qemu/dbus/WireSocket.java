// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixSocket;

/**
 * Bytes of messages over a UNIX socket. It never reads past what it was asked for, so that a
 * picture's bytes are copied once, by the kernel, into their places; and it waits for a peer that
 * stops in the middle of a message a limited time only.
 *
 * <p>One thread reads; any thread sends. Owns the socket.
 */
public final class WireSocket implements AutoCloseable {
  /** Nanoseconds in which a message that has begun must be complete, or have been taken. */
  static final long PATIENCE = 10_000_000_000L;

  private static final int SEND_BUFFER = 1 << 12;

  private final UnixSocket socket;
  private final long patience;
  private final IoVector vector = new IoVector();
  private final Poll readPoll = new Poll(1);
  private final Poll sendPoll = new Poll(1);
  private final Object sendLock = new Object();
  private final MemorySegment sendBuffer = Arena.ofAuto().allocate(SEND_BUFFER, 8);
  private int serial;

  /** Takes over {@code socket}. */
  public WireSocket(UnixSocket socket) {
    this(socket, PATIENCE);
  }

  /**
   * Takes over {@code socket}.
   *
   * @param patience nanoseconds that one message may take
   */
  public WireSocket(UnixSocket socket, long patience) {
    this.socket = socket;
    this.patience = patience;
  }

  /** The socket, borrowed: to wait on, and for the descriptors that came. */
  public UnixSocket socket() {
    return socket;
  }

  /** When a message that begins now must be complete, as {@link System#nanoTime}. */
  public long deadline() {
    return System.nanoTime() + patience;
  }

  /**
   * Reads a header, as long as it takes for its first byte to come.
   *
   * @return false where the peer has closed the connection, between two messages
   */
  public boolean readHeader(MessageHeader header) throws IOException {
    socket.discardFds();
    vector.clear();
    vector.add(header.bytes(), 0, MessageHeader.FIXED);
    if (!readSome(Long.MAX_VALUE)) {
      return false;
    }
    long deadline = deadline();
    finish(deadline);
    int size = header.parseFixed();
    read(header.bytes(), MessageHeader.FIXED, size - MessageHeader.FIXED, deadline);
    header.parseFields();
    if (socket.lostFds() || socket.receivedFds() != header.fds()) {
      throw new WireException(
          "a message says that it has "
              + header.fds()
              + " fds, and "
              + socket.receivedFds()
              + " came");
    }
    return true;
  }

  /** Reads exactly so many bytes. */
  public void read(MemorySegment into, long offset, long length, long deadline) throws IOException {
    vector.clear();
    vector.add(into, offset, length);
    finish(deadline);
  }

  /** Reads until every part of {@code parts} is filled. */
  public void read(IoVector parts, long deadline) throws IOException {
    while (parts.remaining() > 0) {
      require(readSome(parts, deadline));
    }
  }

  private void finish(long deadline) throws IOException {
    read(vector, deadline);
  }

  private boolean readSome(long deadline) throws IOException {
    return readSome(vector, deadline);
  }

  private static void require(boolean more) throws EOFException {
    if (!more) {
      throw new EOFException("the peer closed the connection in the middle of a message");
    }
  }

  private boolean readSome(IoVector parts, long deadline) throws IOException {
    while (true) {
      long r = socket.receive(parts);
      if (r > 0) {
        return true;
      }
      if (r == 0 || Errno.ECONNRESET.is((int) r)) {
        return false;
      }
      if (Errno.EAGAIN.is((int) r)) {
        await(readPoll, Poll.IN, deadline, "a message was not complete in time");
      } else if (!Errno.EINTR.is((int) r)) {
        throw new ErrnoException("recvmsg", socket.fd().name(), (int) -r);
      }
    }
  }

  private void await(Poll poll, int events, long deadline, String late) throws IOException {
    long left = deadline == Long.MAX_VALUE ? Poll.FOREVER : deadline - System.nanoTime();
    if (deadline != Long.MAX_VALUE && left <= 0) {
      throw new WireException(late);
    }
    poll.watch(0, socket.fd(), events);
    poll.await(left);
  }

  /** A number for a message of ours. */
  public int nextSerial() {
    synchronized (sendLock) {
      serial = serial == Integer.MAX_VALUE ? 1 : serial + 1;
      return serial;
    }
  }

  /** Sends bytes, with descriptors, which stay the caller's. */
  public void send(byte[] message, Fd... fds) throws IOException {
    synchronized (sendLock) {
      for (int at = 0; at < message.length; ) {
        int part = Math.min(SEND_BUFFER, message.length - at);
        MemorySegment.copy(message, at, sendBuffer, JAVA_BYTE, 0, part);
        sendBuffered(part, at == 0 ? fds : new Fd[0]);
        at += part;
      }
    }
  }

  /** Sends a small message that is in native memory; allocates nothing. */
  public void send(MemorySegment message) throws IOException {
    synchronized (sendLock) {
      MemorySegment.copy(message, 0, sendBuffer, 0, message.byteSize());
      sendBuffered((int) message.byteSize(), null);
    }
  }

  private void sendBuffered(int length, Fd[] fds) throws IOException {
    long deadline = deadline();
    boolean first = fds != null && fds.length > 0;
    for (long at = 0; at < length; ) {
      long r =
          first
              ? socket.send(sendBuffer, at, length - at, fds)
              : socket.send(sendBuffer, at, length - at);
      if (r > 0) {
        at += r;
        first = false;
      } else if (Errno.EAGAIN.is((int) r)) {
        await(sendPoll, Poll.OUT, deadline, "the peer does not read what it is sent");
      } else if (!Errno.EINTR.is((int) r)) {
        throw new ErrnoException("sendmsg", socket.fd().name(), (int) -r);
      }
    }
  }

  /** Ends the connection; whoever reads or sends here gets an end or an error. */
  public void shutdown() {
    socket.shutdown();
  }

  /** Closes the socket: no thread reads or sends any more. */
  @Override
  public void close() {
    socket.close();
    readPoll.close();
    sendPoll.close();
  }
}
