// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.guestcam.frame.Pacer.Action.NOTHING;
import static org.guestcam.frame.Pacer.Action.REPEAT;
import static org.guestcam.frame.Pacer.Action.SHOW;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Numbers are nanoseconds. */
class PacerTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void nothingHappensBeforeTheFirstFrame() {
    Pacer pacer = Pacer.fixed(50_000);
    assertEquals(NOTHING, pacer.next(5, false));
    assertEquals(Pacer.NEVER, pacer.wakeAt(false));
    assertEquals(SHOW, pacer.next(5, true));
  }

  @Test
  void fixedRateShowsAtTheTickAndRepeatsHalfAnIntervalLater() {
    Pacer pacer = Pacer.fixed(50_000); // 20 ms
    pacer.shown(1000);
    assertEquals(NOTHING, pacer.next(1000 + 19_999_999, true));
    assertEquals(SHOW, pacer.next(1000 + 20_000_000, true));
    assertEquals(NOTHING, pacer.next(1000 + 29_999_999, false));
    assertEquals(REPEAT, pacer.next(1000 + 30_000_000, false));
    assertEquals(1000 + 20_000_000, pacer.wakeAt(true));
    assertEquals(1000 + 30_000_000, pacer.wakeAt(false));
  }

  @Test
  void onlyAFixedRateHasTicks() {
    Pacer fixed = Pacer.fixed(50_000); // 20 ms
    assertTrue(fixed.tickAt() < 0, "the first frame starts it");
    fixed.shown(1000);
    assertEquals(1000 + 20_000_000, fixed.tickAt());
    Pacer following = Pacer.following(50_000);
    following.shown(1000);
    assertTrue(following.tickAt() < 0);
    Pacer onChange = Pacer.onChange(50_000, SECOND);
    onChange.shown(1000);
    assertTrue(onChange.tickAt() < 0);
  }

  @Test
  void aSourceThatKeepsARateIsTheClockItself() {
    Pacer pacer = Pacer.following(50_000); // 20 ms
    pacer.shown(0);
    // Early or late, a frame goes on as it comes; more than twice the rate does not.
    assertEquals(NOTHING, pacer.next(9_999_999, true));
    assertEquals(SHOW, pacer.next(10_000_000, true));
    pacer.shown(17_000_000);
    assertEquals(SHOW, pacer.next(40_000_000, true));
    // A frame that is half an interval late is made up for, and from then on each interval.
    assertEquals(NOTHING, pacer.next(46_999_999, false));
    assertEquals(REPEAT, pacer.next(47_000_000, false));
    pacer.repeated(47_000_000);
    assertEquals(67_000_000, pacer.wakeAt(false));
    pacer.repeated(67_000_000);
    assertEquals(87_000_000, pacer.wakeAt(false));
    pacer.shown(70_000_000);
    assertEquals(100_000_000, pacer.wakeAt(false));
    assertTrue(pacer.repeats());
  }

  @Test
  void beingLateShiftsNoTick() {
    Pacer pacer = Pacer.fixed(100_000); // 10 ms
    pacer.shown(0);
    pacer.shown(14_000_000);
    assertEquals(20_000_000, pacer.wakeAt(true));
    pacer.shown(20_000_100);
    assertEquals(30_000_000, pacer.wakeAt(true));
  }

  @Test
  void fixedRateDoesNotDrift() {
    Pacer pacer = Pacer.fixed(29_970);
    pacer.shown(0);
    for (int i = 1; i < 2_997_000; i++) {
      pacer.shown(pacer.wakeAt(true));
    }
    // 2,997,000 intervals at 29.97 fps are 100,000 seconds to the nanosecond.
    assertEquals(100_000 * SECOND, pacer.wakeAt(true));
  }

  @Test
  void aStallSkipsMissedTicksAndKeepsThePhase() {
    Pacer pacer = Pacer.fixed(100_000); // 10 ms
    pacer.shown(0);
    pacer.shown(3 * SECOND + 4_000_000);
    assertEquals(3 * SECOND + 10_000_000, pacer.wakeAt(true));
    assertEquals(NOTHING, pacer.next(3 * SECOND + 9_999_999, true));
  }

  @Test
  void aStallOfOddIntervalsEndsAtTheNextTick() {
    Pacer pacer = Pacer.fixed(29_970);
    pacer.shown(0);
    long now = 86_400 * SECOND;
    pacer.shown(now);
    long wake = pacer.wakeAt(true);
    assertTrue(wake > now && wake <= now + SECOND * 1000 / 29_970 + 1, () -> "wakes at " + wake);
  }

  @Test
  void aSourceOfTheSameRateThatJittersIsNeitherRepeatedNorOvertaken() {
    Random random = new Random(3);
    Pacer pacer = Pacer.fixed(30_000);
    int repeated = 0;
    int overtaken = 0;
    int frame = 0;
    int shown = -1;
    long[] arrivals = new long[3000];
    for (int i = 0; i < arrivals.length; i++) {
      arrivals[i] = i * SECOND / 30 + random.nextInt(5_000_000);
    }
    long now = 0;
    while (frame < arrivals.length) {
      boolean fresh = frame - 1 > shown;
      switch (pacer.next(now, fresh)) {
        case SHOW -> {
          shown = frame - 1;
          pacer.shown(now);
        }
        case REPEAT -> {
          repeated++;
          pacer.shown(now);
        }
        case NOTHING -> {
          now = Math.max(now, Math.min(arrivals[frame], pacer.wakeAt(fresh)));
          if (now == arrivals[frame]) {
            overtaken += fresh ? 1 : 0;
            frame++;
          }
        }
      }
    }
    assertEquals(0, repeated);
    assertEquals(0, overtaken);
  }

  @Test
  void onChangeShowsAtOnceAndKeepsAlive() {
    Pacer pacer = Pacer.onChange(0, SECOND);
    pacer.shown(7);
    assertEquals(SHOW, pacer.next(7, true));
    assertEquals(NOTHING, pacer.next(SECOND + 6, false));
    assertEquals(REPEAT, pacer.next(SECOND + 7, false));
    pacer.shown(SECOND + 7);
    assertEquals(2 * SECOND + 7, pacer.wakeAt(false));
  }

  @Test
  void onChangeKeepsToItsLimit() {
    Pacer pacer = Pacer.onChange(60_000, SECOND);
    pacer.shown(0);
    assertEquals(NOTHING, pacer.next(16_666_665, true));
    assertEquals(SHOW, pacer.next(16_666_666, true));
    assertEquals(16_666_666, pacer.intervalNanos());
  }

  @Test
  void onChangeWithoutKeepaliveNeverRepeats() {
    Pacer pacer = Pacer.onChange(0, 0);
    pacer.shown(0);
    assertEquals(Pacer.NEVER, pacer.wakeAt(false));
    assertFalse(pacer.repeats());
    assertEquals(NOTHING, pacer.next(Pacer.NEVER - 1, false));
  }
}
