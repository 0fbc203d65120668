// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * libxenstore, as {@code xenstore.h} declares it. What fails returns null or false and sets errno.
 * What it returns by pointer is the caller's, to be freed by {@link LibC#free}.
 */
public interface LibXenstore {
  /** A connection: to xenstored's socket where that is, else by the kernel's device. */
  Pointer xs_open(long flags);

  /** Ends a connection, and the thread that reads its news. */
  void xs_close(Pointer store);

  /** A node's bytes, so many as {@code length[0]} says then. */
  Pointer xs_read(Pointer store, int transaction, String path, @Out int[] length);

  /** Sets a node's bytes. */
  boolean xs_write(Pointer store, int transaction, String path, @In byte[] data, int length);

  /** An array of so many names as {@code count[0]} says then, in one piece of memory. */
  Pointer xs_directory(Pointer store, int transaction, String path, @Out int[] count);

  /** Removes a node and all below it. */
  boolean xs_rm(Pointer store, int transaction, String path);

  /** {@code permissions} are pairs: a domain's number, and what it may do. */
  boolean xs_set_permissions(
      Pointer store, int transaction, String path, @In int[] permissions, int count);

  /** From now on {@link #xs_check_watch} tells of changes at and below a node. */
  boolean xs_watch(Pointer store, String path, String token);

  /** Ends {@link #xs_watch}. */
  boolean xs_unwatch(Pointer store, String path, String token);

  /** A descriptor, borrowed, that is readable when {@link #xs_check_watch} has news. */
  int xs_fileno(Pointer store);

  /** News, without waiting: an array of the path that changed and the token; null where none. */
  Pointer xs_check_watch(Pointer store);
}
