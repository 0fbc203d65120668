// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

/**
 * A stamp's bits: frame number, timestamp, check sum, the highest bit of each first. The check sum
 * is CRC-16/CCITT-FALSE, which starts from ones: neither a black nor a white picture is a stamp.
 */
final class StampCode {
  /** Bits of one stamp. */
  static final int BITS = 64 + 64 + 16;

  private static final int POLYNOMIAL = 0x1021;

  private final byte[] bytes = new byte[BITS / 8];

  /** Makes it the code of these numbers. */
  void set(long frame, long timestampNanos) {
    putLong(0, frame);
    putLong(8, timestampNanos);
    int crc = crc();
    bytes[16] = (byte) (crc >> 8);
    bytes[17] = (byte) crc;
  }

  /** One bit, 0 or 1. */
  int bit(int index) {
    return (bytes[index >> 3] >> (7 - (index & 7))) & 1;
  }

  /** Sets one bit, as it was read from a picture. */
  void setBit(int index, boolean one) {
    int mask = 0x80 >> (index & 7);
    bytes[index >> 3] = (byte) (one ? (bytes[index >> 3] | mask) : (bytes[index >> 3] & ~mask));
  }

  /** Whether the check sum is right. */
  boolean isValid() {
    return crc() == ((bytes[16] & 0xff) << 8 | (bytes[17] & 0xff));
  }

  /** The frame's number. */
  long frame() {
    return getLong(0);
  }

  /** CLOCK_MONOTONIC nanoseconds. */
  long timestampNanos() {
    return getLong(8);
  }

  private void putLong(int at, long value) {
    for (int i = 0; i < 8; i++) {
      bytes[at + i] = (byte) (value >> (56 - 8 * i));
    }
  }

  private long getLong(int at) {
    long value = 0;
    for (int i = 0; i < 8; i++) {
      value = value << 8 | (bytes[at + i] & 0xff);
    }
    return value;
  }

  private int crc() {
    int crc = 0xffff;
    for (int i = 0; i < 16; i++) {
      crc ^= (bytes[i] & 0xff) << 8;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 0x8000) != 0 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
      }
    }
    return crc & 0xffff;
  }
}
