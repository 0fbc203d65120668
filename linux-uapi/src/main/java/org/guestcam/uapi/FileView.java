// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What can be learned of a file that somebody else sent, and read of it without a mapping. */
public final class FileView {
  private static final long STAT_BYTES = 144; // struct stat, 64-bit: 0 st_dev | 8 st_ino
  private static final long STAT_INODE = 8;

  private FileView() {}

  /**
   * What tells two open files apart: a dma-buf that is sent again under another descriptor has the
   * same number. Unique among the dma-bufs, and among the memfds, of this kernel.
   */
  public static long inode(Fd fd) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment stat = scratch.allocate(STAT_BYTES, 8);
      ErrnoException.check(Libc.fstat(fd.number(), stat), "fstat", fd.name());
      return stat.get(JAVA_LONG, STAT_INODE);
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
