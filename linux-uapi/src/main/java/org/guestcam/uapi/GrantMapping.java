// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/** Pages of another domain, mapped by {@link GrantDevice#map}; whoever asked for it closes it. */
public final class GrantMapping implements AutoCloseable {
  private final GrantDevice device;
  private final long index;
  private final int count;
  private final Mapping mapping;
  private final AtomicBoolean closed = new AtomicBoolean();

  GrantMapping(GrantDevice device, long index, int count, Mapping mapping) {
    this.device = device;
    this.index = index;
    this.count = count;
    this.mapping = mapping;
  }

  /** The bytes of all pages; the other domain may change them at any time. */
  public MemorySegment segment() {
    return mapping.segment();
  }

  /** The mapping, borrowed: who closes it takes the pages from under this object. */
  public Mapping mapping() {
    return mapping;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      mapping.close();
      int ignored = device.unmap(index, count);
      assert ignored == 0 : "IOCTL_GNTDEV_UNMAP_GRANT_REF: " + Errno.describe(-ignored);
    }
  }
}
