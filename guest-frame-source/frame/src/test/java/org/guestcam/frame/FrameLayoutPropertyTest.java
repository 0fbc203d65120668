// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.Tuple.Tuple4;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;

/** Layouts from numbers that a hostile guest chose. */
class FrameLayoutPropertyTest {
  private static final long[] CORNERS = {
    Long.MIN_VALUE,
    -1L << 32,
    Integer.MIN_VALUE,
    -1,
    0,
    1,
    4096,
    Integer.MAX_VALUE,
    1L << 31,
    1L << 32,
    1L << 46,
    Long.MAX_VALUE - Integer.MAX_VALUE,
    Long.MAX_VALUE - 1,
    Long.MAX_VALUE
  };

  /** Any number, small ones, and those next to where sums overflow. */
  @Provide
  Arbitrary<Long> numbers() {
    Arbitrary<Long> corners =
        Arbitraries.integers()
            .between(0, CORNERS.length - 1)
            .flatMap(i -> Arbitraries.longs().between(-3, 3).map(near -> CORNERS[i] + near));
    return Arbitraries.oneOf(Arbitraries.longs(), Arbitraries.longs().between(0, 1 << 20), corners);
  }

  @Provide
  Arbitrary<Integer> sides() {
    return Arbitraries.oneOf(
        Arbitraries.integers(),
        Arbitraries.integers().between(1, 64),
        Arbitraries.integers().between(16300, 16400));
  }

  @Property(tries = 5000)
  void isRefusedOrWithinItsEnd(
      @ForAll PixelFormat format,
      @ForAll("sides") int width,
      @ForAll("sides") int height,
      @ForAll @Size(3) long[] anyOffsets,
      @ForAll @Size(3) long[] anyStrides) {
    long[] offsets = Arrays.copyOf(anyOffsets, format.planes().size());
    long[] strides = Arrays.copyOf(anyStrides, format.planes().size());
    check(format, width, height, offsets, strides);
  }

  @Property(tries = 5000)
  void isRefusedOrWithinItsEndAtTheCorners(
      @ForAll PixelFormat format, @ForAll("pictures") Tuple4<Integer, Integer, long[], long[]> p) {
    int planes = format.planes().size();
    check(
        format,
        p.get1(),
        p.get2(),
        Arrays.copyOf(p.get3(), planes),
        Arrays.copyOf(p.get4(), planes));
  }

  @Provide
  Arbitrary<Tuple4<Integer, Integer, long[], long[]>> pictures() {
    Arbitrary<long[]> three = numbers().array(long[].class).ofSize(3);
    return Combinators.combine(sides(), sides(), three, three).as(Tuple::of);
  }

  private static void check(
      PixelFormat format, int width, int height, long[] offsets, long[] strides) {
    BigInteger expected = end(format, width, height, offsets, strides);
    Optional<FrameLayout> made = make(format, width, height, offsets, strides);
    if (made.isEmpty()) {
      require(expected == null, "refused, though it ends at byte " + expected);
      return;
    }
    require(expected != null, "accepted, though " + made.get() + " is none");
    require(
        expected.equals(BigInteger.valueOf(made.get().end())),
        made.get() + " ends at " + made.get().end() + ", not at " + expected);
    requireRowsWithinEnd(made.get());
  }

  /** The end as arithmetic that cannot overflow knows it; null where the numbers make no layout. */
  private static BigInteger end(
      PixelFormat format, int width, int height, long[] offsets, long[] strides) {
    if (width < 1 || height < 1 || width > 16384 || height > 16384) {
      return null;
    }
    BigInteger end = BigInteger.ZERO;
    for (int p = 0; p < format.planes().size(); p++) {
      PixelFormat.Plane plane = format.planes().get(p);
      long blocks = (width + plane.xPixels() - 1L) / plane.xPixels();
      long rows = (height + plane.yPixels() - 1L) / plane.yPixels();
      long rowBytes = blocks * plane.bytes();
      if (strides[p] < rowBytes || strides[p] > Integer.MAX_VALUE || offsets[p] < 0) {
        return null;
      }
      BigInteger planeEnd =
          BigInteger.valueOf(offsets[p])
              .add(BigInteger.valueOf(rows - 1).multiply(BigInteger.valueOf(strides[p])))
              .add(BigInteger.valueOf(rowBytes));
      end = end.max(planeEnd);
    }
    return end.bitLength() > 63 ? null : end;
  }

  private static Optional<FrameLayout> make(
      PixelFormat format, int width, int height, long[] offsets, long[] strides) {
    try {
      return Optional.of(
          FrameLayout.of(format, FrameLayout.LINEAR, width, height, offsets, strides));
    } catch (LayoutException e) {
      return Optional.empty();
    }
  }

  private static void requireRowsWithinEnd(FrameLayout layout) {
    BigInteger end = BigInteger.valueOf(layout.end());
    for (int p = 0; p < layout.planes(); p++) {
      for (int row : new int[] {0, layout.rows(p) / 2, layout.rows(p) - 1}) {
        BigInteger rowEnd =
            BigInteger.valueOf(layout.stride(p))
                .multiply(BigInteger.valueOf(row))
                .add(BigInteger.valueOf(layout.offset(p)))
                .add(BigInteger.valueOf(layout.rowBytes(p)));
        require(rowEnd.compareTo(end) <= 0, "row " + row + " of plane " + p + " of " + layout);
      }
    }
  }

  @Property(tries = 3000)
  void paddedIsRefusedOrConsistent(
      @ForAll PixelFormat format,
      @ForAll("sides") int width,
      @ForAll("sides") int height,
      @ForAll("numbers") long stride) {
    try {
      FrameLayout layout = FrameLayout.padded(format, width, height, stride);
      requireRowsWithinEnd(layout);
      require(layout.isContiguous(), layout + " is contiguous");
      require(stride == 0 || layout.stride(0) == stride, "the stride that was asked for");
      require(layout.end() <= layout.imageSize(), "the end is within sizeimage");
    } catch (LayoutException expected) {
      require(expected.getMessage() != null, "says why");
    }
  }

  @Property
  void requireFitsComparesWithTheEnd(
      @ForAll PixelFormat format, @ForAll @LongRange(min = -2, max = 1 << 20) long memory)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, 160, 120);
    boolean fits = true;
    try {
      layout.requireFits(memory);
    } catch (LayoutException e) {
      fits = false;
    }
    require(fits == (memory >= layout.end()), "fits " + memory + ": " + fits);
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
