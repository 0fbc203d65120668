// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import org.guestcam.uapi.EventFd;

/**
 * One ring of a session: what the monitor said of it, its queue, and its eventfds, which it owns.
 */
final class VhostRing implements AutoCloseable {
  final VirtQueue queue;
  int size;
  long descriptors;
  long available;
  long used;
  boolean placed;
  int base;
  boolean hasBase; // the monitor has said where it begins
  boolean enabled;
  EventFd kick;
  EventFd call;
  RingPlace stopped; // where it was stopped, or null

  VhostRing(String name) {
    queue = new VirtQueue(name);
  }

  void setKick(EventFd event) {
    if (kick != null) {
      kick.close();
    }
    kick = event;
  }

  void setCall(EventFd event) {
    if (call != null) {
      call.close();
    }
    call = event;
  }

  RingPlace place() {
    return new RingPlace(descriptors, available, used, base);
  }

  @Override
  public void close() {
    queue.stop();
    setKick(null);
    setCall(null);
  }
}
