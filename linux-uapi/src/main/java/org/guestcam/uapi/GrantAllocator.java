// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.ioctl_gntalloc_alloc_gref;
import org.guestcam.uapi.abi.ioctl_gntalloc_dealloc_gref;

/**
 * /dev/xen/gntalloc: pages of this domain that another one may map ({@code xen/gntalloc.h}). They
 * are ordinary memory here: any device takes them by their address.
 *
 * <p>Owns its descriptor. The kernel takes back what was allocated through it when it is closed and
 * nothing of it is mapped any more, and so when this process dies; pages that the other domain
 * still maps stay granted until it lets go of them.
 */
public final class GrantAllocator implements AutoCloseable {
  /** The device. */
  public static final Path DEVICE = Path.of("/dev/xen/gntalloc");

  /** How many pages all of its users may have, which root may change: 1024 unless told. */
  public static final Path LIMIT = Path.of("/sys/module/xen_gntalloc/parameters/limit");

  private final Fd fd;

  private GrantAllocator(Fd fd) {
    this.fd = fd;
  }

  /** Opens the device: ENOENT where xen-gntalloc is not loaded, EACCES without the rights. */
  public static GrantAllocator open() throws ErrnoException {
    return new GrantAllocator(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /**
   * Allocates pages of zeros that {@code domain} may read and write; the caller closes them.
   *
   * @throws ErrnoException ENOSPC above {@link #LIMIT}
   */
  public Pages allocate(int domain, int count) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      long header = ioctl_gntalloc_alloc_gref.gref_ids$offset();
      // The kernel writes the whole struct back, which ends behind one reference.
      long bytes = Math.max(ioctl_gntalloc_alloc_gref.sizeof(), header + 4L * count);
      MemorySegment argument = scratch.allocate(bytes, 8);
      ioctl_gntalloc_alloc_gref.domid(argument, (short) domain);
      ioctl_gntalloc_alloc_gref.flags(argument, (short) Uapi.GNTALLOC_FLAG_WRITABLE());
      ioctl_gntalloc_alloc_gref.count(argument, count);
      Ioctl.require(fd, Uapi.IOCTL_GNTALLOC_ALLOC_GREF(), "IOCTL_GNTALLOC_ALLOC_GREF", argument);
      return new Pages(
          ioctl_gntalloc_alloc_gref.index(argument),
          argument.asSlice(header, 4L * count).toArray(JAVA_INT));
    }
  }

  /** Pages of {@link #allocate}. */
  public final class Pages implements AutoCloseable {
    private final long index;
    private final int[] refs;
    private boolean closed;

    private Pages(long index, int[] refs) {
      this.index = index;
      this.refs = refs;
    }

    /** One grant reference a page. */
    public int[] refs() {
      return refs.clone();
    }

    /** All of them, one behind the other; the caller closes it, before or after this object. */
    public Mapping map() throws ErrnoException {
      return Mapping.of(fd, index, (long) refs.length * GrantDevice.GRANT_SIZE, Mapping.READ_WRITE);
    }

    /** Gives them back as soon as nothing maps them, here and there. */
    @Override
    public void close() {
      if (closed || !fd.isOpen()) {
        return; // closing the device does it
      }
      closed = true;
      try (Arena scratch = Arena.ofConfined()) {
        MemorySegment argument = ioctl_gntalloc_dealloc_gref.allocate(scratch);
        ioctl_gntalloc_dealloc_gref.index(argument, index);
        ioctl_gntalloc_dealloc_gref.count(argument, refs.length);
        int ignored = Ioctl.call(fd, Uapi.IOCTL_GNTALLOC_DEALLOC_GREF(), argument);
        assert ignored == 0 : "IOCTL_GNTALLOC_DEALLOC_GREF: " + Errno.describe(-ignored);
      }
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
