// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import org.guestcam.uapi.Errno;

/** A request is refused: the guest gets an error number, and may go on. */
final class RefusedException extends IOException {
  private static final long serialVersionUID = 1L;
  private final Errno errno;

  RefusedException(Errno errno, String message) {
    super(message);
    this.errno = errno;
  }

  RefusedException(Errno errno, String message, Throwable cause) {
    super(message, cause);
    this.errno = errno;
  }

  /** Xen's error numbers are Linux's. */
  Errno errno() {
    return errno;
  }
}
