// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.util.List;

/** What goes over a connection now and then, as objects; pictures do not pass here. */
public sealed interface Message {
  /**
   * A call of a method.
   *
   * @param destination who shall answer, on a bus; "" from peer to peer
   * @param signature the types of {@code arguments}
   */
  record Call(
      String destination,
      String path,
      String interfaceName,
      String member,
      String signature,
      List<Object> arguments)
      implements Message {
    /** A call without arguments. */
    public static Call of(String destination, String path, String interfaceName, String member) {
      return new Call(destination, path, interfaceName, member, "", List.of());
    }

    /** The same with arguments. */
    public Call with(String types, Object... values) {
      return new Call(destination, path, interfaceName, member, types, List.of(values));
    }
  }

  /** News from the peer. */
  record Signal(
      String sender, String path, String interfaceName, String member, List<Object> arguments)
      implements Message {}

  /** A call of ours, ready to be sent. */
  static byte[] marshal(Call call, int serial, int fds) throws WireException {
    WireWriter body = new WireWriter().writeValues(call.signature(), call.arguments());
    WireWriter header = begin(MessageHeader.CALL, 0, body.length(), serial);
    field(header, 1, "o", call.path());
    field(header, 2, "s", call.interfaceName());
    field(header, 3, "s", call.member());
    if (!call.destination().isEmpty()) {
      field(header, 6, "s", call.destination());
    }
    return end(header, call.signature(), fds, body);
  }

  /** The answer to a call of the peer. */
  static byte[] marshalReturn(
      int serial, int replyTo, String destination, String signature, List<?> values)
      throws WireException {
    WireWriter body = new WireWriter().writeValues(signature, values);
    WireWriter header =
        begin(MessageHeader.RETURN, MessageHeader.NO_REPLY_EXPECTED, body.length(), serial);
    field(header, 5, "u", replyTo);
    if (!destination.isEmpty()) {
      field(header, 6, "s", destination);
    }
    return end(header, signature, 0, body);
  }

  /** The refusal of a call of the peer. */
  static byte[] marshalError(
      int serial, int replyTo, String destination, String name, String message)
      throws WireException {
    WireWriter body = new WireWriter().writeString(message);
    WireWriter header =
        begin(MessageHeader.ERROR, MessageHeader.NO_REPLY_EXPECTED, body.length(), serial);
    field(header, 4, "s", name);
    field(header, 5, "u", replyTo);
    if (!destination.isEmpty()) {
      field(header, 6, "s", destination);
    }
    return end(header, "s", 0, body);
  }

  private static WireWriter begin(int type, int flags, int bodyLength, int serial) {
    return new WireWriter()
        .writeByte('l')
        .writeByte(type)
        .writeByte(flags)
        .writeByte(1)
        .writeInt(bodyLength)
        .writeInt(serial)
        .writeInt(0); // the length of the fields, once it is known
  }

  private static void field(WireWriter header, int code, String type, Object value)
      throws WireException {
    header.align(8).writeByte(code).writeSignature(type).writeValues(type, List.of(value));
  }

  private static byte[] end(WireWriter header, String signature, int fds, WireWriter body)
      throws WireException {
    if (!signature.isEmpty()) {
      field(header, 8, "g", signature);
    }
    if (fds > 0) {
      field(header, 9, "u", fds);
    }
    header.putInt(12, header.length() - MessageHeader.FIXED);
    return header.align(8).writeBytes(body.toBytes()).toBytes();
  }
}
