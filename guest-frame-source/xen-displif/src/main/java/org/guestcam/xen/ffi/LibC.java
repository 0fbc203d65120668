// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import jnr.ffi.Pointer;

/** What the C library is needed for beside Xen's. */
public interface LibC {
  /** Frees what a library allocated for its caller. */
  void free(Pointer memory);
}
