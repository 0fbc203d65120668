// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;

/** With --require-zero-copy, source or sink could only copy: this host lacks what need not. */
final class RefusedCopyException extends IOException {
  private static final long serialVersionUID = 1L;

  RefusedCopyException(IOException cause) {
    super(cause.getMessage(), cause);
  }
}
