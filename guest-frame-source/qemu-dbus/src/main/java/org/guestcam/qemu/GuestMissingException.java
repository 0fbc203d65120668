// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;

/** The guest that the user named is not there; the message says which are. */
final class GuestMissingException extends IOException {
  private static final long serialVersionUID = 1L;

  GuestMissingException(String message) {
    super(message);
  }
}
