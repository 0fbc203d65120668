// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.MemorySegment;

/** ioctl(2) on a descriptor, started again when a signal interrupts it. */
public final class Ioctl {
  private Ioctl() {}

  /**
   * For calls of every frame: allocates nothing, throws nothing.
   *
   * @param request the number as the kernel header computes it
   * @param argument the structure it takes, owned by the caller
   * @return zero or more, or a negative errno
   */
  public static int call(Fd fd, long request, MemorySegment argument) {
    int number = fd.number();
    int r;
    do {
      r = Libc.ioctl(number, request, argument);
    } while (Errno.EINTR.is(r));
    return r;
  }

  /**
   * For set-up: fails with a message that names call and device.
   *
   * @param name the request as the kernel header spells it, for the message
   * @return zero or more
   */
  public static int require(Fd fd, long request, String name, MemorySegment argument)
      throws ErrnoException {
    return ErrnoException.check(call(fd, request, argument), name, fd.name());
  }
}
