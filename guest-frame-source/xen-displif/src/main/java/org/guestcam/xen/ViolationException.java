// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;

/** A guest broke the protocol in a way that no driver does: its display is closed. */
final class ViolationException extends IOException {
  private static final long serialVersionUID = 1L;

  ViolationException(String message) {
    super(message);
  }
}
