// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;

/**
 * An event channel of a guest cannot be bound, or is no more. Its display is closed until its
 * driver begins anew; nobody is to blame.
 */
final class LostChannelException extends IOException {
  private static final long serialVersionUID = 1L;

  LostChannelException(String message, IOException cause) {
    super(message + ": " + cause.getMessage(), cause);
  }
}
