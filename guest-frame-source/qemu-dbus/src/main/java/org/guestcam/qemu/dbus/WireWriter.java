// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Marshals values, little-endian. For the small messages that we send now and then. */
public final class WireWriter {
  private byte[] bytes = new byte[256];
  private int length;

  /** A writer without bytes. */
  public WireWriter() {}

  /** Bytes written. */
  public int length() {
    return length;
  }

  /** What was written. */
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  /** Zeros up to a multiple of {@code alignment}. */
  public WireWriter align(int alignment) {
    while (length % alignment != 0) {
      writeByte(0);
    }
    return this;
  }

  /** Type y. */
  public WireWriter writeByte(int value) {
    if (length == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * length);
    }
    bytes[length++] = (byte) value;
    return this;
  }

  /** Types n and q. */
  public WireWriter writeShort(int value) {
    align(2);
    return writeByte(value).writeByte(value >> 8);
  }

  /** Types i, u, h. */
  public WireWriter writeInt(int value) {
    align(4);
    int at = length;
    for (int i = 0; i < 4; i++) {
      writeByte(0);
    }
    putInt(at, value);
    return this;
  }

  /** Types x, t. */
  public WireWriter writeLong(long value) {
    align(8);
    return writeInt((int) value).writeInt((int) (value >> 32));
  }

  /** Types s and o. */
  public WireWriter writeString(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    writeInt(utf8.length);
    return writeBytes(utf8).writeByte(0);
  }

  /** Type g. */
  public WireWriter writeSignature(String value) {
    byte[] ascii = value.getBytes(StandardCharsets.US_ASCII);
    return writeByte(ascii.length).writeBytes(ascii).writeByte(0);
  }

  /** The bytes as they are. */
  public WireWriter writeBytes(byte[] value) {
    for (byte b : value) {
      writeByte(b);
    }
    return this;
  }

  /** Puts an int where one was written before. */
  void putInt(int at, int value) {
    for (int i = 0; i < 4; i++) {
      bytes[at + i] = (byte) (value >> (8 * i));
    }
  }

  /** Values of a signature, in the classes that {@link WireReader#value} makes. */
  public WireWriter writeValues(String signature, List<?> values) throws WireException {
    int index = 0;
    for (int i = 0; i < signature.length(); ) {
      int next = Signature.end(signature, i);
      writeValue(signature.substring(i, next), values.get(index++));
      i = next;
    }
    if (index != values.size()) {
      throw new IllegalArgumentException(values.size() + " values for '" + signature + "'");
    }
    return this;
  }

  private void writeValue(String type, Object value) throws WireException {
    switch (type.charAt(0)) {
      case 'y' -> writeByte(number(value).intValue());
      case 'b' -> writeInt((Boolean) value ? 1 : 0);
      case 'n', 'q' -> writeShort(number(value).intValue());
      case 'i', 'u', 'h' -> writeInt(number(value).intValue());
      case 'x', 't' -> writeLong(number(value).longValue());
      case 'd' -> writeLong(Double.doubleToLongBits((Double) value));
      case 's', 'o' -> writeString((String) value);
      case 'g' -> writeSignature((String) value);
      case 'v' -> {
        Variant variant = (Variant) value;
        writeSignature(variant.signature());
        writeValue(variant.signature(), variant.value());
      }
      case '(' -> {
        align(8);
        writeValues(type.substring(1, type.length() - 1), (List<?>) value);
      }
      case 'a' -> writeArray(type.substring(1), value);
      default -> throw new IllegalArgumentException("the type '" + type + "'");
    }
  }

  private static Number number(Object value) {
    return (Number) value;
  }

  private void writeArray(String element, Object value) throws WireException {
    writeInt(0);
    int lengthAt = length - 4;
    align(Signature.alignment(element.charAt(0)));
    int start = length;
    if (value instanceof byte[] raw) {
      writeBytes(raw);
    } else if (value instanceof Map<?, ?> map) {
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        align(8);
        writeValue(element.substring(1, 2), entry.getKey());
        writeValue(element.substring(2, element.length() - 1), entry.getValue());
      }
    } else {
      for (Object item : (List<?>) value) {
        writeValue(element, item);
      }
    }
    putInt(lengthAt, length - start);
  }
}
