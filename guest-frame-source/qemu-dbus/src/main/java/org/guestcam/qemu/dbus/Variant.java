// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

/**
 * A value that says its own type.
 *
 * @param signature one complete type
 * @param value as {@link WireReader#value} makes it
 */
public record Variant(String signature, Object value) {
  /** A string in a variant. */
  public static Variant ofString(String text) {
    return new Variant("s", text);
  }
}
