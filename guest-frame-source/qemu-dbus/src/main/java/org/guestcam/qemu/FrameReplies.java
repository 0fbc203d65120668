// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import org.guestcam.qemu.dbus.CallServer;

/**
 * The answers to UpdateDMABUF, which QEMU's guest waits for: they go out when the frame that shows
 * the update is released, so that the guest does not draw into what is being read; and after {@link
 * #AT_MOST} in any case, for QEMU waits one second and then goes on without us.
 */
final class FrameReplies {
  /**
   * Nanoseconds. QEMU shall have its answer within half of its limit, on a busy host too: a tenth
   * of a second is for this thread to get a processor.
   */
  static final long AT_MOST = 400_000_000L;

  private static final int CAPACITY = 64;
  private static final long NOT_PRESENTED = -1;

  private final CallServer server;
  private final Display display;
  private final int[] serials = new int[CAPACITY];
  private final long[] deadlines = new long[CAPACITY];
  private final long[] tickets = new long[CAPACITY];
  private int first;
  private int count;

  /** None so far. */
  FrameReplies(CallServer server, Display display) {
    this.server = server;
    this.display = display;
  }

  /** The call with this serial is to be answered when what it changed was shown; 0 for none. */
  void add(int serial) throws IOException {
    if (serial == 0) {
      return;
    }
    if (count == CAPACITY) {
      answerFirst(); // a peer that does not wait for answers needs none in time
    }
    int at = (first + count++) % CAPACITY;
    serials[at] = serial;
    deadlines[at] = System.nanoTime() + AT_MOST;
    tickets[at] = NOT_PRESENTED;
    display.watchReleases(true);
  }

  /** When {@link #tick} wants to be called; or {@link Display#NEVER}. */
  long wakeAt() {
    return count == 0 ? Display.NEVER : deadlines[first];
  }

  /** Answers what is due. Called after the display was given its time. */
  void tick() throws IOException {
    DmaBufSurface surface = display.dmaBufs();
    boolean presented = surface != null && !surface.hasDamage();
    long now = System.nanoTime();
    for (int i = 0; i < count; i++) {
      int at = (first + i) % CAPACITY;
      if (presented && tickets[at] == NOT_PRESENTED) {
        tickets[at] = surface.lastTicket();
      }
    }
    while (count > 0
        && (surface == null
            || now >= deadlines[first]
            || (tickets[first] != NOT_PRESENTED && surface.isReleased(tickets[first])))) {
      answerFirst();
    }
    display.watchReleases(count > 0);
  }

  private void answerFirst() throws IOException {
    server.answer(serials[first]);
    first = (first + 1) % CAPACITY;
    count--;
  }
}
