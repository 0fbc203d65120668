// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.guestcam.uapi.PageRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageOrderTest {
  private static final int PAGE = 4096;

  @Test
  void linearBuffersAreOneBlockEach() {
    PageOrder order = PageOrder.linear(3, 3 * PAGE + 1, PAGE);
    assertEquals(12L * PAGE, order.memorySize());
    assertEquals(
        List.of(
            List.of(new PageRange(0, 4 * PAGE)),
            List.of(new PageRange(4 * PAGE, 4 * PAGE)),
            List.of(new PageRange(8 * PAGE, 4 * PAGE))),
        order.buffers());
  }

  @ParameterizedTest
  @CsvSource({
    // buffers, pages, run
    "1, 1, 1",
    "1, 2, 1",
    "1, 3, 1",
    "1, 4, 1",
    "1, 6, 1",
    "2, 1, 1",
    "3, 1, 1",
    "3, 2, 1",
    "3, 2025, 1",
    "3, 8100, 1",
    "3, 900, 16",
    "3, 901, 16",
    "4, 7, 16",
    "2, 500, 7",
    "5, 101, 100"
  })
  void scatteredRunsAreWholeAndApartAndNeverUsedTwice(int count, int pages, int run) {
    PageOrder order = PageOrder.scattered(count, (long) pages * PAGE - 5, run, PAGE);
    assertEquals(count, order.buffers().size());
    Set<Long> used = new HashSet<>();
    for (List<PageRange> ranges : order.buffers()) {
      long sum = 0;
      PageRange before = null;
      for (PageRange range : ranges) {
        sum += range.length();
        assertTrue(range.length() == (long) run * PAGE || range.equals(ranges.getLast()));
        assertTrue(range.end() <= order.memorySize());
        assertEquals(0, range.offset() % PAGE);
        for (long page = range.offset() / PAGE; page < range.end() / PAGE; page++) {
          assertTrue(used.add(page), "page " + page + " is used once");
        }
        if (before != null) {
          assertNotEquals(before.end(), range.offset(), "does not follow its neighbour");
          assertNotEquals(range.end(), before.offset(), "does not precede its neighbour");
        }
        before = range;
      }
      assertEquals((long) pages * PAGE, sum);
      assertEquals(ranges, PageRange.merge(ranges), "nothing for the kernel to merge");
    }
  }

  @Test
  void pageCountsThatAreLargeEnoughLeaveNoPageUnused() {
    PageOrder order = PageOrder.scattered(3, 2025L * PAGE, 1, PAGE);
    assertEquals(3 * 2025L * PAGE, order.memorySize());
  }

  @Test
  void theOrderIsAlwaysTheSame() {
    assertEquals(
        PageOrder.scattered(3, 900L * PAGE, 16, PAGE),
        PageOrder.scattered(3, 900L * PAGE, 16, PAGE));
  }
}
