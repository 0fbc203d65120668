// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PaceTest {
  @ParameterizedTest
  @CsvSource({"30, 30000", "29.97, 29970", "30000/1001, 29970", "0.001, 1", "1000, 1000000"})
  void readsRates(String text, int milliHertz) {
    assertEquals(milliHertz, Pace.parseRate(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "0", "-1", "1001", "30/0", "1/", "0.0001", "1e999999999", "NaN"})
  void refusesOtherTexts(String text) {
    assertThrows(IllegalArgumentException.class, () -> Pace.parseRate(text));
  }

  @Test
  void followsTheSourceWhereItNamesARate() {
    Pace pace = new Pace.OfSource();
    assertEquals(30_000, pace.milliHertz(null));
    assertEquals(30_000, pace.milliHertz(mode(0)));
    assertEquals(60_000, pace.milliHertz(mode(60_000)));
    assertEquals(30_000, pace.milliHertz(mode(-5)));
    assertEquals(30_000, pace.milliHertz(mode(Integer.MAX_VALUE)));
  }

  @Test
  void anExplicitRateWins() {
    assertEquals(25_000, new Pace.Fixed(25_000).milliHertz(mode(60_000)));
    assertEquals(15_000, new Pace.OnChange(15_000, 0).milliHertz(mode(60_000)));
    assertEquals(60_000, new Pace.OnChange(0, 0).milliHertz(mode(60_000)));
  }

  private static Mode mode(int milliHertz) {
    return new Mode(640, 480, PixelFormat.XRGB8888, milliHertz);
  }
}
