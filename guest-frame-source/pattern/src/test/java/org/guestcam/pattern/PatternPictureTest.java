// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PatternPictureTest {
  private static final long FRAME = 123_456_789_012L;
  private static final long TIME = 0x7edc_ba98_7654_3210L;
  private static final byte FILL = (byte) 0xa5;

  static Stream<Arguments> pictures() {
    return Arrays.stream(PixelFormat.values())
        .flatMap(
            format ->
                Stream.of(
                    Arguments.of(format, 160, 120),
                    Arguments.of(format, 641, 481),
                    Arguments.of(format, 1366, 768)));
  }

  /** A layout with padding behind the rows and gaps between the planes. */
  private static FrameLayout loose(PixelFormat format, int width, int height)
      throws LayoutException {
    int planes = format.planes().size();
    long[] offsets = new long[planes];
    long[] strides = new long[planes];
    long at = 48;
    for (int p = 0; p < planes; p++) {
      strides[p] = format.planes().get(p).rowBytes(width) + 20 + p;
      offsets[p] = at;
      at += strides[p] * format.planes().get(p).rows(height) + 100;
    }
    return FrameLayout.of(format, FrameLayout.LINEAR, width, height, offsets, strides);
  }

  private static MemorySegment copy(MemorySegment picture) {
    return Arena.ofAuto().allocate(picture.byteSize()).copyFrom(picture);
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void aFrameSaysWhichItIsAndEqualsItself(PixelFormat format, int width, int height)
      throws LayoutException {
    PatternPicture picture = new PatternPicture(FrameLayout.tight(format, width, height));
    MemorySegment drawn = picture.reference(FRAME, TIME);
    assertEquals(new Stamp(FRAME, TIME, false, true), picture.read(drawn));
    assertEquals(-1, picture.firstDifference(drawn, FRAME, TIME));
    assertTrue(picture.firstDifference(drawn, FRAME + 1, TIME) >= 0);
    assertTrue(picture.firstDifference(drawn, FRAME, TIME + 1) >= 0);
    assertEquals(-1, picture.firstDifference(drawn, FRAME, TIME));
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void pixelsDoNotDependOnTheLayoutAndPaddingIsNotTouched(PixelFormat format, int width, int height)
      throws LayoutException {
    FrameLayout layout = loose(format, width, height);
    PatternPicture loose = new PatternPicture(layout);
    MemorySegment drawn = Arena.ofAuto().allocate(layout.imageSize() + 10).fill(FILL);
    loose.drawBackground(drawn);
    loose.draw(drawn, 3, 4, PatternPicture.NONE);
    loose.draw(drawn, FRAME, TIME, 3);
    assertEquals(new Stamp(FRAME, TIME, false, true), loose.read(drawn));
    assertEquals(-1, loose.firstDifference(drawn, FRAME, TIME));

    FrameLayout tight = FrameLayout.tight(format, width, height);
    MemorySegment expected = new PatternPicture(tight).reference(FRAME, TIME);
    MemorySegment rest = copy(drawn);
    for (int p = 0; p < layout.planes(); p++) {
      for (int row = 0; row < layout.rows(p); row++) {
        long here = layout.offset(p) + (long) row * layout.stride(p);
        long there = tight.offset(p) + (long) row * tight.stride(p);
        int bytes = layout.rowBytes(p);
        assertEquals(
            -1, MemorySegment.mismatch(drawn, here, here + bytes, expected, there, there + bytes));
        rest.asSlice(here, bytes).fill(FILL);
      }
    }
    assertEquals(-1, rest.mismatch(Arena.ofAuto().allocate(rest.byteSize()).fill(FILL)));
  }

  @ParameterizedTest
  @EnumSource(PixelFormat.class)
  void everyPageAndEveryRowDiffersFromEveryOther(PixelFormat format) throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, 1366, 768);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment drawn = picture.reference(0, 0);
    Set<MemoryKey> pages = new HashSet<>();
    long whole = layout.imageSize() / 4096;
    for (long page = 0; page < whole; page++) {
      assertTrue(pages.add(new MemoryKey(drawn.asSlice(page * 4096, 4096))), "page " + page);
    }
    for (int p = 0; p < layout.planes(); p++) {
      Set<MemoryKey> rows = new HashSet<>();
      for (int row = 0; row < layout.rows(p); row++) {
        long at = layout.offset(p) + (long) row * layout.stride(p);
        assertTrue(
            rows.add(new MemoryKey(drawn.asSlice(at, layout.rowBytes(p)))),
            "row " + row + " of plane " + p);
      }
    }
  }

  /** Bytes as a key of a set. */
  private static final class MemoryKey {
    private final byte[] bytes;

    MemoryKey(MemorySegment segment) {
      bytes = segment.toArray(JAVA_BYTE);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof MemoryKey that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void firstDifferenceFindsASingleBit(PixelFormat format, int width, int height)
      throws LayoutException {
    FrameLayout layout = loose(format, width, height);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment drawn = picture.reference(FRAME, TIME);
    int last = layout.planes() - 1;
    long[] places = {
      layout.offset(0),
      layout.offset(0) + (long) layout.stride(0) * (height / 2) + 77,
      layout.offset(last)
          + (long) layout.stride(last) * (layout.rows(last) - 1)
          + layout.rowBytes(last)
          - 1
    };
    for (long place : places) {
      byte was = drawn.get(JAVA_BYTE, place);
      drawn.set(JAVA_BYTE, place, (byte) (was ^ 1));
      assertEquals(place, picture.firstDifference(drawn, FRAME, TIME));
      drawn.set(JAVA_BYTE, place, was);
    }
    drawn.set(JAVA_BYTE, layout.offset(0) + layout.rowBytes(0), (byte) 1); // padding
    assertEquals(-1, picture.firstDifference(drawn, FRAME, TIME));
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void aTornPictureIsRecognised(PixelFormat format, int width, int height) throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, width, height);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment upper = picture.reference(10, 1000);
    MemorySegment lower = picture.reference(11, 2000);
    int planeRows = layout.rows(0);
    long half = layout.offset(0) + (long) layout.stride(0) * (planeRows / 2);
    MemorySegment torn = copy(lower);
    MemorySegment.copy(upper, 0, torn, 0, half);
    assertEquals(new Stamp(10, 1000, true, true), picture.read(torn));
    assertTrue(picture.firstDifference(torn, 10, 1000) >= 0);
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void aDamagedStampIsNotValidAndTheOtherOneIsRead(PixelFormat format, int width, int height)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, width, height);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment drawn = picture.reference(FRAME, TIME);
    drawn.asSlice(0, (long) layout.stride(0) * 40).fill((byte) 0);
    assertEquals(new Stamp(FRAME, TIME, false, false), picture.read(drawn));
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void whatIsNoTestPictureIsNotValid(PixelFormat format, int width, int height)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, width, height);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment memory = Arena.ofAuto().allocate(layout.imageSize());
    assertFalse(picture.read(memory).valid(), "zeros");
    assertFalse(picture.read(memory.fill((byte) 0xff)).valid(), "ones");
    picture.drawBackground(memory);
    assertFalse(picture.read(memory).valid(), "the background alone");
  }

  @ParameterizedTest
  @MethodSource("pictures")
  void theStampSurvivesANoisyEncoder(PixelFormat format, int width, int height)
      throws LayoutException {
    FrameLayout layout = FrameLayout.tight(format, width, height);
    PatternPicture picture = new PatternPicture(layout);
    MemorySegment drawn = picture.reference(FRAME, TIME);
    Random noise = new Random(1);
    for (long at = 0; at < drawn.byteSize(); at++) {
      // Every sample off by up to 48: no encoder is that bad. Packed samples have no byte each.
      if (format != PixelFormat.RGB565 && format != PixelFormat.P010) {
        int value = (drawn.get(JAVA_BYTE, at) & 0xff) + noise.nextInt(-48, 49);
        drawn.set(JAVA_BYTE, at, (byte) Math.clamp(value, 0, 255));
      }
    }
    assertEquals(new Stamp(FRAME, TIME, false, true), picture.read(drawn));
  }

  @Test
  void theUnusedByteOf32BitsIsOnes() throws LayoutException {
    for (PixelFormat format :
        new PixelFormat[] {
          PixelFormat.XRGB8888, PixelFormat.ARGB8888, PixelFormat.XBGR8888, PixelFormat.ABGR8888
        }) {
      PatternPicture picture = new PatternPicture(FrameLayout.tight(format, 160, 120));
      MemorySegment drawn = picture.reference(1, 2);
      for (long at = 3; at < drawn.byteSize(); at += 4) {
        assertEquals((byte) 0xff, drawn.get(JAVA_BYTE, at));
      }
    }
  }

  /**
   * All RGB formats show the same colours: what a wrong fourcc would swap is in the right place.
   */
  @Test
  void rgbFormatsShowTheSameColours() throws LayoutException {
    MemorySegment xr24 = reference(PixelFormat.XRGB8888);
    MemorySegment xb24 = reference(PixelFormat.XBGR8888);
    MemorySegment bg24 = reference(PixelFormat.BGR888);
    MemorySegment rg24 = reference(PixelFormat.RGB888);
    MemorySegment rg16 = reference(PixelFormat.RGB565);
    for (int pixel = 0; pixel < 160 * 120; pixel++) {
      int blue = xr24.get(JAVA_BYTE, 4L * pixel) & 0xff;
      int green = xr24.get(JAVA_BYTE, 4L * pixel + 1) & 0xff;
      int red = xr24.get(JAVA_BYTE, 4L * pixel + 2) & 0xff;
      assertEquals((byte) red, xb24.get(JAVA_BYTE, 4L * pixel));
      assertEquals((byte) green, xb24.get(JAVA_BYTE, 4L * pixel + 1));
      assertEquals((byte) blue, xb24.get(JAVA_BYTE, 4L * pixel + 2));
      assertEquals((byte) red, bg24.get(JAVA_BYTE, 3L * pixel));
      assertEquals((byte) blue, bg24.get(JAVA_BYTE, 3L * pixel + 2));
      assertEquals((byte) blue, rg24.get(JAVA_BYTE, 3L * pixel));
      assertEquals((byte) red, rg24.get(JAVA_BYTE, 3L * pixel + 2));
      int word = (red >> 3 << 11) | (green >> 2 << 5) | blue >> 3;
      assertEquals((byte) word, rg16.get(JAVA_BYTE, 2L * pixel));
      assertEquals((byte) (word >> 8), rg16.get(JAVA_BYTE, 2L * pixel + 1));
    }
  }

  private static MemorySegment reference(PixelFormat format) throws LayoutException {
    return new PatternPicture(FrameLayout.tight(format, 160, 120)).reference(42, 43);
  }

  @Test
  void yuvStampsAreBlackAndWhiteOfLimitedRange() throws LayoutException {
    FrameLayout layout = FrameLayout.tight(PixelFormat.NV12, 640, 480);
    MemorySegment drawn = new PatternPicture(layout).reference(Long.MIN_VALUE, 0);
    // The first block is the frame's highest bit: 1; the second is 0. Chroma is neutral.
    assertEquals(235, drawn.get(JAVA_BYTE, 640L * 8 + 8) & 0xff);
    assertEquals(16, drawn.get(JAVA_BYTE, 640L * 8 + 16) & 0xff);
    assertEquals((byte) 128, drawn.get(JAVA_BYTE, layout.offset(1) + 640L * 4 + 8));
    assertEquals((byte) 128, drawn.get(JAVA_BYTE, layout.offset(1) + 640L * 4 + 9));
  }

  @Test
  void theBarMovesWithEveryFrameAndWrapsRound() throws LayoutException {
    for (int width : new int[] {160, 161, 641, 1366, 3840}) {
      FrameLayout layout = FrameLayout.tight(PixelFormat.YUV420, width, 120);
      PatternPicture picture = new PatternPicture(layout);
      Set<Integer> places = new HashSet<>();
      for (int frame = 0; frame < 2 * width; frame++) {
        Damage damage = new Damage();
        picture.damage(frame, frame + 1, damage);
        // Where the bar was and where it is: apart, or joined and wider than one bar.
        boolean moves = damage.x(0) != damage.x(1) || damage.width(0) > width / 80 * 2 + 4;
        assertTrue(moves, "the bar of frame " + frame + " moves");
        assertTrue(damage.x(0) >= 0 && damage.x(0) + damage.width(0) <= width);
        assertEquals(0, damage.x(0) % 2);
        places.add(damage.x(0));
      }
      assertTrue(places.size() > 20, () -> places.size() + " places");
    }
  }

  @Test
  void withoutAFrameBeforeEverythingIsDamaged() throws LayoutException {
    PatternPicture picture = new PatternPicture(FrameLayout.tight(PixelFormat.XRGB8888, 641, 481));
    Damage damage = new Damage();
    picture.damage(PatternPicture.NONE, 7, damage);
    assertEquals(1, damage.count());
    assertEquals(641, damage.width(0));
    assertEquals(481, damage.height(0));
  }

  @Test
  void smallAndTiledPicturesAreRefused() throws LayoutException {
    FrameLayout small = FrameLayout.tight(PixelFormat.XRGB8888, 159, 120);
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new PatternPicture(small));
    assertTrue(refused.getMessage().contains("160x120"), refused::getMessage);
    assertTrue(refused.getMessage().contains("159x120"), refused::getMessage);
    FrameLayout tiled = FrameLayout.tight(PixelFormat.XRGB8888, 160, 120).withModifier(1L << 56);
    assertThrows(IllegalArgumentException.class, () -> new PatternPicture(tiled));
  }
}
