// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * A V4L2 output device as a {@link org.guestcam.frame.FrameSink}: negotiation by asking the device,
 * slots, and the copies of last resort.
 *
 * <p>{@link org.guestcam.v4l2.VideoOutput} is the sink; {@link org.guestcam.v4l2.DeviceProbe} tells
 * what devices there are. Rules of the interface: Linux Media uAPI, parts "I/O" and "Data Formats".
 */
package org.guestcam.v4l2;
