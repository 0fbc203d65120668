// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * What sources share that show a guest's display: frames for a buffer that is shown again and again
 * ({@link org.guestcam.frame.surface.FrameRing}), pictures that are copied into buffers of our own
 * ({@link org.guestcam.frame.surface.CopiedSurface}), and the guest's pointer.
 */
package org.guestcam.frame.surface;
