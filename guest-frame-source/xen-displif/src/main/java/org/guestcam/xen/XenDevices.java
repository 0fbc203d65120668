// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventChannels;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.GrantAllocator;
import org.guestcam.uapi.GrantBuffer;
import org.guestcam.uapi.GrantCopy;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantMapping;
import org.guestcam.uapi.GrantModule;
import org.guestcam.uapi.Mapping;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Xen through its device files. All that it maps, grants and binds goes with its two descriptors,
 * and so with the process, however that ends.
 */
final class XenDevices implements Hypervisor {
  private static final Logger LOG = LoggerFactory.getLogger(XenDevices.class);

  private final GrantDevice grants;
  private final EventChannels events;
  private final GrantModule module; // null: none
  private final ErrnoException whyNoModule;
  private GrantAllocator allocator; // null until it is needed

  private XenDevices(
      GrantDevice grants, EventChannels events, GrantModule module, ErrnoException whyNoModule) {
    this.grants = grants;
    this.events = events;
    this.module = module;
    this.whyNoModule = whyNoModule;
  }

  static XenDevices open() throws ErrnoException {
    GrantDevice grants = GrantDevice.open();
    EventChannels events;
    try {
      events = EventChannels.open();
    } catch (ErrnoException e) {
      grants.close();
      throw e;
    }
    try {
      return new XenDevices(grants, events, GrantModule.open(), null);
    } catch (ErrnoException e) {
      LOG.debug("without guestcam_grants: {}", e.getMessage());
      return new XenDevices(grants, events, null, e);
    }
  }

  /** Whether guestcam_grants is there and works in this domain. */
  boolean shares() {
    return module != null;
  }

  /** Readable when a port has fired; borrowed. */
  Fd eventFd() {
    return events.fd();
  }

  /** As {@link EventChannels#receive}. */
  int receive() {
    return events.receive();
  }

  /** As {@link EventChannels#port}. */
  int port(int index) {
    return events.port(index);
  }

  private record Mapped(GrantMapping grants) implements Pages {
    @Override
    public MemorySegment segment() {
      return grants.segment();
    }

    @Override
    public Mapping mapping() {
      return grants.mapping();
    }

    @Override
    public void close() {
      grants.close();
    }
  }

  private record Copying(GrantCopy copy) implements Copy {
    @Override
    public int copyTo(MemorySegment to) {
      return copy.copyTo(to);
    }

    @Override
    public void close() {
      copy.close();
    }
  }

  @Override
  public Pages map(int domain, int[] refs, int protection) throws IOException {
    return new Mapped(grants.map(domain, refs, protection));
  }

  @Override
  public Copy copy(int domain, int[] refs, long bytes) {
    return new Copying(new GrantCopy(grants, domain, refs, bytes));
  }

  /** A dma-buf of gntdev, which knows it by its descriptor's number. */
  private record Exported(GrantDevice grants, DmaBuf dmaBuf, int number) implements Export {
    @Override
    public boolean awaitReleased(int millis) {
      dmaBuf.close();
      int r = grants.awaitReleased(number, millis);
      return r >= 0 || Errno.ENOENT.is(r);
    }

    @Override
    public void close() {
      dmaBuf.close();
    }
  }

  private record Shared(GrantBuffer buffer) implements Export {
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

  @Override
  public Export export(int domain, int[] refs, int flags) throws IOException {
    DmaBuf exported = grants.exportDmaBuf(domain, refs, flags);
    return new Exported(grants, exported, exported.fd().number());
  }

  @Override
  public Export share(int domain, int[] refs) throws IOException {
    if (module == null) {
      throw whyNoModule;
    }
    return new Shared(module.map(domain, refs));
  }

  /** Pages of guestcam_grants. */
  private record Granting(GrantBuffer pages) implements Loan {
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
  private record Allocated(GrantAllocator.Pages pages) implements Loan {
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
  private final class Granted implements Loan {
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
        int r = grants.releaseGranted(memory.dmaBuf());
        if (r < 0) {
          LOG.warn("IOCTL_GNTDEV_DMABUF_IMP_RELEASE: {}", Errno.describe(-r));
        }
        memory.close();
      }
    }
  }

  @Override
  public Loan lend(int domain, long bytes) throws IOException {
    if (module != null) {
      return new Granting(
          module.grant(domain, Math.toIntExact(Math.ceilDiv(bytes, GrantDevice.GRANT_SIZE))));
    }
    OwnMemory memory = OwnMemory.allocateDmaBuf("guestcam-xen", bytes);
    try {
      return new Granted(memory, grants.grant(memory.dmaBuf(), domain));
    } catch (IOException e) {
      memory.close();
      if (e instanceof ErrnoException refused && refused.is(Errno.ENOTTY)) {
        return allocate(domain, bytes, refused);
      }
      throw e;
    }
  }

  /** Where gntdev grants no dma-bufs. */
  private Loan allocate(int domain, long bytes, ErrnoException refused) throws IOException {
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
  public int bind(int domain, int port) throws IOException {
    return events.bind(domain, port);
  }

  @Override
  public void notify(int port) throws IOException {
    int r = events.notify(port);
    if (r < 0) {
      throw new ErrnoException("IOCTL_EVTCHN_NOTIFY", "port " + port, -r);
    }
  }

  @Override
  public void unmask(int port) {
    say("unmasking an event channel", events.unmask(port));
  }

  @Override
  public void unbind(int port) {
    say("IOCTL_EVTCHN_UNBIND", events.unbind(port));
  }

  /** A peer that is gone takes its ports with it; the store tells of that. */
  private static void say(String call, int r) {
    if (r < 0) {
      LOG.debug("{}: {}", call, Errno.describe(-r));
    }
  }

  @Override
  public void close() {
    events.close();
    grants.close();
    if (module != null) {
      module.close();
    }
    if (allocator != null) {
      allocator.close();
    }
  }
}
