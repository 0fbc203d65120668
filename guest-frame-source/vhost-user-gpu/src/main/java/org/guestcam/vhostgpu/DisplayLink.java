// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * QEMU's own display, as a device that serves its guest from outside reaches it (QEMU's {@code
 * docs/interop/vhost-user-gpu.rst}): it is asked which sizes its windows have, and may be shown
 * pictures. The device's thread owns it, and no call blocks.
 *
 * <pre>
 *   header (12 bytes):  0 u32 request | 4 u32 flags | 8 u32 payload's size
 * </pre>
 */
final class DisplayLink implements AutoCloseable {
  /** Hears what QEMU answers. */
  @FunctionalInterface
  interface Answers {
    /** A struct virtio_gpu_resp_display_info. */
    void displayInfo(MemorySegment info);
  }

  private static final Logger LOG = LoggerFactory.getLogger(DisplayLink.class);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final int GET_DISPLAY_INFO = 3;

  /** Bytes before each message's own. */
  static final int HEADER = 12;

  private static final int MAX_PAYLOAD = 2048;

  private final UnixSocket socket;
  private final Answers answers;
  private final MemorySegment incoming = Arena.ofAuto().allocate(HEADER + MAX_PAYLOAD, 8);
  private final MemorySegment payload = incoming.asSlice(HEADER);
  private final MemorySegment question = Arena.ofAuto().allocate(HEADER, 8);
  private final IoVector into = new IoVector();
  private boolean inPayload;
  private MemorySegment outgoing; // a message that has not gone as a whole; null for none
  private long sent;
  private long outgoingBytes;
  private boolean asks; // as soon as that has gone

  /** Takes over {@code socket}, which is connected. */
  DisplayLink(UnixSocket socket, Answers answers) {
    this.socket = socket;
    this.answers = answers;
    into.add(incoming, 0, HEADER);
  }

  /** To wait on with {@code Poll.IN}; stays owned by this object. */
  Fd fd() {
    return socket.fd();
  }

  /** Asks for the sizes of its windows; false where it cannot be asked. */
  boolean askDisplayInfo() {
    if (!isIdle()) {
      asks = true; // not into the middle of a message
      return true;
    }
    question.set(INT, 0, GET_DISPLAY_INFO);
    question.set(INT, 4, 0);
    question.set(INT, 8, 0);
    return socket.send(question, 0, HEADER) == HEADER;
  }

  /** Whether the last message has gone, as a whole; where not, {@link #goOn} when there is room. */
  boolean isIdle() {
    return outgoing == null;
  }

  /**
   * Begins to send; the last message has gone.
   *
   * @param message room for the header, and {@code length} bytes behind it; not to be changed until
   *     it has gone
   */
  void send(int request, MemorySegment message, int length) {
    message.set(INT, 0, request);
    message.set(INT, 4, 0);
    message.set(INT, 8, length);
    outgoing = message;
    sent = 0;
    outgoingBytes = HEADER + (long) length;
    goOn();
  }

  /** Sends what QEMU has room for. */
  void goOn() {
    while (outgoing != null) {
      long r = socket.send(outgoing, sent, outgoingBytes - sent);
      if (r < 0 && (Errno.EAGAIN.is((int) r) || Errno.EINTR.is((int) r))) {
        return;
      }
      sent += Math.max(0, r);
      if (r < 0 || sent == outgoingBytes) {
        outgoing = null; // gone; or nobody is there, of which receive tells
      }
    }
    if (asks) {
      asks = false;
      boolean ignored = askDisplayInfo(); // no answer: the guest's question has a limit
    }
  }

  /**
   * Reads what is there.
   *
   * @return false when QEMU has closed its end, or says what makes no sense
   */
  boolean receive() throws IOException {
    while (true) {
      while (into.remaining() > 0) {
        int r = (int) socket.receive(into);
        if (Errno.EAGAIN.is(r) || Errno.EINTR.is(r)) {
          return true;
        }
        if (r <= 0) {
          return false;
        }
      }
      socket.discardFds();
      int size = incoming.get(INT, 8);
      if (!inPayload) {
        if (size < 0 || size > MAX_PAYLOAD) {
          LOG.warn("QEMU's display sent {} bytes at once", Integer.toUnsignedLong(size));
          return false;
        }
        inPayload = true;
        into.clear();
        into.add(incoming, HEADER, size);
        if (size > 0) {
          continue;
        }
      }
      if (incoming.get(INT, 0) == GET_DISPLAY_INFO && size >= GpuProtocol.DISPLAY_INFO_SIZE) {
        answers.displayInfo(payload);
      }
      inPayload = false;
      into.clear();
      into.add(incoming, 0, HEADER);
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
