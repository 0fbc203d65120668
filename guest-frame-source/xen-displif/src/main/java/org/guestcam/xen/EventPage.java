// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * A connector's page of events, written by the backend only.
 *
 * <pre>
 *   0 u32 in_cons | 4 u32 in_prod | 64 packets: 63 of 64 bytes
 * </pre>
 *
 * <p>A guest need not confirm events, so in_cons is not read: whoever is 63 events late loses some.
 */
final class EventPage {
  static final int SLOTS = 63;
  private static final int PG_FLIP = 0;
  private static final int IN_PROD = 4;
  private static final int PACKETS = 64;
  private static final VarHandle COUNTER = JAVA_INT.varHandle();

  private final MemorySegment page;
  private int produced;
  private short nextId;

  /**
   * Events go on behind those that are there; their ids begin with 0, as Linux's frontend wants.
   *
   * @param page 4096 bytes, shared with the guest
   */
  EventPage(MemorySegment page) {
    this.page = page;
    produced = (int) COUNTER.getAcquire(page, (long) IN_PROD);
  }

  /** Says that a framebuffer is on show. */
  void flipped(long framebuffer) {
    long at = PACKETS + (long) Integer.remainderUnsigned(produced, SLOTS) * Displif.PACKET;
    page.asSlice(at, Displif.PACKET).fill((byte) 0);
    page.set(JAVA_SHORT, at, nextId++);
    page.set(JAVA_BYTE, at + 2, (byte) PG_FLIP);
    page.set(JAVA_LONG, at + 8, framebuffer);
    COUNTER.setRelease(page, (long) IN_PROD, ++produced);
  }
}
