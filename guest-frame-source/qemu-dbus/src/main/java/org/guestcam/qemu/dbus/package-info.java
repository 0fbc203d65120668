// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * As much of D-Bus as QEMU's display speaks: the wire format, authentication as a client, and calls
 * over a bus or from peer to peer. Source: the D-Bus specification, version 0.43.
 *
 * <p>Why not a library: those there are for Java turn every byte of an array into an object, and
 * here arrays are pictures. The payload of a picture never passes this package's objects; {@link
 * org.guestcam.qemu.dbus.WireSocket} reads it from the socket into the frame's memory.
 */
package org.guestcam.qemu.dbus;
