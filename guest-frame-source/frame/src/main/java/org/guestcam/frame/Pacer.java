// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * Decides when a frame goes on. It has no clock and does nothing itself: times are passed in, as
 * nanoseconds of a clock that never goes back.
 *
 * <p>At a fixed rate the deadlines are absolute: being late once shifts none of them, and a stall
 * skips the ticks that were missed instead of making up for them in a burst. A tick that finds no
 * new frame waits half an interval for one before it repeats the last. That keeps a source of the
 * same rate, whose frames jitter around the ticks, from being repeated and overtaken in turn: a
 * frame that came too late for its tick is early for the next, and so are those behind it.
 *
 * <p>Following a source that keeps a rate, its frames are the clock: each goes on as it comes, and
 * no tick has to wake anybody. Only where one is late by half an interval the last is repeated, and
 * then once an interval; twice the rate is the most that is let through.
 *
 * <p>On change a new frame goes on at once, or when the limit allows; the last one is repeated when
 * nothing came for the keepalive time, for programs give up on a camera that is silent.
 */
public final class Pacer {
  /** What to do now. */
  public enum Action {
    /** Wait. */
    NOTHING,
    /** Show the new frame. */
    SHOW,
    /** Show the last frame again. */
    REPEAT
  }

  /** Not before something new happens. */
  public static final long NEVER = Long.MAX_VALUE;

  private static final long NANOS_OF_MILLIHERTZ = 1_000_000_000_000L;

  private enum Kind {
    FIXED,
    FOLLOWING,
    ON_CHANGE
  }

  private final Kind kind;
  private final int milliHertz;
  private final long interval;
  private final long remainder;
  private final long patience;
  private boolean started;
  private long showAt;
  private long repeatAt = NEVER;
  private long carry;

  private Pacer(Kind kind, int milliHertz, long patience) {
    this.kind = kind;
    this.milliHertz = milliHertz;
    this.interval = milliHertz == 0 ? 0 : NANOS_OF_MILLIHERTZ / milliHertz;
    this.remainder = milliHertz == 0 ? 0 : NANOS_OF_MILLIHERTZ % milliHertz;
    this.patience = patience;
  }

  /**
   * A fixed rate.
   *
   * @param milliHertz frames in 1000 seconds, more than 0
   */
  public static Pacer fixed(int milliHertz) {
    return new Pacer(Kind.FIXED, milliHertz, NANOS_OF_MILLIHERTZ / milliHertz / 2);
  }

  /**
   * At the pace of a source that keeps a rate.
   *
   * @param milliHertz the source's frames in 1000 seconds, more than 0
   */
  public static Pacer following(int milliHertz) {
    long interval = NANOS_OF_MILLIHERTZ / milliHertz;
    return new Pacer(Kind.FOLLOWING, milliHertz, interval + interval / 2);
  }

  /**
   * On change.
   *
   * @param maxMilliHertz at most that many new frames in 1000 seconds; 0 for no limit
   * @param keepaliveNanos repeat the last frame after that long; 0 for never
   */
  public static Pacer onChange(int maxMilliHertz, long keepaliveNanos) {
    return new Pacer(Kind.ON_CHANGE, maxMilliHertz, keepaliveNanos);
  }

  /** Whether it ever asks for the last frame again, so that somebody has to keep it. */
  public boolean repeats() {
    return patience > 0;
  }

  /** The least time between two new frames, in nanoseconds; 0 for no limit. */
  public long intervalNanos() {
    return interval;
  }

  /**
   * What to do now. Changes nothing: tell {@link #shown} when it was done.
   *
   * @param fresh whether there is a frame that was not shown yet
   */
  public Action next(long now, boolean fresh) {
    if (now < wakeAt(fresh)) {
      return Action.NOTHING;
    }
    return fresh ? Action.SHOW : Action.REPEAT;
  }

  /** When {@link #next} will ask for something if nothing happens: a time, or {@link #NEVER}. */
  public long wakeAt(boolean fresh) {
    if (!started) {
      return fresh ? Long.MIN_VALUE : NEVER;
    }
    return fresh ? showAt : repeatAt;
  }

  /**
   * The tick before which no frame goes on, new or not; long ago where frames are not bound to
   * ticks.
   */
  public long tickAt() {
    return kind == Kind.FIXED && started ? showAt : Long.MIN_VALUE;
  }

  /** The last frame was shown again at {@code now}. */
  public void repeated(long now) {
    shown(now);
    if (kind == Kind.FOLLOWING) {
      repeatAt = now + interval;
    }
  }

  /** A frame was shown at {@code now}. */
  public void shown(long now) {
    if (kind != Kind.FIXED) {
      showAt = now + (kind == Kind.FOLLOWING ? interval / 2 : interval);
    } else if (!started) {
      showAt = now;
      advance(1);
    } else {
      advance(1);
      if (showAt <= now) {
        // Ticks that were missed are gone; whole intervals are skipped, so the phase stays.
        advance((now - showAt) / (interval + 1) + 1);
        while (showAt <= now) {
          advance(1);
        }
      }
    }
    started = true;
    repeatAt = patience > 0 ? (kind == Kind.FIXED ? showAt : now) + patience : NEVER;
  }

  /** Moves the deadline on by whole ticks; the part of a nanosecond is carried, so none is lost. */
  private void advance(long ticks) {
    long parts = ticks * remainder + carry;
    showAt += ticks * interval + parts / milliHertz;
    carry = parts % milliHertz;
  }
}
