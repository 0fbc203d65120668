// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;
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

  /** Who has the hypervisor copy: gntdev, or a library that calls it. */
  public interface Caller {
    /**
     * Prepares the call.
     *
     * @param segments of {@code struct gntdev_grant_copy_segment}, filled before each call
     * @param arena for what the call needs; ends with the {@link GrantCopy}
     * @return makes the call, and returns zero or a negative errno
     */
    IntSupplier prepare(MemorySegment segments, int count, Arena arena);
  }

  private final Arena arena = Arena.ofShared();
  private final MemorySegment segments;
  private final IntSupplier call;
  private final int count;
  private final long bytes;

  /**
   * Prepares copies of the first {@code bytes} bytes of the pages {@code refs}.
   *
   * @param device borrowed
   * @param bytes at most what the pages have
   */
  public GrantCopy(GrantDevice device, int domain, int[] refs, long bytes) {
    this(
        (segments, count, arena) -> {
          MemorySegment argument = ioctl_gntdev_grant_copy.allocate(arena);
          ioctl_gntdev_grant_copy.count(argument, count);
          ioctl_gntdev_grant_copy.segments(argument, segments);
          return () -> Ioctl.call(device.fd(), Uapi.IOCTL_GNTDEV_GRANT_COPY(), argument);
        },
        domain,
        refs,
        bytes);
  }

  /** As {@link #GrantCopy(GrantDevice, int, int[], long)}, by other calls. */
  public GrantCopy(Caller caller, int domain, int[] refs, long bytes) {
    count = Math.toIntExact(Math.ceilDiv(bytes, (long) GrantDevice.GRANT_SIZE));
    if (bytes <= 0 || count > refs.length) {
      throw new IllegalArgumentException(bytes + " bytes of " + refs.length + " pages");
    }
    this.bytes = bytes;
    segments = arena.allocate(STEP * count, 8);
    call = caller.prepare(segments, count, arena);
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
    int r = call.getAsInt();
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
