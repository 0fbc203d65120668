// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * libxengnttab, as {@code xengnttab.h} declares it. What fails returns null or a negative number
 * and sets errno. A handle is used by one thread at a time.
 */
public interface LibXengnttab {
  /** A handle, which {@link #xengnttab_close} ends; {@code logger} null: errors go to stderr. */
  Pointer xengnttab_open(Pointer logger, int flags);

  /** Ends a handle. */
  int xengnttab_close(Pointer table);

  /** Maps pages that {@code domain} grants, one behind the other; protection of mmap(2). */
  Pointer xengnttab_map_domain_grant_refs(
      Pointer table, int count, int domain, @In int[] refs, int protection);

  /** Takes a mapping away, and gives its grants back. */
  int xengnttab_unmap(Pointer table, Pointer start, int count);

  /** Copies; {@code segments} are of the layout of {@code gntdev_grant_copy_segment}. */
  int xengnttab_grant_copy(Pointer table, int count, Pointer segments);

  /** A dma-buf of pages that {@code domain} grants, in {@code fd[0]}. */
  int xengnttab_dmabuf_exp_from_refs(
      Pointer table, int domain, int flags, int count, @In int[] refs, @Out int[] fd);

  /** Waits until an exported dma-buf is released by all. */
  int xengnttab_dmabuf_exp_wait_released(Pointer table, int fd, int millis);

  /** Grants the pages of a dma-buf to {@code domain}. */
  int xengnttab_dmabuf_imp_to_refs(Pointer table, int domain, int fd, int count, @Out int[] refs);

  /** Takes the grants of a dma-buf back. */
  int xengnttab_dmabuf_imp_release(Pointer table, int fd);
}
