// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * From a source to a sink: {@link org.guestcam.frame.Mailbox} between their threads, {@link
 * org.guestcam.frame.Pacer} that decides when a frame goes on, {@link org.guestcam.Bridge} that
 * does it, and {@link org.guestcam.BridgeStats} that counts.
 */
package org.guestcam;
