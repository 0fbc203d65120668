// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

/** What guestcam's exit codes mean; scripts rely on them. */
final class ExitCode {
  /** It did what was asked, or was stopped by a signal while all was well. */
  static final int DONE = 0;

  /** It failed while it ran. */
  static final int FAILED = 1;

  /** It was called wrongly. */
  static final int USAGE = 2;

  /** This host lacks something; the message says what, and how to get it. */
  static final int HOST_LACKS = 3;

  private ExitCode() {}
}
