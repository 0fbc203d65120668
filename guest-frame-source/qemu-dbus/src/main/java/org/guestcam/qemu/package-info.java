// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * Consoles of QEMU guests as sources of frames, through QEMU's D-Bus display ({@code -display
 * dbus}, libvirt's {@code <graphics type='dbus'/>}): QEMU calls an object of ours for every change
 * of the screen. What it sends is received into buffers by one copy; memory and dma-bufs that it
 * shares are passed on as they are.
 */
package org.guestcam.qemu;
