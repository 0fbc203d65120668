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
 * The backend's side of a connector's request ring ({@code xen/io/ring.h}), one shared page.
 *
 * <pre>
 *   0 u32 req_prod | 4 u32 req_event | 8 u32 rsp_prod | 12 u32 rsp_event | 64 packets: 32 of 64 bytes
 * </pre>
 *
 * <p>The guest writes req_prod with a release after its request, so it is read with an acquire;
 * rsp_prod the other way round. Our counters are our own: what the guest writes into rsp_prod or
 * into a packet after it was copied changes nothing here.
 */
final class RequestRing {
  static final int SLOTS = 32;

  private static final int REQ_PROD = 0;
  private static final int REQ_EVENT = 4;
  private static final int RSP_PROD = 8;
  private static final int RSP_EVENT = 12;
  private static final int PACKETS = 64;
  private static final VarHandle COUNTER = JAVA_INT.varHandle();

  private final MemorySegment page;
  private final MemorySegment request; // a copy that the guest cannot change
  private int consumed;
  private int produced;

  /**
   * The ring of a guest that has just offered it, or that goes on.
   *
   * @param page 4096 bytes, shared with the guest
   * @param copy 64 bytes of our own
   */
  RequestRing(MemorySegment page, MemorySegment copy) {
    this.page = page;
    this.request = copy;
  }

  /**
   * Copies the next request.
   *
   * @return whether there was one
   * @throws ViolationException where the guest claims more requests than the ring has slots
   */
  boolean next() throws ViolationException {
    int waiting = (int) COUNTER.getAcquire(page, (long) REQ_PROD) - consumed;
    if (waiting == 0) {
      return false;
    }
    if (waiting < 0 || waiting > SLOTS) {
      throw new ViolationException(
          "the ring of "
              + SLOTS
              + " slots claims "
              + Integer.toUnsignedString(waiting)
              + " requests");
    }
    MemorySegment.copy(page, at(consumed), request, 0, Displif.PACKET);
    consumed++;
    return true;
  }

  /**
   * Asks to be told of the next request, and looks once more.
   *
   * @return whether one came in between
   */
  boolean sleep() {
    COUNTER.setVolatile(page, (long) REQ_EVENT, consumed + 1);
    return (int) COUNTER.getVolatile(page, (long) REQ_PROD) != consumed;
  }

  private static long at(int index) {
    return PACKETS + (long) (index & (SLOTS - 1)) * Displif.PACKET;
  }

  /** What the request is of, of {@link Displif}. */
  int operation() {
    return Byte.toUnsignedInt(request.get(JAVA_BYTE, 2));
  }

  /** A u32 of the request. */
  int u32(int offset) {
    return request.get(JAVA_INT, offset);
  }

  /** A u64 of the request. */
  long u64(int offset) {
    return request.get(JAVA_LONG, offset);
  }

  /**
   * Answers the request that {@link #next} copied. The whole packet is written: Linux's frontend
   * never clears one, and takes old bytes for part of its next request.
   *
   * @param status zero or a negative error number
   * @param answer the first word behind the header
   * @return whether the guest wants to be told
   */
  boolean respond(int status, int answer) {
    long at = at(produced);
    page.asSlice(at, Displif.PACKET).fill((byte) 0);
    page.set(JAVA_SHORT, at, request.get(JAVA_SHORT, 0));
    page.set(JAVA_BYTE, at + 2, request.get(JAVA_BYTE, 2));
    page.set(JAVA_INT, at + 4, status);
    page.set(JAVA_INT, at + 8, answer);
    int before = produced++;
    COUNTER.setVolatile(page, (long) RSP_PROD, produced);
    int event = (int) COUNTER.getVolatile(page, (long) RSP_EVENT);
    return produced - event < produced - before;
  }
}
