// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

/**
 * What a frame costs.
 *
 * @param cpuNanos CPU time of the median frame
 * @param p50Nanos half of the frames came back that soon
 * @param p99Nanos 99 of 100 frames came back that soon
 * @param fps frames in a second
 * @param heapBytes Java heap of a frame; 0 where there is no Java
 */
record Cost(double cpuNanos, double p50Nanos, double p99Nanos, double fps, double heapBytes) {
  /** Reads what floor and probe write. */
  static Cost parse(String line) {
    String[] words = line.strip().split(" ", -1);
    if (words.length != 4) {
      throw new IllegalArgumentException("not the four numbers of a cost: '" + line + "'");
    }
    return new Cost(
        Double.parseDouble(words[0]),
        Double.parseDouble(words[1]),
        Double.parseDouble(words[2]),
        Double.parseDouble(words[3]),
        0);
  }

  /**
   * The cheaper of the two: whatever else a machine does makes frames dearer, never cheaper.
   *
   * @param other may be null
   */
  Cost orCheaper(Cost other) {
    return other == null || cpuNanos <= other.cpuNanos ? this : other;
  }
}
