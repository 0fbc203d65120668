// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/** Xen's libraries as jnr-ffi binds them: their functions by their names, and where they lie. */
package org.guestcam.xen.ffi;
