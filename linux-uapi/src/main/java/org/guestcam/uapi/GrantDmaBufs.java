// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

/**
 * What xen-gntdev has for dma-bufs where it is built with CONFIG_XEN_GNTDEV_DMABUF: another
 * domain's pages as one, and one of this domain as grants for another. Its device has it, and
 * libxengnttab.
 */
public interface GrantDmaBufs {
  /**
   * A dma-buf of pages that {@code domain} grants. It cannot be mapped by the CPU: for devices that
   * import by DMA.
   *
   * @param flags 0, {@link GrantDevice#WRITE_COMBINED} or {@link GrantDevice#COHERENT}
   * @throws ErrnoException EINVAL on x86, in every kind of dom0; ENOTTY where the kernel has no
   *     CONFIG_XEN_GNTDEV_DMABUF
   */
  DmaBuf exportDmaBuf(int domain, int[] refs, int flags) throws ErrnoException;

  /**
   * Waits until an exported dma-buf is released by everybody, so that its grants are unmapped.
   *
   * @param number the descriptor's number at its export; closed by now
   * @return zero or a negative errno: ETIMEDOUT while somebody holds it, ENOENT when it was
   *     released before
   */
  int awaitReleased(int number, int millis);

  /**
   * Grants all pages of a dma-buf to {@code domain}, which may read and write them until {@link
   * #releaseGranted}.
   *
   * @param dmaBuf of pages that have a struct page, as a udmabuf's; stays the caller's
   * @return one grant reference a page
   */
  int[] grant(DmaBuf dmaBuf, int domain) throws ErrnoException;

  /**
   * Takes the grants of {@link #grant} back. Pages that the other domain still maps stay granted
   * until it lets go of them; the kernel sees to that.
   *
   * @return zero or a negative errno: ENOENT where it was released before
   */
  int releaseGranted(DmaBuf dmaBuf);
}
