// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DamageTest {
  private final Damage damage = new Damage();

  private void assertRectangle(int index, int x, int y, int width, int height) {
    assertEquals(x, damage.x(index));
    assertEquals(y, damage.y(index));
    assertEquals(width, damage.width(index));
    assertEquals(height, damage.height(index));
  }

  @Test
  void emptyRectanglesAddNothing() {
    damage.add(1, 2, 0, 4);
    damage.add(1, 2, 3, -4);
    assertEquals(0, damage.count());
  }

  @Test
  void setAllReplacesWhatWasThere() {
    damage.add(1, 2, 3, 4);
    damage.setAll(640, 480);
    assertEquals(1, damage.count());
    assertRectangle(0, 0, 0, 640, 480);
  }

  @Test
  void theSeventeenthRectangleJoinsTheNearest() {
    for (int i = 0; i < 16; i++) {
      damage.add(10 * i, 5 * i, 2, 3);
    }
    assertEquals(16, damage.count());
    damage.add(160, 80, 1, 1);
    assertEquals(16, damage.count());
    assertRectangle(15, 150, 75, 11, 6);
  }

  @Test
  void rectanglesThatOverlapOrTouchBecomeOne() {
    damage.add(0, 0, 20, 480);
    damage.add(2, 0, 20, 480);
    damage.add(22, 0, 10, 480);
    assertEquals(1, damage.count());
    assertRectangle(0, 0, 0, 32, 480);
    damage.add(100, 0, 1, 1);
    assertEquals(2, damage.count());
  }

  @Test
  void whatLiesFarFromAnyPictureIsCutOffAndNothingOverflows() {
    damage.add(Integer.MIN_VALUE, Integer.MIN_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);
    damage.clip(640, 480);
    assertEquals(0, damage.count());
    damage.add(Integer.MIN_VALUE, 0, 5, 5);
    damage.add(Integer.MAX_VALUE, 0, Integer.MAX_VALUE, 5);
    assertEquals(0, damage.count());
    damage.add(-5, -5, Integer.MAX_VALUE, Integer.MAX_VALUE);
    damage.clip(640, 480);
    assertRectangle(0, 0, 0, 640, 480);
  }

  @Test
  void addAllAddsEveryRectangle() {
    Damage other = new Damage();
    other.add(1, 2, 3, 4);
    other.add(5, 6, 7, 8);
    damage.add(9, 9, 9, 9);
    damage.addAll(other);
    assertEquals(3, damage.count());
    assertRectangle(2, 5, 6, 7, 8);
  }

  @Test
  void clipDropsWhatLiesOutsideAndKeepsTheOrder() {
    damage.add(-10, -10, 5, 5);
    damage.add(630, 470, 100, 100);
    damage.add(640, 0, 1, 1);
    damage.add(-5, 3, 10, 1);
    damage.clip(640, 480);
    assertEquals(2, damage.count());
    assertRectangle(0, 630, 470, 10, 10);
    assertRectangle(1, 0, 3, 5, 1);
  }

  @Test
  void clipDoesNotOverflow() {
    damage.add(Integer.MAX_VALUE, 0, Integer.MAX_VALUE, 1);
    damage.add(Integer.MIN_VALUE, 0, Integer.MAX_VALUE, 1);
    damage.add(1, 1, Integer.MAX_VALUE, Integer.MAX_VALUE);
    damage.clip(640, 480);
    assertEquals(1, damage.count());
    assertRectangle(0, 1, 1, 639, 479);
  }
}
