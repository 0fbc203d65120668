// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.util.ArrayList;
import java.util.List;
import org.guestcam.uapi.PageRange;

/**
 * Where the pages of a guest's buffers lie in the guest's memory.
 *
 * @param memorySize bytes of the memory, whole pages
 * @param buffers for each buffer its ranges, in the order in which the guest sees them; no page is
 *     in two of them
 */
record PageOrder(long memorySize, List<List<PageRange>> buffers) {
  /** The part of a circle that spreads its multiples most evenly. */
  private static final double GOLDEN = 0.618033988749895;

  PageOrder {
    buffers = List.copyOf(buffers);
  }

  /** One block for each buffer, one behind the other. */
  static PageOrder linear(int count, long bufferSize, int pageSize) {
    long size = Math.ceilDiv(bufferSize, pageSize) * pageSize;
    List<List<PageRange>> buffers = new ArrayList<>(count);
    for (int b = 0; b < count; b++) {
      buffers.add(List.of(new PageRange(b * size, size)));
    }
    return new PageOrder(count * size, buffers);
  }

  /**
   * Runs of pages, spread over the whole memory, always in the same way: what follows a run in its
   * buffer lies neither in front of it nor behind it in the memory.
   *
   * @param run pages that stay together; 1 takes them all apart
   */
  static PageOrder scattered(int count, long bufferSize, int run, int pageSize) {
    long pages = Math.ceilDiv(bufferSize, pageSize);
    long runs = Math.ceilDiv(pages, run);
    long places = runs * count;
    long step = step(places);
    while (step == 0) {
      step = step(++places); // a few numbers are too small; spare pages that nobody touches help
    }
    List<List<PageRange>> buffers = new ArrayList<>(count);
    long next = 0;
    for (int b = 0; b < count; b++) {
      List<PageRange> ranges = new ArrayList<>();
      for (long left = pages; left > 0; left -= run) {
        long place = next++ * step % places;
        ranges.add(new PageRange(place * run * pageSize, Math.min(run, left) * pageSize));
      }
      buffers.add(List.copyOf(ranges));
    }
    return new PageOrder(places * run * pageSize, buffers);
  }

  /**
   * A step that visits all places of a ring before it comes back to the first, and never goes to a
   * neighbour; 0 where there is none.
   */
  private static long step(long places) {
    for (long step = Math.round(places * GOLDEN); step > 1; step--) {
      if (step < places - 1 && greatestCommonDivisor(step, places) == 1) {
        return step;
      }
    }
    return 0;
  }

  private static long greatestCommonDivisor(long a, long b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }
}
