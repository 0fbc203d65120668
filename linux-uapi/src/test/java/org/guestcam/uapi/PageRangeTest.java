// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageRangeTest {
  private static final long PAGE = 4096;

  private static PageRange pages(long first, long count) {
    return new PageRange(first * PAGE, count * PAGE);
  }

  @Test
  void joinsNeighboursInOrder() {
    assertEquals(
        List.of(pages(0, 3), pages(7, 2), pages(3, 1)),
        PageRange.merge(List.of(pages(0, 1), pages(1, 2), pages(7, 1), pages(8, 1), pages(3, 1))));
  }

  @Test
  void keepsWhatIsInAnotherOrderOrThereTwice() {
    List<PageRange> backwards = List.of(pages(2, 1), pages(1, 1), pages(1, 1));
    assertEquals(backwards, PageRange.merge(backwards));
  }

  @Test
  void mergesNothingToNothing() {
    assertEquals(List.of(), PageRange.merge(List.of()));
  }

  @Test
  void refusesWhatIsNoRange() {
    assertThrows(IllegalArgumentException.class, () -> new PageRange(-1, 1));
    assertThrows(IllegalArgumentException.class, () -> new PageRange(0, 0));
    assertThrows(IllegalArgumentException.class, () -> new PageRange(0, -1));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new PageRange(Long.MAX_VALUE, 1));
    assertTrue(e.getMessage().contains("offset=" + Long.MAX_VALUE), e.getMessage());
    assertEquals(Long.MAX_VALUE, new PageRange(Long.MAX_VALUE - 1, 1).end());
  }

  /** Whatever the list: the same pages in the same order, and no two neighbours are left. */
  @Test
  void mergingKeepsEveryPageInItsPlace() {
    for (long seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      List<PageRange> ranges = new ArrayList<>();
      int count = random.nextInt(30);
      for (int i = 0; i < count; i++) {
        long first =
            ranges.isEmpty() || random.nextInt(3) == 0
                ? random.nextInt(20)
                : ranges.getLast().end() / PAGE;
        ranges.add(pages(first, 1 + random.nextInt(4)));
      }
      List<PageRange> merged = PageRange.merge(ranges);
      assertEquals(eachPage(ranges), eachPage(merged), "seed " + seed);
      for (int i = 1; i < merged.size(); i++) {
        assertNotEquals(merged.get(i - 1).end(), merged.get(i).offset(), "seed " + seed);
      }
    }
  }

  private static List<Long> eachPage(List<PageRange> ranges) {
    List<Long> pages = new ArrayList<>();
    for (PageRange range : ranges) {
      for (long at = range.offset(); at < range.end(); at += PAGE) {
        pages.add(at);
      }
    }
    return pages;
  }
}
