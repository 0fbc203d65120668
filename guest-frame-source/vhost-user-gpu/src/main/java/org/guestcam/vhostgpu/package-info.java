// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * The guest's own virtio-gpu, served by guestcam over vhost-user: what the guest draws into becomes
 * dma-bufs where it lies. Sources of fact: the VIRTIO specification 1.3, 5.7; {@code
 * linux/virtio_gpu.h}; QEMU's {@code docs/interop/vhost-user-gpu.rst}.
 */
package org.guestcam.vhostgpu;
