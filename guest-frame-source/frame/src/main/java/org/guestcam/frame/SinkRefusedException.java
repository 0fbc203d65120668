// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;

/** A sink cannot show such frames; the message says why and what would help. */
public final class SinkRefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says what was refused, why, and what to do. */
  public SinkRefusedException(String message) {
    super(message);
  }
}
