// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.util.ArrayList;
import java.util.List;

/**
 * A range of a file's bytes: whole pages.
 *
 * @param offset first byte, zero or more
 * @param length bytes, more than zero
 */
public record PageRange(long offset, long length) {
  /** Refuses negative offsets, empty ranges and sums that overflow. */
  public PageRange {
    if (offset < 0 || length <= 0 || Long.MAX_VALUE - offset < length) {
      throw new IllegalArgumentException(
          "a page range wants offset >= 0 and length > 0, got offset="
              + offset
              + " length="
              + length);
    }
  }

  /** The byte behind the last one. */
  public long end() {
    return offset + length;
  }

  /** The same bytes in the same order with neighbours joined, so that kernel lists stay short. */
  public static List<PageRange> merge(List<PageRange> ranges) {
    List<PageRange> merged = new ArrayList<>(ranges.size());
    for (PageRange range : ranges) {
      PageRange last = merged.isEmpty() ? null : merged.getLast();
      if (last != null && last.end() == range.offset()) {
        merged.set(merged.size() - 1, new PageRange(last.offset, last.length + range.length));
      } else {
        merged.add(range);
      }
    }
    return merged;
  }
}
