// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.io.IOException;

/**
 * A system call failed: says which call, on what, and why.
 *
 * <p>The message reads like {@code VIDIOC_S_FMT on /dev/video10: EBUSY (Device or resource busy)}.
 */
public final class ErrnoException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final String subject;
  private final int errno;

  /**
   * Describes a failed call.
   *
   * @param call the system call or ioctl as its manual page spells it
   * @param subject the path or the object it was made on
   * @param errno the error number, positive
   */
  public ErrnoException(String call, String subject, int errno) {
    super(call + " on " + subject + ": " + Errno.describe(errno));
    this.call = call;
    this.subject = subject;
    this.errno = errno;
  }

  /** The system call or ioctl that failed. */
  public String call() {
    return call;
  }

  /** The path or object it was made on. */
  public String subject() {
    return subject;
  }

  /** The error number, positive. */
  public int errno() {
    return errno;
  }

  /** Whether the call failed with this error. */
  public boolean is(Errno candidate) {
    return candidate.number() == errno;
  }

  /**
   * Passes a result on, or throws when it is a negative errno.
   *
   * @return {@code result}, which is zero or positive
   */
  static int check(int result, String call, String subject) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, subject, -result);
    }
    return result;
  }

  static long check(long result, String call, String subject) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, subject, (int) -result);
    }
    return result;
  }
}
