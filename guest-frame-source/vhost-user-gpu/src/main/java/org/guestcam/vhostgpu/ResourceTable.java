// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.util.function.Consumer;

/**
 * The guest's resources by number, with the limits of what one guest may have. Finding allocates
 * nothing.
 */
final class ResourceTable {
  /** Resources at the most: a desktop has some hundreds. */
  static final int MAX_RESOURCES = 4096;

  /** Ranges of pages of all resources together: 16 MiB on this side. */
  static final int MAX_RANGES = 1 << 20;

  private static final int BUCKETS = 2 * MAX_RESOURCES; // never more than half full
  private static final int MASK = BUCKETS - 1;

  private final Resource[] buckets = new Resource[BUCKETS];
  private int count;
  private int ranges;

  private static int bucket(int id) {
    return (id * 0x9e37_79b9) >>> 7 & MASK;
  }

  /** The resource of this number, or null. */
  Resource find(int id) {
    for (int i = bucket(id); buckets[i] != null; i = i + 1 & MASK) {
      if (buckets[i].id() == id) {
        return buckets[i];
      }
    }
    return null;
  }

  /** Whether another resource has room. */
  boolean hasRoom() {
    return count < MAX_RESOURCES;
  }

  /** Adds one whose number is free; there is room. */
  void add(Resource resource) {
    int i = bucket(resource.id());
    while (buckets[i] != null) {
      i = i + 1 & MASK;
    }
    buckets[i] = resource;
    count++;
  }

  /** Removes one that is there. */
  void remove(Resource resource) {
    int i = bucket(resource.id());
    while (buckets[i] != resource) {
      i = i + 1 & MASK;
    }
    buckets[i] = null;
    count--;
    // Those behind it may have been put there because this place was taken.
    for (int next = i + 1 & MASK; buckets[next] != null; next = next + 1 & MASK) {
      Resource moved = buckets[next];
      buckets[next] = null;
      count--;
      add(moved);
    }
  }

  /**
   * Counts ranges of pages that come or go.
   *
   * @return false where there would be too many; nothing is counted then
   */
  boolean addRanges(int change) {
    if (change > MAX_RANGES - ranges) {
      return false;
    }
    ranges += change;
    return true;
  }

  /** Resources. */
  int count() {
    return count;
  }

  /** Calls for each. */
  void forEach(Consumer<Resource> action) {
    for (Resource resource : buckets) {
      if (resource != null) {
        action.accept(resource);
      }
    }
  }

  /** Forgets all. */
  void clear() {
    java.util.Arrays.fill(buckets, null);
    count = 0;
    ranges = 0;
  }
}
