// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

/**
 * Display timings by VESA's CVT standard 1.2 with reduced blanking version 2: the one formula that
 * gives every width, which an HDMI-like output wants to hear before it takes a size.
 *
 * @param width active pixels
 * @param height active lines
 * @param verticalBlank lines of blanking
 * @param pixelClock Hz
 */
record ReducedBlanking(int width, int height, int verticalBlank, long pixelClock) {
  /** Pixels of blanking in a line: front porch 8, sync 32, back porch 40. */
  static final int HORIZONTAL_BLANK = 80;

  static final int HORIZONTAL_FRONT_PORCH = 8;
  static final int HORIZONTAL_SYNC = 32;
  static final int HORIZONTAL_BACK_PORCH = 40;
  static final int VERTICAL_SYNC = 8;
  static final int VERTICAL_BACK_PORCH = 6;

  private static final int MIN_VERTICAL_FRONT_PORCH = 1;
  private static final int MIN_VERTICAL_BLANK =
      MIN_VERTICAL_FRONT_PORCH + VERTICAL_SYNC + VERTICAL_BACK_PORCH;
  private static final long MIN_VERTICAL_BLANK_MICROSECONDS = 460;
  private static final long MEGA = 1_000_000;
  private static final int MAX_ROUNDS = 100;
  private static final int CLOCK_STEP = 1000;

  /** A link that wants more repetitions than this is not believed. */
  private static final int MAX_MULTIPLE = 120;

  /**
   * The timings for a picture. The line rate is rounded up so that a line's pixels times it are
   * whole steps of the clock: the kernel computes the clock anew from the line rate each time that
   * timings are set, and two ends of a cable that rounded differently do not match.
   *
   * @param milliHertz frames in 1000 seconds, more than 0
   */
  static ReducedBlanking of(int width, int height, int milliHertz) {
    int columns = width + HORIZONTAL_BLANK;
    long step = CLOCK_STEP / gcd(columns, CLOCK_STEP);
    int blank = MIN_VERTICAL_BLANK;
    long lineRate = 0;
    // The blanking is a time, so a faster line means more lines, which means a faster line; it
    // settles at once or never gets there, at rates that no display has.
    for (int i = 0; i < MAX_ROUNDS; i++) {
      double exact = milliHertz / 1000.0 * (height + blank);
      lineRate = (long) Math.ceil(exact / step - 1e-9) * step;
      int wanted =
          (int) Math.max(MIN_VERTICAL_BLANK, MIN_VERTICAL_BLANK_MICROSECONDS * lineRate / MEGA + 1);
      if (wanted <= blank) {
        break;
      }
      blank = wanted;
    }
    return new ReducedBlanking(width, height, blank, lineRate * columns);
  }

  private static long gcd(long a, long b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  /**
   * The timings for a picture on a link with a limited pixel clock: at the rate, or at the least
   * multiple of it that reaches the lower limit, or at the highest rate below the upper one.
   *
   * @param milliHertz frames in 1000 seconds, more than 0
   * @param minClock Hz
   * @param maxClock Hz
   */
  static ReducedBlanking within(
      int width, int height, int milliHertz, long minClock, long maxClock) {
    ReducedBlanking timings = of(width, height, milliHertz);
    for (int times = 2; timings.pixelClock() < minClock && times <= MAX_MULTIPLE; times++) {
      timings = of(width, height, milliHertz * times);
    }
    if (timings.pixelClock() > maxClock) {
      timings = of(width, height, (int) (milliHertz * (maxClock * 0.99 / timings.pixelClock())));
    }
    return timings;
  }

  /** Lines of vertical front porch: what the sync and the back porch leave of the blanking. */
  int verticalFrontPorch() {
    return verticalBlank - VERTICAL_SYNC - VERTICAL_BACK_PORCH;
  }

  /** The time of one frame, in nanoseconds. */
  long frameNanos() {
    return Math.round(1e9 * (height + verticalBlank) * (width + HORIZONTAL_BLANK) / pixelClock);
  }
}
