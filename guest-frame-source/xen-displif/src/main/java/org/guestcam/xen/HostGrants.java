// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.GrantAllocator;
import org.guestcam.uapi.GrantBuffer;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantDmaBufs;
import org.guestcam.uapi.GrantModule;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory of this host that is lent to guests, and theirs as dma-bufs, by what this kernel has:
 * guestcam_grants first, gntdev's dma-bufs then, and xen-gntalloc at last.
 */
final class HostGrants implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HostGrants.class);

  private final GrantDmaBufs gntdev;
  private final GrantModule module; // null: none
  private final ErrnoException whyNoModule;
  private GrantAllocator allocator; // null until it is needed

  /** {@code gntdev} stays the caller's, and open for as long as this is. */
  HostGrants(GrantDmaBufs gntdev) {
    this.gntdev = gntdev;
    GrantModule opened = null;
    ErrnoException why = null;
    try {
      opened = GrantModule.open();
    } catch (ErrnoException e) {
      LOG.debug("without guestcam_grants: {}", e.getMessage());
      why = e;
    }
    module = opened;
    whyNoModule = why;
  }

  /** Whether guestcam_grants is there and works in this domain. */
  boolean shares() {
    return module != null;
  }

  /** A dma-buf of gntdev, which knows it by its descriptor's number. */
  private record Exported(GrantDmaBufs gntdev, DmaBuf dmaBuf, int number)
      implements Hypervisor.Export {
    @Override
    public boolean awaitReleased(int millis) {
      dmaBuf.close();
      int r = gntdev.awaitReleased(number, millis);
      return r >= 0 || Errno.ENOENT.is(r);
    }

    @Override
    public void close() {
      dmaBuf.close();
    }
  }

  /** As {@link Hypervisor#export}. */
  Hypervisor.Export export(int domain, int[] refs, int flags) throws ErrnoException {
    DmaBuf exported = gntdev.exportDmaBuf(domain, refs, flags);
    return new Exported(gntdev, exported, exported.fd().number());
  }

  private record Shared(GrantBuffer buffer) implements Hypervisor.Export {
    @Override
    public DmaBuf dmaBuf() {
      return buffer.dmaBuf();
    }

    @Override
    public boolean awaitReleased(int millis) {
      try {
        return buffer.awaitEnded(millis);
      } catch (ErrnoException e) {
        LOG.warn("waiting for the end of grants: {}", e.getMessage());
        return false;
      }
    }

    @Override
    public void close() {
      buffer.close();
    }
  }

  /** As {@link Hypervisor#share}. */
  Hypervisor.Export share(int domain, int[] refs) throws ErrnoException {
    if (module == null) {
      throw whyNoModule;
    }
    return new Shared(module.map(domain, refs));
  }

  /** Pages of guestcam_grants. */
  private record Granting(GrantBuffer pages) implements Hypervisor.Loan {
    @Override
    public int[] refs() {
      return pages.refs();
    }

    @Override
    public Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException {
      return OwnMemory.buffer(pages.dmaBuf(), id, layout, onClosed);
    }

    @Override
    public void close() {
      pages.close();
    }
  }

  /** Pages of gntalloc, which every buffer maps for itself. */
  private record Allocated(GrantAllocator.Pages pages) implements Hypervisor.Loan {
    @Override
    public int[] refs() {
      return pages.refs();
    }

    @Override
    public Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException {
      return OwnMemory.buffer(pages.map(), id, layout, onClosed);
    }

    @Override
    public void close() {
      pages.close();
    }
  }

  /** A udmabuf whose pages are granted. */
  private final class Granted implements Hypervisor.Loan {
    private final OwnMemory memory;
    private final int[] refs;
    private boolean closed;

    Granted(OwnMemory memory, int[] refs) {
      this.memory = memory;
      this.refs = refs;
    }

    @Override
    public int[] refs() {
      return refs.clone();
    }

    @Override
    public Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException {
      return memory.buffer(id, layout, onClosed);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        int r = gntdev.releaseGranted(memory.dmaBuf());
        if (r < 0) {
          LOG.warn("IOCTL_GNTDEV_DMABUF_IMP_RELEASE: {}", Errno.describe(-r));
        }
        memory.close();
      }
    }
  }

  /** As {@link Hypervisor#lend}. */
  Hypervisor.Loan lend(int domain, long bytes) throws IOException {
    if (module != null) {
      return new Granting(
          module.grant(domain, Math.toIntExact(Math.ceilDiv(bytes, GrantDevice.GRANT_SIZE))));
    }
    OwnMemory memory = OwnMemory.allocateDmaBuf("guestcam-xen", bytes);
    try {
      return new Granted(memory, gntdev.grant(memory.dmaBuf(), domain));
    } catch (IOException e) {
      memory.close();
      if (e instanceof ErrnoException refused && refused.is(Errno.ENOTTY)) {
        return allocate(domain, bytes, refused);
      }
      throw e;
    }
  }

  /** Where gntdev grants no dma-bufs. */
  private Hypervisor.Loan allocate(int domain, long bytes, ErrnoException refused)
      throws IOException {
    if (allocator == null) {
      try {
        allocator = GrantAllocator.open();
      } catch (ErrnoException e) {
        refused.addSuppressed(e);
        throw refused;
      }
    }
    int pages = Math.toIntExact(Math.ceilDiv(bytes, GrantDevice.GRANT_SIZE));
    try {
      return new Allocated(allocator.allocate(domain, pages));
    } catch (ErrnoException e) {
      if (e.is(Errno.ENOSPC)) {
        throw new IOException(
            pages
                + " more pages are above xen-gntalloc's limit for all of its users; raise it:"
                + " echo 65536 | sudo tee "
                + GrantAllocator.LIMIT,
            e);
      }
      throw e;
    }
  }

  @Override
  public void close() {
    if (module != null) {
      module.close();
    }
    if (allocator != null) {
      allocator.close();
    }
  }
}
