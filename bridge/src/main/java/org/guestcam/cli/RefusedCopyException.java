// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import org.guestcam.frame.SinkRefusedException;

/** With --require-zero-copy, the sink could only copy: this host lacks a device that need not. */
final class RefusedCopyException extends IOException {
  private static final long serialVersionUID = 1L;

  RefusedCopyException(SinkRefusedException cause) {
    super(cause.getMessage(), cause);
  }
}
