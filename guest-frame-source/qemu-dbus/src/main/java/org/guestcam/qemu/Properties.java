// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.Map;
import org.guestcam.qemu.dbus.Variant;

/** Values of an answer to GetAll, whatever the peer put there. */
final class Properties {
  private Properties() {}

  /** The value, or null. */
  static Object get(Map<?, ?> properties, String name) {
    return properties.get(name) instanceof Variant variant ? variant.value() : null;
  }

  /** The string, or "". */
  static String text(Map<?, ?> properties, String name) {
    return get(properties, name) instanceof String text ? text : "";
  }

  /** The number, or 0. */
  static int number(Map<?, ?> properties, String name) {
    return get(properties, name) instanceof Long number ? (int) (long) number : 0;
  }
}
