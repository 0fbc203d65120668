// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.util.BitSet;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Damage against sets of pixels, on a picture of 16x12. */
class DamagePropertyTest {
  private static final int WIDTH = 16;
  private static final int HEIGHT = 12;

  record Rectangle(int x, int y, int width, int height) {
    void paint(BitSet pixels) {
      for (long row = Math.max(0, y); row < Math.min(HEIGHT, (long) y + height); row++) {
        for (long column = Math.max(0, x); column < Math.min(WIDTH, (long) x + width); column++) {
          pixels.set((int) (row * WIDTH + column));
        }
      }
    }
  }

  @Provide
  Arbitrary<List<Rectangle>> few() {
    return rectangles().list().ofMaxSize(16);
  }

  @Provide
  Arbitrary<List<Rectangle>> many() {
    return rectangles().list().ofMinSize(10).ofMaxSize(60);
  }

  private static Arbitrary<Rectangle> rectangles() {
    Arbitrary<Integer> edge =
        Arbitraries.frequencyOf(
            Tuple.of(6, Arbitraries.integers().between(-20, 20)),
            Tuple.of(1, Arbitraries.integers()));
    return Combinators.combine(edge, edge, edge, edge).as(Rectangle::new);
  }

  private static Damage damage(List<Rectangle> rectangles) {
    Damage damage = new Damage();
    rectangles.forEach(r -> damage.add(r.x, r.y, r.width, r.height));
    return damage;
  }

  private static BitSet pixels(List<Rectangle> rectangles) {
    BitSet pixels = new BitSet();
    rectangles.forEach(r -> r.paint(pixels));
    return pixels;
  }

  private static BitSet pixels(Damage damage) {
    BitSet pixels = new BitSet();
    for (int i = 0; i < damage.count(); i++) {
      new Rectangle(damage.x(i), damage.y(i), damage.width(i), damage.height(i)).paint(pixels);
    }
    return pixels;
  }

  private static boolean isInside(Damage damage) {
    for (int i = 0; i < damage.count(); i++) {
      if (damage.x(i) < 0
          || damage.y(i) < 0
          || damage.width(i) <= 0
          || damage.height(i) <= 0
          || damage.x(i) + damage.width(i) > WIDTH
          || damage.y(i) + damage.height(i) > HEIGHT) {
        return false;
      }
    }
    return true;
  }

  @Property
  boolean clipKeepsExactlyThePixelsOfThePicture(@ForAll("few") List<Rectangle> rectangles) {
    Damage damage = damage(rectangles);
    BitSet before = pixels(damage);
    BitSet missing = pixels(rectangles);
    missing.andNot(before);
    damage.clip(WIDTH, HEIGHT);
    return missing.isEmpty() && isInside(damage) && pixels(damage).equals(before);
  }

  @Property
  boolean whatIsCollapsedCoversAtLeastWhatWasAdded(@ForAll("many") List<Rectangle> rectangles) {
    List<Rectangle> clipped = rectangles.stream().map(DamagePropertyTest::toPicture).toList();
    Damage damage = damage(clipped);
    damage.clip(WIDTH, HEIGHT);
    BitSet missing = pixels(clipped);
    missing.andNot(pixels(damage));
    return isInside(damage) && damage.count() <= 16 && missing.isEmpty();
  }

  /** Rectangles near the picture, so that their bounding box fits an int. */
  private static Rectangle toPicture(Rectangle r) {
    return new Rectangle(r.x % 20, r.y % 20, r.width % 20, r.height % 20);
  }
}
