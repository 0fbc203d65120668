// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.guestcam.frame.Mode;
import org.guestcam.frame.Pacer;

/** When frames go on, as a user asks for it. Rates are in frames in 1000 seconds. */
public sealed interface Pace {
  /** The rate of a camera whose source does not name one: 30 fps. */
  int DEFAULT_MILLIHERTZ = 30_000;

  /** The fastest rate that is taken: 1000 fps. */
  int MAX_MILLIHERTZ = 1_000_000;

  /** How long a camera on change stays silent at the most, in nanoseconds: one second. */
  long DEFAULT_KEEPALIVE_NANOS = 1_000_000_000L;

  /**
   * The source's own rate: its frames as they come, the last one repeated where it is late. A
   * source that names no rate is shown at {@link #DEFAULT_MILLIHERTZ}.
   */
  record OfSource() implements Pace {}

  /** Always this rate; the last frame is repeated where no new one came. */
  record Fixed(int milliHertz) implements Pace {
    /** Refuses a rate that is not within 0.001 and 1000 fps. */
    public Fixed {
      requireRate(milliHertz);
    }
  }

  /**
   * Each frame as it comes.
   *
   * @param maxMilliHertz a limit, or 0 for none
   * @param keepaliveNanos the last frame is repeated after that long; 0 for never
   */
  record OnChange(int maxMilliHertz, long keepaliveNanos) implements Pace {
    /** Refuses a limit above 1000 fps. */
    public OnChange {
      if (maxMilliHertz != 0) {
        requireRate(maxMilliHertz);
      }
    }
  }

  private static void requireRate(long milliHertz) {
    if (milliHertz < 1 || milliHertz > MAX_MILLIHERTZ) {
      throw new IllegalArgumentException(
          "the rate " + milliHertz / 1000.0 + " fps is not within 0.001 and 1000");
    }
  }

  /**
   * Reads frames a second: {@code 30}, {@code 29.97} or {@code 30000/1001}.
   *
   * @return frames in 1000 seconds, rounded
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static int parseRate(String text) {
    BigDecimal rate;
    try {
      int slash = text.indexOf('/');
      rate = new BigDecimal(slash < 0 ? text : text.substring(0, slash));
      if (slash >= 0) {
        rate = rate.divide(new BigDecimal(text.substring(slash + 1)), 9, RoundingMode.HALF_EVEN);
      }
      if (rate.precision() - rate.scale() > 9) {
        throw new ArithmeticException("far too large");
      }
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a rate in frames a second, as 30, 29.97 or 30000/1001", e);
    }
    long milliHertz = rate.movePointRight(3).setScale(0, RoundingMode.HALF_UP).longValueExact();
    requireRate(milliHertz);
    return (int) milliHertz;
  }

  /**
   * The rate that a camera of this pace announces.
   *
   * @param mode of the source; null where it is not known
   */
  default int milliHertz(Mode mode) {
    int ofSource = mode == null ? 0 : mode.milliHertz();
    int wanted =
        switch (this) {
          case OfSource _ -> ofSource;
          case Fixed fixed -> fixed.milliHertz;
          case OnChange change -> change.maxMilliHertz != 0 ? change.maxMilliHertz : ofSource;
        };
    // A source's number may be a guest's: out of range means that it does not know.
    return wanted < 1 || wanted > MAX_MILLIHERTZ ? DEFAULT_MILLIHERTZ : wanted;
  }

  /** A pacer of this pace for a source of this mode. */
  default Pacer pacer(Mode mode) {
    return switch (this) {
      case OfSource _ ->
          mode != null && milliHertz(mode) == mode.milliHertz()
              ? Pacer.following(mode.milliHertz())
              : Pacer.fixed(milliHertz(mode));
      case Fixed fixed -> Pacer.fixed(fixed.milliHertz);
      case OnChange change -> Pacer.onChange(change.maxMilliHertz, change.keepaliveNanos);
    };
  }
}
