// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * The back end's side of vhost-user: the messages ({@link
 * org.guestcam.vhostgpu.vhost.VhostSession}), the guest's memory ({@link
 * org.guestcam.vhostgpu.vhost.GuestMemory}) and split virtqueues in it ({@link
 * org.guestcam.vhostgpu.vhost.VirtQueue}). Knows nothing of displays.
 *
 * <p>Sources of fact: QEMU's {@code docs/interop/vhost-user.rst}; the VIRTIO specification 1.3,
 * 2.7; {@code linux/virtio_ring.h}.
 */
package org.guestcam.vhostgpu.vhost;
