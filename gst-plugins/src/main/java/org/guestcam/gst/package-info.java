// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/** GStreamer: guest frames as buffers of any pipeline, recordings and streams. */
package org.guestcam.gst;
