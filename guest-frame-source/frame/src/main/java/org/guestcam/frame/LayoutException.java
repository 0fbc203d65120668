// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/** A picture's numbers do not fit its memory or each other; they may come from a hostile guest. */
public final class LayoutException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Says which number is wrong, its value, and what it had to be. */
  public LayoutException(String message) {
    super(message);
  }
}
