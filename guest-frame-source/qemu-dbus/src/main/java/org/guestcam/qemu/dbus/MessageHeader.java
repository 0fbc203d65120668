// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * The header of one message, parsed where it was received. Reused for every message; a method call
 * of the kind that comes with each frame is recognized without making a string of it.
 *
 * <pre>
 *   0 'l' or 'B' | 1 type | 2 flags | 3 version 1 | 4 u32 body length | 8 u32 serial
 *   12 u32 length of the fields | 16 the fields, a(yv) | padding to a multiple of 8 | the body
 * </pre>
 */
public final class MessageHeader {
  /** Bytes before the fields: what must be read to know how long the rest is. */
  public static final int FIXED = 16;

  /** Bytes of the longest message, header and body together. */
  public static final int MAX_MESSAGE = 1 << 27;

  /** Our own limit, far above what real messages have. */
  static final int MAX_HEADER = 1 << 14;

  /** A method call. */
  public static final int CALL = 1;

  /** The answer to a call. */
  public static final int RETURN = 2;

  /** The refusal of a call. */
  public static final int ERROR = 3;

  /** News. */
  public static final int SIGNAL = 4;

  /** Flag: the caller wants no answer. */
  static final int NO_REPLY_EXPECTED = 1;

  private static final int PATH = 1;
  private static final int INTERFACE = 2;
  private static final int MEMBER = 3;
  private static final int ERROR_NAME = 4;
  private static final int REPLY_SERIAL = 5;
  private static final int SENDER = 7;
  private static final int SIGNATURE = 8;
  private static final int UNIX_FDS = 9;
  private static final int FIELDS = 10;
  private static final String TYPES = " osssussgu"; // of the fields, by their codes

  private final MemorySegment bytes = Arena.ofAuto().allocate(MAX_HEADER, 8);
  private final WireReader reader = new WireReader();
  private final int[] offset = new int[FIELDS];
  private final int[] length = new int[FIELDS];
  private boolean big;
  private int type;
  private int flags;
  private int serial;
  private int bodyLength;
  private int size;
  private int replySerial;
  private int fds;

  /** A header of nothing. */
  public MessageHeader() {}

  /** Where the header's bytes are received. */
  public MemorySegment bytes() {
    return bytes;
  }

  /**
   * Reads the first {@link #FIXED} bytes.
   *
   * @return the bytes of the whole header with its padding
   */
  public int parseFixed() throws WireException {
    byte order = bytes.get(JAVA_BYTE, 0);
    if (order != 'l' && order != 'B') {
      throw new WireException("a message begins with the byte " + (order & 0xff));
    }
    big = order == 'B';
    reader.set(bytes, 0, FIXED, big);
    reader.readByte();
    type = reader.readByte();
    flags = reader.readByte();
    int version = reader.readByte();
    if (type == 0 || version != 1) {
      throw new WireException("a message of type " + type + " and version " + version);
    }
    bodyLength = reader.readInt();
    serial = reader.readInt();
    int fields = reader.readInt();
    if (serial == 0) {
      throw new WireException("a message with the serial 0");
    }
    if (fields < 0 || fields > MAX_HEADER - FIXED - 8) {
      throw new WireException("a header of " + Integer.toUnsignedString(fields) + " bytes");
    }
    size = (FIXED + fields + 7) & ~7;
    if (bodyLength < 0 || bodyLength > MAX_MESSAGE - size) {
      throw new WireException("a message of " + Integer.toUnsignedLong(bodyLength) + " bytes");
    }
    return size;
  }

  /** Reads the fields: all bytes of the header are there. */
  public void parseFields() throws WireException {
    for (int i = 0; i < FIELDS; i++) {
      offset[i] = -1;
      length[i] = 0;
    }
    fds = 0;
    replySerial = 0;
    int end = FIXED + fieldsLength();
    reader.set(bytes, 0, end, big);
    for (int i = 0; i < FIXED; i++) {
      skipByte();
    }
    while (!reader.isAtEnd()) {
      reader.align(8);
      int code = reader.readByte();
      if (code > 0 && code < FIELDS) {
        parseField(code);
      } else if (code == 0) {
        throw new WireException("a header field with the code 0");
      } else {
        reader.value("v"); // of a later version of D-Bus
      }
    }
    for (int i = end; i < size; i++) {
      if (bytes.get(JAVA_BYTE, i) != 0) {
        throw new WireException("the padding behind the header is not zero");
      }
    }
    requireFields();
  }

  private void skipByte() throws WireException {
    reader.readByte();
  }

  private int fieldsLength() {
    int value = bytes.get(JAVA_INT, 12);
    return isSwapped() ? Integer.reverseBytes(value) : value;
  }

