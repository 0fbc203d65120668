// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;

class PatternPicturePropertyTest {
  private static final int WIDTH = 175;
  private static final int HEIGHT = 121;

  @Provide
  Arbitrary<Long> frames() {
    return Arbitraries.oneOf(
        Arbitraries.longs().between(0, 200), Arbitraries.longs().between(0, Long.MAX_VALUE));
  }

  @Property(tries = 200)
  boolean drawingOverAnotherFrameEqualsDrawingAnew(
      @ForAll PixelFormat format,
      @ForAll @Size(min = 1, max = 8) List<@From("frames") Long> frames,
      @ForAll long time)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, WIDTH, HEIGHT);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment target = Arena.ofAuto().allocate(layout.imageSize());
    picture.drawBackground(target);
    long previous = PatternPicture.NONE;
    for (long frame : frames) {
      picture.draw(target, frame, time, previous);
      previous = frame;
      if (target.mismatch(new PatternPicture(layout).reference(frame, time)) >= 0) {
        return false;
      }
    }
    return picture.read(target).equals(new Stamp(previous, time, false, true));
  }

  @Property(tries = 200)
  boolean damageCoversEveryByteThatChanged(
      @ForAll PixelFormat format,
      @ForAll("frames") long from,
      @ForAll("frames") long to,
      @ForAll long oneTime,
      @ForAll long otherTime)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, WIDTH, HEIGHT);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment before = picture.reference(from, oneTime);
    MemorySegment after = picture.reference(to, otherTime);
    Damage damage = new Damage();
    picture.damage(from, to, damage);
    for (int p = 0; p < layout.planes(); p++) {
      PixelFormat.Plane plane = format.planes().get(p);
      for (int row = 0; row < layout.rows(p); row++) {
        long start = layout.offset(p) + (long) row * layout.stride(p);
        for (int at = 0; at < layout.rowBytes(p); at++) {
          if (before.get(JAVA_BYTE, start + at) != after.get(JAVA_BYTE, start + at)
              && !covers(damage, at / plane.bytes() * plane.xPixels(), row * plane.yPixels())) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private static boolean covers(Damage damage, int x, int y) {
    for (int i = 0; i < damage.count(); i++) {
      if (x >= damage.x(i)
          && x < damage.x(i) + damage.width(i)
          && y >= damage.y(i)
          && y < damage.y(i) + damage.height(i)) {
        return true;
      }
    }
    return false;
  }

  @Property
  boolean anyNumbersSurviveTheStamp(@ForAll long frame, @ForAll long time) {
    StampCode code = new StampCode();
    code.set(frame, time);
    StampCode read = new StampCode();
    for (int bit = 0; bit < StampCode.BITS; bit++) {
      read.setBit(bit, code.bit(bit) == 1);
    }
    return read.isValid() && read.frame() == frame && read.timestampNanos() == time;
  }

  @Property
  boolean oneWrongBitIsNoticed(
      @ForAll long frame,
      @ForAll long time,
      @ForAll @IntRange(max = StampCode.BITS - 1) int wrong) {
    StampCode code = new StampCode();
    code.set(frame, time);
    code.setBit(wrong, code.bit(wrong) == 0);
    return !code.isValid();
  }

  @Property
  boolean framesAreDueInOrderAndTheClockKnowsTheLatest(
      @ForAll @IntRange(min = 1, max = 1_000_000) int milliHertz,
      @ForAll @LongRange(max = 1_000_000_000_000_000_000L) long begin,
      @ForAll @LongRange(max = 1_000_000_000L) long frame) {
    // Slow clocks reach the end of nanoTime (292 years) earlier.
    long number = Math.min(frame, milliHertz * 1_000_000L);
    FrameClock clock = new FrameClock(begin, milliHertz);
    long due = clock.due(number);
    long interval = clock.due(number + 1) - due;
    long exact = 1_000_000_000_000L / milliHertz;
    return (interval == exact || interval == exact + 1)
        && clock.latest(due + 1) == number
        && clock.latest(clock.due(number + 1) - 1) == number;
  }
}
