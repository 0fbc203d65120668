// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

/**
 * The grammar of type signatures. A signature comes from the peer: it has at most 255 bytes, and
 * arrays and structs are nested at most 32 deep each.
 */
final class Signature {
  /** Bytes of the longest signature. */
  static final int MAX_LENGTH = 255;

  private static final int MAX_NESTING = 32;
  private static final String FIXED_OR_STRING = "ybnqiuxtdhsog";

  private Signature() {}

  /**
   * Where the complete type that begins at {@code from} ends.
   *
   * @throws WireException where none begins there
   */
  static int end(String signature, int from) throws WireException {
    return end(signature, from, 0, 0);
  }

  /** Refuses what is not a row of complete types. */
  static void require(String signature) throws WireException {
    if (signature.length() > MAX_LENGTH) {
      throw new WireException("a signature of " + signature.length() + " bytes");
    }
    for (int at = 0; at < signature.length(); ) {
      at = end(signature, at);
    }
  }

  private static int end(String signature, int from, int arrays, int structs) throws WireException {
    char type = at(signature, from);
    if (type == 'v' || FIXED_OR_STRING.indexOf(type) >= 0) {
      return from + 1;
    }
    if (type == 'a') {
      if (arrays == MAX_NESTING) {
        throw wrong(signature, "arrays are nested too deep");
      }
      if (at(signature, from + 1) == '{') {
        int key = from + 2;
        if (FIXED_OR_STRING.indexOf(at(signature, key)) < 0) {
          throw wrong(signature, "a dictionary's key is not of a basic type");
        }
        int end = end(signature, key + 1, arrays + 1, structs + 1);
        if (at(signature, end) != '}') {
          throw wrong(signature, "a dictionary's entry has not exactly two types");
        }
        return end + 1;
      }
      return end(signature, from + 1, arrays + 1, structs);
    }
    if (type == '(') {
      if (structs == MAX_NESTING) {
        throw wrong(signature, "structs are nested too deep");
      }
      int end = from + 1;
      do {
        end = end(signature, end, arrays, structs + 1);
      } while (at(signature, end) != ')');
      return end + 1;
    }
    throw wrong(signature, "'" + type + "' is no type");
  }

  private static char at(String signature, int index) throws WireException {
    if (index >= signature.length()) {
      throw wrong(signature, "it ends within a type");
    }
    return signature.charAt(index);
  }

  private static WireException wrong(String signature, String why) {
    return new WireException("the signature '" + printable(signature) + "' is wrong: " + why);
  }

  private static String printable(String text) {
    return text.replaceAll("[^ -~]", "?");
  }

  /** Multiple of bytes at which values of a type begin. */
  static int alignment(char type) throws WireException {
    return switch (type) {
      case 'y', 'g', 'v' -> 1;
      case 'n', 'q' -> 2;
      case 'b', 'i', 'u', 's', 'o', 'a', 'h' -> 4;
      case 'x', 't', 'd', '(', '{' -> 8;
      default -> throw new WireException("'" + type + "' is no type");
    };
  }
}
