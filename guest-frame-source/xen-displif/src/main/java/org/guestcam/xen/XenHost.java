// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import org.guestcam.uapi.Fd;

/** Xen as a domain of it has it: what a backend asks for, and news of event channels. */
interface XenHost extends Hypervisor {
  /** By whose calls this process speaks to Xen. */
  enum Calls {
    /** The kernel's device files. */
    DEVICES,
    /** libxengnttab, libxenevtchn and libxenstore. */
    LIBRARIES
  }

  /** Whether guestcam_grants is there and works in this domain. */
  boolean shares();

  /** Readable when a port has fired; borrowed. */
  Fd eventFd();

  /**
   * Receives the ports that have fired, without waiting; each stays masked.
   *
   * @return how many; {@link #port} has them; zero or less where none has fired
   */
  int receive();

  /** One of the ports that the last {@link #receive} found. */
  int port(int index);
}
