// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import java.io.IOException;

/** The guest, or its monitor, broke a rule that the device cannot go on without. */
public final class HostileGuestException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says which rule, and the value that broke it. */
  public HostileGuestException(String message) {
    super(message);
  }
}
