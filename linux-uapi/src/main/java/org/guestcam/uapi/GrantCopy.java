// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.gntdev_grant_copy_segment;
import org.guestcam.uapi.abi.ioctl_gntdev_grant_copy;

/**
 * Copies another domain's granted pages into memory of this process: the hypervisor does it, and
 * nothing is mapped. Prepared once a buffer; a copy allocates nothing. One thread at a time.
 */
public final class GrantCopy implements AutoCloseable {
  private static final short FROM_GRANT = 1; // GNTCOPY_source_gref of xen/grant_table.h
  private static final long STEP = gntdev_grant_copy_segment.sizeof();
  private static final long FOREIGN = gntdev_grant_copy_segment.source$offset();
  private static final long TO = gntdev_grant_copy_segment.dest$offset();
  private static final long LENGTH = gntdev_grant_copy_segment.len$offset();
  private static final long FLAGS = gntdev_grant_copy_segment.flags$offset();
  private static final long STATUS = gntdev_grant_copy_segment.status$offset();

  private final GrantDevice device;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segments;
  private final MemorySegment argument;
  private final int count;
  private final long bytes;

  /**
   * Prepares copies of the first {@code bytes} bytes of the pages {@code refs}.
   *
   * @param device borrowed
   * @param bytes at most what the pages have
   */
  public GrantCopy(GrantDevice device, int domain, int[] refs, long bytes) {
    count = Math.toIntExact(Math.ceilDiv(bytes, (long) GrantDevice.GRANT_SIZE));
    if (bytes <= 0 || count > refs.length) {
      throw new IllegalArgumentException(bytes + " bytes of " + refs.length + " pages");
    }
    this.device = device;
    this.bytes = bytes;
    segments = arena.allocate(STEP * count, 8);
    argument = ioctl_gntdev_grant_copy.allocate(arena);
    ioctl_gntdev_grant_copy.count(argument, count);
    ioctl_gntdev_grant_copy.segments(argument, segments);
    long left = bytes;
    for (int i = 0; i < count; i++) {
      long at = STEP * i;
      // source.foreign: u32 ref, u16 offset, u16 domid
      segments.set(JAVA_INT, at + FOREIGN, refs[i]);
      segments.set(JAVA_SHORT, at + FOREIGN + 6, (short) domain);
      segments.set(JAVA_SHORT, at + LENGTH, (short) Math.min(left, GrantDevice.GRANT_SIZE));
      segments.set(JAVA_SHORT, at + FLAGS, FROM_GRANT);
      left -= GrantDevice.GRANT_SIZE;
    }
  }

  /** Bytes of each copy. */
  public long bytes() {
    return bytes;
  }

  /**
   * Copies into {@code to}, native memory that begins a page and has the bytes.
   *
   * @return zero or a negative errno; EFAULT where a grant is not valid any more
   */
  public int copyTo(MemorySegment to) {
    if (to.byteSize() < bytes) {
      throw new IndexOutOfBoundsException(bytes + " bytes into " + to.byteSize());
    }
    long address = to.address();
    for (int i = 0; i < count; i++) {
      segments.set(JAVA_LONG, STEP * i + TO, address + (long) i * GrantDevice.GRANT_SIZE);
    }
    int r = Ioctl.call(device.fd(), Uapi.IOCTL_GNTDEV_GRANT_COPY(), argument);
    for (int i = 0; r >= 0 && i < count; i++) {
      if (segments.get(JAVA_SHORT, STEP * i + STATUS) != 0) {
        r = -Errno.EFAULT.number();
      }
    }
    return r;
  }

  @Override
  public void close() {
    arena.close();
  }
}
