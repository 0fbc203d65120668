// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/**
 * The one place of guestcam that calls libc.
 *
 * <p>Everything here is a thin, typed wrapper over one kernel facility. Two kinds of method exist:
 * those that fail rarely and may allocate throw {@link org.guestcam.uapi.ErrnoException}; those
 * that are called for every frame return a negative errno instead and allocate nothing.
 */
package org.guestcam.uapi;
