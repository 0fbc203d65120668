// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.MemorySegment;

/** What can be learned of a file that somebody else sent, and read of it without a mapping. */
public final class FileView {
  private FileView() {}

  /** {@link FileIdentity} of a file that is seen once. */
  public static long inode(Fd fd) throws ErrnoException {
    try (FileIdentity identity = new FileIdentity()) {
      return identity.of(fd.number());
    }
  }

  /** Whether the file can never become smaller, so that a mapping of it never faults. */
  public static boolean cannotShrink(Fd fd) {
    int seals = Memfd.sealsOf(fd);
    return seals >= 0 && (seals & Memfd.F_SEAL_SHRINK) != 0;
  }

  /**
   * pread(2): unlike a mapping it does not fault where the file has become shorter. For calls of
   * every frame.
   *
   * @return bytes read, fewer at the end of the file; or a negative errno
   */
  public static long read(Fd fd, long at, MemorySegment into, long offset, long length) {
    return Libc.pread(fd.number(), into.asSlice(offset, length), length, at);
  }
}
