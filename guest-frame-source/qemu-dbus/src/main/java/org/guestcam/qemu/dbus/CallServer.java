// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import org.guestcam.uapi.UnixSocket;

/**
 * The serving end of a peer-to-peer connection: the peer calls, we answer. One thread uses it; it
 * reads each call's body before the next call. Owns its socket.
 */
public final class CallServer implements AutoCloseable {
  private static final ValueLayout.OfInt INT = JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final WireSocket socket;
  private final MessageHeader header = new MessageHeader();

  /** An answer without values: 12 the fields' 8 bytes | 16 field 5 of type u | 20 its value. */
  private final MemorySegment emptyReturn = Arena.ofAuto().allocate(24, 8);

  private CallServer(WireSocket socket) {
    this.socket = socket;
    byte[] start = {'l', MessageHeader.RETURN, MessageHeader.NO_REPLY_EXPECTED, 1};
    MemorySegment.copy(start, 0, emptyReturn, JAVA_BYTE, 0, start.length);
    emptyReturn.set(INT, 12, 8);
    byte[] replySerial = {5, 1, 'u', 0};
    MemorySegment.copy(replySerial, 0, emptyReturn, JAVA_BYTE, 16, replySerial.length);
  }

  /**
   * Authenticates as the client, which is what QEMU expects of a listener.
   *
   * @param socket taken over
   * @param patience nanoseconds that the peer may take for one message
   */
  public static CallServer over(UnixSocket socket, long patience) throws IOException {
    WireSocket wire = new WireSocket(socket, patience);
    try {
      Authentication.authenticate(wire);
      return new CallServer(wire);
    } catch (IOException | RuntimeException e) {
      wire.close();
      throw e;
    }
  }

  /** The socket, to read bodies from and to wait on; stays owned by this object. */
  public WireSocket socket() {
    return socket;
  }

  /** The header of the message that {@link #next} read. */
  public MessageHeader header() {
    return header;
  }

  /**
   * Reads the next header, waiting for it.
   *
   * @return false where the peer has closed the connection
   */
  public boolean next() throws IOException {
    return socket.readHeader(header);
  }

  /**
   * Answers a call without values; allocates nothing.
   *
   * @param serial the call's; 0 for one that wants no answer
   */
  public void answer(int serial) throws IOException {
    if (serial != 0) {
      emptyReturn.set(INT, 8, socket.nextSerial());
      emptyReturn.set(INT, 20, serial);
      socket.send(emptyReturn);
    }
  }

  /** The serial for {@link #answer} of the current message: 0 where it wants no answer. */
  public int serialToAnswer() {
    return header.expectsReply() ? header.serial() : 0;
  }

  /** Answers the current call with values. */
  public void answer(String signature, List<?> values) throws IOException {
    if (header.expectsReply()) {
      int serial = socket.nextSerial();
      socket.send(
          Message.marshalReturn(serial, header.serial(), header.sender(), signature, values));
    }
  }

  /** Refuses the current call. */
  public void refuse(String error, String message) throws IOException {
    if (header.expectsReply()) {
      int serial = socket.nextSerial();
      socket.send(Message.marshalError(serial, header.serial(), header.sender(), error, message));
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
