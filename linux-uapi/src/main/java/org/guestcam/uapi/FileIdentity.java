// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What tells two open files apart: a dma-buf that comes again under another descriptor has the same
 * number. Unique among the dma-bufs, and among the memfds, of this kernel while they are open. Used
 * by one thread at a time; for calls of every frame.
 */
public final class FileIdentity implements AutoCloseable {
  private static final long STAT_BYTES = 144; // struct stat, 64-bit: 0 st_dev | 8 st_ino
  private static final long STAT_INODE = 8;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment stat = arena.allocate(STAT_BYTES, 8);

  /** The number of a descriptor's file. */
  public long of(int descriptor) throws ErrnoException {
    int r = Libc.fstat(descriptor, stat);
    if (r < 0) {
      throw new ErrnoException("fstat", "fd " + descriptor, -r);
    }
    return stat.get(JAVA_LONG, STAT_INODE);
  }

  @Override
  public void close() {
    arena.close();
  }
}
