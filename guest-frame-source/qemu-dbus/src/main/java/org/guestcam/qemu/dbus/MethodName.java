// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * A method as a message's header names it.
 *
 * @param interfaceName its interface, ASCII
 * @param member its name, ASCII
 * @param signature the types of its arguments, ASCII
 */
public record MethodName(
    MemorySegment interfaceName, MemorySegment member, MemorySegment signature) {
  /** From strings. */
  public static MethodName of(String interfaceName, String member, String signature) {
    return new MethodName(ascii(interfaceName), ascii(member), ascii(signature));
  }

  private static MemorySegment ascii(String text) {
    return MemorySegment.ofArray(text.getBytes(StandardCharsets.US_ASCII)).asReadOnly();
  }
}
