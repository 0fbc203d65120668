// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReducedBlankingTest {
  /**
   * Totals as VESA's CVT 1.2 generator has them for reduced blanking version 2; its clock, or the
   * next one above that the kernel can compute back from the line rate without rounding.
   */
  @ParameterizedTest
  @CsvSource({
    "1920, 1080, 60000, 2000, 1111, 133320000",
    "3840, 2160, 60000, 3920, 2222, 522614000",
    "2560, 1440, 60000, 2640, 1481, 234590000",
    "1280, 720, 60000, 1360, 741, 60465000",
    "640, 480, 60000, 720, 495, 21384000"
  })
  void isTheStandardsFormula(
      int width, int height, int milliHertz, int totalWidth, int totalHeight, long clock) {
    ReducedBlanking timings = ReducedBlanking.of(width, height, milliHertz);
    assertEquals(width, timings.width());
    assertEquals(height, timings.height());
    assertEquals(totalWidth, timings.width() + ReducedBlanking.HORIZONTAL_BLANK);
    assertEquals(totalHeight, timings.height() + timings.verticalBlank());
    assertTrue(
        timings.pixelClock() >= clock && timings.pixelClock() < clock * 1.0005, timings.toString());
    assertEquals(0, timings.pixelClock() % 1000, timings.toString());
    assertEquals(0, timings.pixelClock() % totalWidth, timings.toString());
    assertEquals(
        timings.verticalBlank(),
        timings.verticalFrontPorch()
            + ReducedBlanking.VERTICAL_SYNC
            + ReducedBlanking.VERTICAL_BACK_PORCH);
  }

  @Test
  void horizontalBlankingIsTheSumOfItsParts() {
    assertEquals(
        ReducedBlanking.HORIZONTAL_BLANK,
        ReducedBlanking.HORIZONTAL_FRONT_PORCH
            + ReducedBlanking.HORIZONTAL_SYNC
            + ReducedBlanking.HORIZONTAL_BACK_PORCH);
  }

  @ParameterizedTest
  @CsvSource({"1920, 1080, 60000", "1366, 768, 29970", "640, 480, 5000", "3840, 2160, 23976"})
  void theFrameTimeIsThatOfTheRate(int width, int height, int milliHertz) {
    double wanted = 1e12 / milliHertz;
    long nanos = ReducedBlanking.of(width, height, milliHertz).frameNanos();
    // The line rate is rounded up, by less than a thousand lines a second.
    assertTrue(nanos <= wanted + 1, nanos + " ns, wanted " + wanted);
    double lines = 1e9 / wanted * height;
    assertTrue(nanos > wanted * lines / (lines + 1000), nanos + " ns, wanted " + wanted);
  }

  @Test
  void withinTheLimitsNothingChanges() {
    assertEquals(
        ReducedBlanking.of(1920, 1080, 60_000),
        ReducedBlanking.within(1920, 1080, 60_000, 25_000_000, 600_000_000));
    assertEquals(
        ReducedBlanking.of(1920, 1080, 60_000),
        ReducedBlanking.within(1920, 1080, 60_000, 133_320_000, 133_320_000));
  }

  @ParameterizedTest
  @CsvSource({
    "640, 480, 20000, 21000000, 3",
    "640, 480, 30000, 21000000, 2",
    "320, 240, 10000, 14000000, 14"
  })
  void belowTheLowerLimitTheRateIsTheLeastMultiple(
      int width, int height, int milliHertz, long min, int times) {
    ReducedBlanking timings = ReducedBlanking.within(width, height, milliHertz, min, 600_000_000);
    assertTrue(timings.pixelClock() >= min, timings.toString());
    assertEquals(ReducedBlanking.of(width, height, milliHertz * times), timings);
    assertTrue(
        ReducedBlanking.of(width, height, milliHertz * (times - 1)).pixelClock() < min,
        "a smaller multiple would do");
  }

  @ParameterizedTest
  @CsvSource({"3840, 2160, 144000, 600000000", "1920, 1080, 240000, 165000000"})
  void aboveTheUpperLimitTheRateIsTheHighestThatThereIs(
      int width, int height, int milliHertz, long max) {
    ReducedBlanking timings = ReducedBlanking.within(width, height, milliHertz, 25_000_000, max);
    assertTrue(timings.pixelClock() <= max, timings.toString());
    assertTrue(timings.pixelClock() > max * 0.9, timings.toString());
    assertEquals(width, timings.width());
    assertEquals(height, timings.height());
  }

  @Test
  void aLowerLimitThatNoRateReachesEnds() {
    ReducedBlanking timings = ReducedBlanking.within(16, 16, 1000, Long.MAX_VALUE, Long.MAX_VALUE);
    assertEquals(ReducedBlanking.of(16, 16, 120_000), timings);
  }
}
