// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;

/** This host lacks something: the message says what, and what to install or load (exit code 3). */
public final class HostLacksException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says what is missing and how to mend it. */
  public HostLacksException(String message) {
    super(message);
  }

  /** As above, with what the kernel said. */
  public HostLacksException(String message, Throwable cause) {
    super(message, cause);
  }
}
