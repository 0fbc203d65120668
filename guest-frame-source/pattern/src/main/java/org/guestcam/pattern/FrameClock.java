// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

/**
 * When each frame is due, reckoned from the first: rounding never adds up, and no sum overflows
 * within the years that {@link System#nanoTime} counts.
 *
 * @param begin of frame 0, CLOCK_MONOTONIC nanoseconds
 * @param milliHertz frames in 1000 seconds, more than zero
 */
record FrameClock(long begin, int milliHertz) {
  private static final long NANOS_IN_1000_SECONDS = 1_000_000_000_000L;

  /** When a frame is due, CLOCK_MONOTONIC nanoseconds. */
  long due(long frame) {
    return begin
        + frame / milliHertz * NANOS_IN_1000_SECONDS
        + frame % milliHertz * NANOS_IN_1000_SECONDS / milliHertz;
  }

  /** The frame that was due last at this time. */
  long latest(long now) {
    long elapsed = now - begin;
    return elapsed / NANOS_IN_1000_SECONDS * milliHertz
        + elapsed % NANOS_IN_1000_SECONDS * milliHertz / NANOS_IN_1000_SECONDS;
  }
}
