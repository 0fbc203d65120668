// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import jnr.ffi.Pointer;

/**
 * libxenevtchn, as {@code xenevtchn.h} declares it. What fails returns null or a negative number
 * and sets errno. A handle is used by one thread at a time.
 */
public interface LibXenevtchn {
  /** A handle, which {@link #xenevtchn_close} ends; {@code logger} null: errors go to stderr. */
  Pointer xenevtchn_open(Pointer logger, int flags);

  /** Ends a handle and unbinds its ports. */
  int xenevtchn_close(Pointer channels);

  /** Its descriptor, borrowed: readable when a port has fired. */
  int xenevtchn_fd(Pointer channels);

  /** Binds a port that another domain offers; returns the local one. */
  int xenevtchn_bind_interdomain(Pointer channels, int domain, int remotePort);

  /** Gives a local port back. */
  int xenevtchn_unbind(Pointer channels, int port);

  /** Makes the other side of a local port fire. */
  int xenevtchn_notify(Pointer channels, int port);

  /** The next port that has fired, which stays masked; waits where the descriptor blocks. */
  int xenevtchn_pending(Pointer channels);

  /** Lets a local port fire again. */
  int xenevtchn_unmask(Pointer channels, int port);
}
