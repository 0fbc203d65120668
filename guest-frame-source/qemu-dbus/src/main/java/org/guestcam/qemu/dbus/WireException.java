// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.io.IOException;

/** The peer sent what D-Bus does not allow; the message says what. The connection is of no use. */
public final class WireException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says what is wrong. */
  public WireException(String message) {
    super(message);
  }
}
