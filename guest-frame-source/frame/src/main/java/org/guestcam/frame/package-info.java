// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * The words that every part of guestcam shares: {@link org.guestcam.frame.Buffer}, {@link
 * org.guestcam.frame.FrameLayout}, {@link org.guestcam.frame.Frame}, and the contracts of those who
 * make frames ({@link org.guestcam.frame.FrameSource}) and take them ({@link
 * org.guestcam.frame.FrameSink}).
 *
 * <p>A source never knows a sink. Both are found by {@link java.util.ServiceLoader} from the scheme
 * of their {@link org.guestcam.frame.Endpoint}.
 */
package org.guestcam.frame;
