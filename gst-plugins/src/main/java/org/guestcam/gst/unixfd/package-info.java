// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * The protocol of GStreamer's unixfdsink and unixfdsrc, spoken directly: frames' descriptors over a
 * socket, to and from any process, whatever GStreamer this host has, or none.
 */
package org.guestcam.gst.unixfd;
