// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

/**
 * What a frame of the test picture says of itself. It says so twice, at its top and at its bottom.
 *
 * @param frame number of the frame; the top's, or the bottom's where only that one can be read
 * @param timestampNanos when it was drawn, CLOCK_MONOTONIC nanoseconds; as {@code frame}
 * @param torn top and bottom can both be read and differ: the picture is of two frames
 * @param valid the check sums of both are right; without one of them the picture is damaged, or no
 *     test picture at all, and without both the numbers mean nothing
 */
public record Stamp(long frame, long timestampNanos, boolean torn, boolean valid) {}
