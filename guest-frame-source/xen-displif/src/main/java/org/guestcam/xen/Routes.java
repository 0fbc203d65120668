// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a guest's display buffers reach this host.
 *
 * @param grantedByGuest the route where the guest allocates (be-alloc=0): not {@link
 *     DisplayMemory.Route#LEND}
 * @param exportFlags of {@link org.guestcam.uapi.GrantDevice}, for {@link
 *     DisplayMemory.Route#EXPORT}
 * @param copiedBytes counts what the route COPY copies
 */
record Routes(DisplayMemory.Route grantedByGuest, int exportFlags, AtomicLong copiedBytes) {
  private static final Logger LOG = LoggerFactory.getLogger(Routes.class);

  /**
   * The route that is sound here where the user names none. A foreign domain's pages, mapped and
   * queued as USERPTR, corrupt the memory of an x86 PV dom0, so that copies. Elsewhere Xen maps
   * them to addresses that have pages of this kernel. guestcam_grants, which makes dma-bufs of
   * them, goes first; it refuses to work where it is not sound.
   *
   * @param shares whether guestcam_grants is there
   * @param guestType of this domain, as /sys/hypervisor/guest_type says it; empty if unknown
   */
  static DisplayMemory.Route ofThisHost(boolean shares, boolean arm, String guestType) {
    if (shares) {
      return DisplayMemory.Route.SHARE;
    }
    return arm || guestType.equals("PVH") || guestType.equals("HVM")
        ? DisplayMemory.Route.MAP
        : DisplayMemory.Route.COPY;
  }

  /** Memory of pages that the guest allocated and granted. */
  DisplayMemory of(Hypervisor xen, int domain, int[] refs) throws IOException {
    return switch (grantedByGuest) {
      case MAP -> new DisplayMemory.Mapped(xen, domain, refs);
      case SHARE -> new DisplayMemory.Exported(xen.share(domain, refs));
      case EXPORT -> export(xen, domain, refs);
      case COPY, LEND -> new DisplayMemory.Copied(xen, domain, refs, copiedBytes);
    };
  }

  private DisplayMemory export(Hypervisor xen, int domain, int[] refs) throws IOException {
    try {
      return new DisplayMemory.Exported(xen.export(domain, refs, exportFlags));
    } catch (ErrnoException e) {
      String why =
          e.is(Errno.ENOTTY)
              ? "this kernel's gntdev makes no dma-bufs (CONFIG_XEN_GNTDEV_DMABUF)"
              : e.is(Errno.EINVAL)
                  ? "gntdev refuses it: on x86 it always does, for it asks Xen for a mapping that"
                      + " neither a PV nor a PVH dom0 may have"
                  : "gntdev could not";
      throw new RefusedException(
          Errno.EIO,
          why
              + "; use route=map (not in a PV dom0), route=copy or be-alloc=1 ["
              + e.getMessage()
              + "]",
          e);
    }
  }

  /** Memory of this host for a guest that asks the backend to allocate (be-alloc=1). */
  Hypervisor.Loan lend(Hypervisor xen, int domain, long bytes) throws IOException {
    try {
      return xen.lend(domain, bytes);
    } catch (IOException e) {
      if (e instanceof ErrnoException errno && errno.is(Errno.ENOTTY)) {
        LOG.warn(
            "this kernel's gntdev grants no dma-bufs (CONFIG_XEN_GNTDEV_DMABUF), and xen-gntalloc"
                + " is not there: 'sudo modprobe xen-gntalloc', or set be-alloc=0 in the guest's"
                + " configuration");
      }
      throw new RefusedException(Errno.EOPNOTSUPP, "be-alloc=1: " + e.getMessage(), e);
    }
  }
}
