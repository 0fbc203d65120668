// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.EOFException;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.guestcam.frame.LayoutException;
import org.guestcam.qemu.dbus.CallServer;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits, in one ppoll(2), for QEMU's calls, for released frames and for what is due, and does each.
 */
final class ListenerLoop {
  private static final Logger LOG = LoggerFactory.getLogger(ListenerLoop.class);

  private final CallServer server;
  private final Display display;
  private final FrameReplies replies;
  private final ListenerProtocol protocol;
  private volatile boolean sizeChanged;

  /**
   * Serves one connection.
   *
   * @param server stays the caller's
   */
  ListenerLoop(CallServer server, Display display, QemuOptions options) {
    this.server = server;
    this.display = display;
    this.replies = new FrameReplies(server, display);
    // Into QEMU's own memory no pointer can be drawn, and nothing keeps QEMU from drawing there.
    boolean map = !options.tearFree() && options.cursor() != QemuOptions.CursorMode.BLEND;
    this.protocol = new ListenerProtocol(server, display, replies, map);
  }

  /** QEMU says that the size changed; any thread, which then signals {@code wake}. */
  void sizeChanged() {
    sizeChanged = true;
  }

  /**
   * Serves QEMU until it closes the connection or {@code stop} says so.
   *
   * @param wake signalled when {@code stop} or a released frame is to be looked at
   * @throws IOException where QEMU says what it must not
   * @throws LayoutException where its numbers do not fit
   */
  void run(EventFd wake, BooleanSupplier stop) throws IOException, LayoutException {
    try (Poll poll = new Poll(2)) {
      poll.watch(0, server.socket().socket().fd(), Poll.IN);
      poll.watch(1, wake.fd(), Poll.IN);
      while (!stop.getAsBoolean()) {
        long at = Math.min(display.wakeAt(), replies.wakeAt());
        poll.await(at == Display.NEVER ? Poll.FOREVER : Math.max(0, at - System.nanoTime()));
        if (poll.ready(1) != 0) {
          wake.drain();
        }
        if (poll.ready(0) != 0) {
          if (!server.next()) {
            return;
          }
          protocol.handle();
        }
        if (sizeChanged) {
          sizeChanged = false;
          display.sizeChanged();
        }
        display.tick();
        replies.tick();
      }
    } catch (EOFException e) {
      LOG.debug("QEMU went away in the middle of a message", e);
    } catch (ErrnoException e) {
      if (!e.call().equals("sendmsg")) {
        throw e;
      }
      LOG.debug("QEMU went away before it was answered", e);
    }
  }
}
