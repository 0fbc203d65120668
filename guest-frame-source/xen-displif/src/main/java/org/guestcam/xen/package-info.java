// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * Xen's PV display protocol (displif), the backend's side: a guest's granted framebuffers become
 * buffers of this host.
 *
 * <p>{@link org.guestcam.xen.Display} is the state machine of one device; it reaches Xen only
 * through {@link org.guestcam.xen.XenStore} and {@link org.guestcam.xen.Hypervisor}, so that tests
 * run it over plain memory. {@link org.guestcam.xen.Backend} is the thread that drives it.
 */
package org.guestcam.xen;