  private boolean isSwapped() {
    return big == (java.nio.ByteOrder.nativeOrder() == java.nio.ByteOrder.LITTLE_ENDIAN);
  }

  private void parseField(int code) throws WireException {
    char expected = TYPES.charAt(code);
    if (reader.readByte() != 1 || reader.readByte() != expected || reader.readByte() != 0) {
      throw new WireException("the header field " + code + " is not of the type " + expected);
    }
    if (offset[code] >= 0) {
      throw new WireException("the header field " + code + " comes twice");
    }
    if (expected == 'u') {
      int value = reader.readInt();
      offset[code] = (int) reader.position();
      if (code == REPLY_SERIAL) {
        replySerial = value;
      } else if (code == UNIX_FDS && value < 0) {
        throw new WireException("a message with " + Integer.toUnsignedString(value) + " fds");
      } else {
        fds = value;
      }
      return;
    }
    int bytesOfText = expected == 'g' ? reader.readByte() : reader.readInt();
    long from = reader.position();
    if (bytesOfText < 0 || bytesOfText > MAX_HEADER) {
      throw new WireException(
          "a header field of " + Integer.toUnsignedLong(bytesOfText) + " bytes");
    }
    for (int i = 0; i < bytesOfText; i++) {
      int c = reader.readByte();
      if (c < ' ' || c > '~') { // names, paths and signatures are ASCII
        throw new WireException("the header field " + code + " has the byte " + c + " in it");
      }
    }
    if (reader.readByte() != 0) {
      throw new WireException("the header field " + code + " does not end with a zero byte");
    }
    offset[code] = (int) from;
    length[code] = bytesOfText;
  }

  private void requireFields() throws WireException {
    boolean complete =
        switch (type) {
          case CALL -> offset[PATH] >= 0 && offset[MEMBER] >= 0;
          case RETURN -> offset[REPLY_SERIAL] >= 0;
          case ERROR -> offset[REPLY_SERIAL] >= 0 && offset[ERROR_NAME] >= 0;
          case SIGNAL -> offset[PATH] >= 0 && offset[INTERFACE] >= 0 && offset[MEMBER] >= 0;
          default -> true; // to be ignored
        };
    if (!complete) {
      throw new WireException("a message of type " + type + " lacks a header field");
    }
    if (bodyLength > 0 && length[SIGNATURE] == 0) {
      throw new WireException("a body of " + bodyLength + " bytes has no signature");
    }
  }

  /** {@link #CALL}, {@link #RETURN}, {@link #ERROR}, {@link #SIGNAL}, or one to ignore. */
  public int type() {
    return type;
  }

  /** Whether the sender is big-endian. */
  public boolean isBigEndian() {
    return big;
  }

  /** Whether a call is to be answered. */
  public boolean expectsReply() {
    return type == CALL && (flags & NO_REPLY_EXPECTED) == 0;
  }

  /** The sender's number of the message. */
  public int serial() {
    return serial;
  }

  /** The number of the call that this answers. */
  public int replySerial() {
    return replySerial;
  }

  /** Bytes behind the header, at most 128 MiB. */
  public int bodyLength() {
    return bodyLength;
  }

  /** File descriptors that the sender says it sent. */
  public int fds() {
    return fds;
  }

  /** The object, or "". */
  public String path() {
    return text(PATH);
  }

  /** The interface, or "". */
  public String interfaceName() {
    return text(INTERFACE);
  }

  /** The method or signal, or "". */
  public String member() {
    return text(MEMBER);
  }

  /** Who sent it, on a bus; or "". */
  public String sender() {
    return text(SENDER);
  }

  /** The name of an error, or "". */
  public String errorName() {
    return text(ERROR_NAME);
  }

  /** The body's types, not checked; or "". */
  public String signature() {
    return text(SIGNATURE);
  }

  private String text(int field) {
    if (offset[field] < 0) {
      return "";
    }
    byte[] ascii = new byte[length[field]];
    MemorySegment.copy(bytes, JAVA_BYTE, offset[field], ascii, 0, ascii.length);
    return new String(ascii, StandardCharsets.US_ASCII);
  }

  /** Whether the method has this name and the body these types; allocates nothing. */
  public boolean isCall(MethodName method) {
    return type == CALL
        && equal(MEMBER, method.member())
        && equal(SIGNATURE, method.signature())
        && (offset[INTERFACE] < 0 || equal(INTERFACE, method.interfaceName()));
  }

  private boolean equal(int field, MemorySegment ascii) {
    return length[field] == ascii.byteSize()
        && MemorySegment.mismatch(
                bytes,
                Math.max(0, offset[field]),
                Math.max(0, offset[field]) + (long) length[field],
                ascii,
                0,
                ascii.byteSize())
            < 0;
  }
}
