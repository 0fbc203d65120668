// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads marshalled values from a message that is in memory as a whole, and refuses everything that
 * D-Bus does not allow: bytes past the end, padding that is not zero, lengths over the limits,
 * strings that are not UTF-8. The single values are read without allocating.
 */
public final class WireReader {
  /** Bytes of the longest array. */
  public static final int MAX_ARRAY = 1 << 26;

  private static final int MAX_VARIANTS = 16;

  private MemorySegment bytes = MemorySegment.ofArray(new byte[0]);
  private long start;
  private long at;
  private long end;
  private boolean swapped;
  private int variants;

  /** A reader of nothing. */
  public WireReader() {}

  /**
   * Reads from here on.
   *
   * @param start of what alignment is counted from: the message's or the body's first byte
   * @param end behind the last byte that may be read
   * @param big whether the sender is big-endian; else it is little-endian
   */
  public WireReader set(MemorySegment from, long start, long end, boolean big) {
    if (start < 0 || start > end || end > from.byteSize()) {
      throw new IndexOutOfBoundsException(start + " to " + end + " of " + from.byteSize());
    }
    this.bytes = from;
    this.start = start;
    this.at = start;
    this.end = end;
    this.swapped = big == (java.nio.ByteOrder.nativeOrder() == java.nio.ByteOrder.LITTLE_ENDIAN);
    this.variants = 0;
    return this;
  }

  /** Bytes read since {@code start}. */
  public long position() {
    return at - start;
  }

  /** Whether everything was read. */
  public boolean isAtEnd() {
    return at == end;
  }

  /** Skips to a multiple of {@code alignment}. */
  public void align(int alignment) throws WireException {
    while ((at - start) % alignment != 0) {
      require(1);
      if (bytes.get(JAVA_BYTE, at++) != 0) {
        throw new WireException("the padding at byte " + (at - 1 - start) + " is not zero");
      }
    }
  }

  private void require(long count) throws WireException {
    if (count > end - at) {
      throw new WireException(
          "a value of " + count + " bytes at byte " + (at - start) + " reaches past the end");
    }
  }

  /** Type y. */
  public int readByte() throws WireException {
    require(1);
    return bytes.get(JAVA_BYTE, at++) & 0xff;
  }

  /** Types n and q, the sign kept. */
  public short readShort() throws WireException {
    align(2);
    require(2);
    short value = bytes.get(JAVA_SHORT_UNALIGNED, at);
    at += 2;
    return swapped ? Short.reverseBytes(value) : value;
  }

  /** Types i, u and h; a u over 2^31 reads as negative. */
  public int readInt() throws WireException {
    align(4);
    require(4);
    int value = bytes.get(JAVA_INT_UNALIGNED, at);
    at += 4;
    return swapped ? Integer.reverseBytes(value) : value;
  }

  /** Types x, t and the bits of d. */
  public long readLong() throws WireException {
    align(8);
    require(8);
    long value = bytes.get(JAVA_LONG_UNALIGNED, at);
    at += 8;
    return swapped ? Long.reverseBytes(value) : value;
  }

  /** Type b. */
  public boolean readBoolean() throws WireException {
    int value = readInt();
    if (value != 0 && value != 1) {
      throw new WireException("a boolean of " + Integer.toUnsignedString(value));
    }
    return value == 1;
  }

  /** Type s, and o without its grammar. */
  public String readString() throws WireException {
    int length = readInt();
    return text(length);
  }

  /** Type g. */
  public String readSignature() throws WireException {
    String signature = text(readByte());
    Signature.require(signature);
    return signature;
  }

  private String text(int length) throws WireException {
    if (length < 0 || length >= MAX_ARRAY) {
      throw new WireException("a string of " + Integer.toUnsignedLong(length) + " bytes");
    }
    require(length + 1L);
    ByteBuffer utf8 = bytes.asSlice(at, length).asByteBuffer();
    if (bytes.get(JAVA_BYTE, at + length) != 0) {
      throw new WireException("a string does not end with a zero byte");
    }
    at += length + 1L;
    try {
      String value = StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
      if (value.indexOf('\0') >= 0) {
        throw new WireException("a string has a zero byte in it");
      }
      return value;
    } catch (CharacterCodingException e) {
      throw new WireException("a string is not UTF-8");
    }
  }

  /**
   * The length of an array, whose elements follow.
   *
   * @param elementAlignment of the element type
   * @return bytes, all of which are there
   */
  public int readArrayLength(int elementAlignment) throws WireException {
    int length = readDeclaredArrayLength();
    align(elementAlignment);
    require(length);
    return length;
  }

  /** As the other for bytes that need not be in memory: only checked against D-Bus's limit. */
  public int readDeclaredArrayLength() throws WireException {
    int length = readInt();
    if (length < 0 || length > MAX_ARRAY) {
      throw new WireException("an array of " + Integer.toUnsignedLong(length) + " bytes");
    }
    return length;
  }

  /** All values of a signature. */
  public List<Object> values(String signature) throws WireException {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < signature.length(); ) {
      int next = Signature.end(signature, i);
      values.add(value(signature.substring(i, next)));
      i = next;
    }
    return values;
  }

  /**
   * One value as an object: y, n, q, i as Integer; u, x, t as Long (t by its bits); h as Integer;
   * b, d as Boolean, Double; s, o, g as String; v as {@link Variant}; ay as byte[]; a{..} as Map;
   * other arrays and structs as List.
   *
   * @param type one complete type
   */
  public Object value(String type) throws WireException {
    return switch (type.charAt(0)) {
      case 'y' -> readByte();
      case 'b' -> readBoolean();
      case 'n' -> (int) readShort();
      case 'q' -> readShort() & 0xffff;
      case 'i', 'h' -> readInt();
      case 'u' -> Integer.toUnsignedLong(readInt());
      case 'x', 't' -> readLong();
      case 'd' -> Double.longBitsToDouble(readLong());
      case 's', 'o' -> readString();
      case 'g' -> readSignature();
      case 'v' -> variant();
      case 'a' -> array(type.substring(1));
      case '(' -> {
        align(8);
        yield values(type.substring(1, type.length() - 1));
      }
      default -> throw new WireException("the type '" + type + "'");
    };
  }

  private Variant variant() throws WireException {
    String signature = readSignature();
    if (signature.isEmpty() || Signature.end(signature, 0) != signature.length()) {
      throw new WireException("a variant of the types '" + signature + "'");
    }
    if (++variants > MAX_VARIANTS) {
      throw new WireException("variants are nested too deep");
    }
    Variant value = new Variant(signature, value(signature));
    variants--;
    return value;
  }

  private Object array(String element) throws WireException {
    int length = readArrayLength(Signature.alignment(element.charAt(0)));
    long stop = at + length;
    if (element.equals("y")) {
      byte[] copy = bytes.asSlice(at, length).toArray(JAVA_BYTE);
      at = stop;
      return copy;
    }
    long outer = end;
    end = stop; // no element reaches past its array
    try {
      if (element.charAt(0) == '{') {
        return entries(element);
      }
      List<Object> values = new ArrayList<>();
      while (at < stop) {
        values.add(value(element));
      }
      return values;
    } finally {
      end = outer;
    }
  }

  private Map<Object, Object> entries(String element) throws WireException {
    String key = element.substring(1, 2);
    String value = element.substring(2, element.length() - 1);
    Map<Object, Object> map = new LinkedHashMap<>();
    while (at < end) {
      align(8);
      Object name = value(key);
      map.put(name, value(value));
    }
    return map;
  }
}
