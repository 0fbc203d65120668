// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.io.IOException;

/** The peer refused a call. */
public final class CallException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String name;

  CallException(String name, String message) {
    super(message.isEmpty() ? name : message + " (" + name + ")");
    this.name = name;
  }

  /** The same refusal, with the method that was refused. */
  CallException of(String method) {
    return new CallException(this, method);
  }

  private CallException(CallException refusal, String method) {
    super(method + ": " + refusal.getMessage());
    this.name = refusal.name;
    initCause(refusal);
  }

  /** The error's name, as {@code org.freedesktop.DBus.Error.UnknownObject}. */
  public String name() {
    return name;
  }
}
