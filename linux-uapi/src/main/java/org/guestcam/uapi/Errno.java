// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

/**
 * Linux error numbers by name, with the kernel's own description.
 *
 * <p>Source: {@code asm-generic/errno-base.h} and {@code asm-generic/errno.h}; the same on every
 * architecture that guestcam runs on (x86-64, arm64, riscv64).
 */
public enum Errno {
  EPERM(1, "Operation not permitted"),
  ENOENT(2, "No such file or directory"),
  ESRCH(3, "No such process"),
  EINTR(4, "Interrupted system call"),
  EIO(5, "I/O error"),
  ENXIO(6, "No such device or address"),
  E2BIG(7, "Argument list too long"),
  EBADF(9, "Bad file number"),
  ECHILD(10, "No child processes"),
  EAGAIN(11, "Try again"),
  ENOMEM(12, "Out of memory"),
  EACCES(13, "Permission denied"),
  EFAULT(14, "Bad address"),
  EBUSY(16, "Device or resource busy"),
  EEXIST(17, "File exists"),
  ENODEV(19, "No such device"),
  ENOTDIR(20, "Not a directory"),
  EISDIR(21, "Is a directory"),
  EINVAL(22, "Invalid argument"),
  ENFILE(23, "File table overflow"),
  EMFILE(24, "Too many open files"),
  ENOTTY(25, "Not a typewriter: the file does not know this ioctl"),
  EFBIG(27, "File too large"),
  ENOSPC(28, "No space left on device"),
  EROFS(30, "Read-only file system"),
  EPIPE(32, "Broken pipe"),
  ERANGE(34, "Out of range"),
  EDEADLK(35, "Resource deadlock would occur"),
  ENAMETOOLONG(36, "File name too long"),
  ENOSYS(38, "Function not implemented"),
  ENODATA(61, "No data available"),
  ETIME(62, "Timer expired"),
  ENOLINK(67, "Link has been severed"),
  EPROTO(71, "Protocol error"),
  EBADFD(77, "File descriptor in bad state"),
  EOVERFLOW(75, "Value too large for its type"),
  EMSGSIZE(90, "Message too long"),
  EOPNOTSUPP(95, "Operation not supported"),
  EADDRINUSE(98, "Address already in use"),
  ENETDOWN(100, "Network is down"),
  ECONNABORTED(103, "Software caused connection abort"),
  ECONNRESET(104, "Connection reset by peer"),
  ENOTCONN(107, "Not connected"),
  ETIMEDOUT(110, "Connection timed out"),
  ECONNREFUSED(111, "Connection refused"),
  EALREADY(114, "Operation already in progress"),
  EINPROGRESS(115, "Operation now in progress"),
  ENOLCK(37, "No locks available"),
  ECANCELED(125, "Operation cancelled");

  private static final Errno[] BY_NUMBER = new Errno[134];

  static {
    for (Errno errno : values()) {
      BY_NUMBER[errno.number] = errno;
    }
  }

  private final int number;
  private final String description;

  Errno(int number, String description) {
    this.number = number;
    this.description = description;
  }

  /** The number that the kernel uses, a small positive integer. */
  public int number() {
    return number;
  }

  /** What the kernel means by it, one short English phrase. */
  public String description() {
    return description;
  }

  /** Whether a wrapper's result {@code r} (negative errno or a value) is this error. */
  public boolean is(int r) {
    return r == -number;
  }

  /**
   * Name and description of {@code number}, for messages; "errno 133" where the name is unknown.
   */
  public static String describe(int number) {
    Errno known = number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    return known == null ? "errno " + number : known.name() + " (" + known.description + ")";
  }
}
