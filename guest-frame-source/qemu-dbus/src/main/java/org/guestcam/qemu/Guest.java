// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.List;

/**
 * A guest whose display QEMU offers.
 *
 * @param name as QEMU's {@code -name} gives it; not unique
 * @param uuid as {@code -uuid} gives it; zeros where QEMU was given none
 * @param owner its unique name on the bus, or "" from peer to peer
 * @param consoles the numbers of its consoles
 */
record Guest(String name, String uuid, String owner, List<Integer> consoles) {
  private static final String ROOT = "/org/qemu/Display1";

  /** The object of the guest. */
  static final String VM_PATH = ROOT + "/VM";

  /** The interface of {@link #VM_PATH}. */
  static final String VM = "org.qemu.Display1.VM";

  /** The interface of a console. */
  static final String CONSOLE = "org.qemu.Display1.Console";

  /** The object of a console. */
  static String consolePath(int console) {
    return ROOT + "/Console_" + console;
  }

  /** Whether the user means this one. */
  boolean isCalled(String wanted) {
    return wanted.isEmpty() || wanted.equals(name) || wanted.equalsIgnoreCase(uuid);
  }

  @Override
  public String toString() {
    return "'" + name + "' (UUID " + uuid + ", consoles " + consoles + ")";
  }
}
