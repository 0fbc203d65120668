// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import java.util.ArrayList;
import java.util.List;

/**
 * The guest's memory: a few regions, found by address. Owns them. The session's thread uses it;
 * finding allocates nothing.
 */
public final class GuestMemory implements AutoCloseable {
  /** Regions at the most; QEMU asks, and wants one for each piece of the guest's RAM. */
  public static final int MAX_REGIONS = 64;

  private final List<MemoryRegion> regions = new ArrayList<>();
  private MemoryRegion last; // the one that was found last, where the next is probably too

  /** Empty. */
  public GuestMemory() {}

  /**
   * Takes a region over.
   *
   * @throws HostileGuestException where it overlaps another, or there are too many; it is closed
   */
  public void add(MemoryRegion added) throws HostileGuestException {
    try {
      if (regions.size() == MAX_REGIONS) {
        throw new HostileGuestException(
            "more than " + MAX_REGIONS + " memory regions at the same time");
      }
      for (MemoryRegion there : regions) {
        if (overlap(there.guestAddress(), there.size(), added.guestAddress(), added.size())
            || overlap(there.userAddress(), there.size(), added.userAddress(), added.size())) {
          throw new HostileGuestException(
              String.format(
                  "the memory region at 0x%x overlaps the one at 0x%x",
                  added.guestAddress(), there.guestAddress()));
        }
      }
    } catch (HostileGuestException e) {
      added.close();
      throw e;
    }
    regions.add(added);
  }

  private static boolean overlap(long a, long aSize, long b, long bSize) {
    return a < b + bSize && b < a + aSize;
  }

  /** Removes and closes the region with these numbers; false where there is none. */
  public boolean remove(long guestAddress, long size, long userAddress) {
    for (int i = 0; i < regions.size(); i++) {
      MemoryRegion region = regions.get(i);
      if (region.guestAddress() == guestAddress
          && region.size() == size
          && region.userAddress() == userAddress) {
        last = null;
        regions.remove(i).close();
        return true;
      }
    }
    return false;
  }

  /**
   * The region that holds all of a range of guest addresses, or null: a range across two regions is
   * in none.
   */
  public MemoryRegion find(long guestAddress, long length) {
    MemoryRegion recent = last;
    if (recent != null && recent.holds(guestAddress, length)) {
      return recent;
    }
    for (int i = 0; i < regions.size(); i++) {
      MemoryRegion region = regions.get(i);
      if (region.holds(guestAddress, length)) {
        last = region;
        return region;
      }
    }
    return null;
  }

  /** As {@link #find}, with an address of the monitor. */
  public MemoryRegion findUser(long userAddress, long length) {
    for (int i = 0; i < regions.size(); i++) {
      if (regions.get(i).holdsUser(userAddress, length)) {
        return regions.get(i);
      }
    }
    return null;
  }

  /** A region, by its place in the monitor's table. */
  public MemoryRegion region(int index) {
    return regions.get(index);
  }

  /** Regions. */
  public int count() {
    return regions.size();
  }

  /** Forgets and closes all regions. */
  public void clear() {
    last = null;
    regions.forEach(MemoryRegion::close);
    regions.clear();
  }

  @Override
  public void close() {
    clear();
  }
}
