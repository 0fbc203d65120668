// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.guestcam.frame.LayoutException;
import org.guestcam.qemu.dbus.CallServer;
import org.guestcam.qemu.dbus.Connection;
import org.guestcam.qemu.dbus.Message;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to one console of one guest, from RegisterListener to its end. Its {@link #run} is
 * the source's thread.
 */
final class Session implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Session.class);

  /** Nanoseconds that QEMU may take for one message: a picture of 64 MiB on a busy host. */
  private static final long PATIENCE = 10_000_000_000L;

  private final GuestLink link;
  private final Guest guest;
  private final int console;
  private final CallServer server;
  private volatile ListenerLoop loop; // null before run

  private Session(GuestLink link, Guest guest, int console, CallServer server) {
    this.link = link;
    this.guest = guest;
    this.console = console;
    this.server = server;
  }

  /**
   * Connects, finds the guest and registers a listener at its console.
   *
   * @param wake signalled when {@link #run} has something to do
   */
  static Session open(QemuOptions options, EventFd wake) throws IOException {
    Session[] self = new Session[1];
    GuestLink link =
        GuestLink.open(
            options,
            signal -> {
              Session session = self[0];
              if (session != null && session.isSizeOf(signal)) {
                session.sizeChanged(wake);
              }
            },
            () -> {});
    try {
      Guest guest = link.find(options);
      link.watch(guest);
      UnixSocket[] pair = UnixSocket.pair("the listener of " + guest.name());
      try (UnixSocket theirs = pair[1]) {
        link.registerListener(guest, options.console(), theirs);
      } catch (IOException e) {
        pair[0].close();
        throw e;
      }
      // QEMU has answered and now waits, doing nothing else, for us to authenticate.
      CallServer server = CallServer.over(pair[0], PATIENCE);
      self[0] = new Session(link, guest, options.console(), server);
      return self[0];
    } catch (IOException | RuntimeException e) {
      link.close();
      throw e;
    }
  }

  private void sizeChanged(EventFd wake) {
    ListenerLoop serving = loop;
    if (serving != null) {
      serving.sizeChanged();
      wake.signal();
    }
  }

  private boolean isSizeOf(Message.Signal signal) {
    return signal.path().equals(Guest.consolePath(console))
        && signal.member().equals("PropertiesChanged")
        && signal.interfaceName().equals(Connection.PROPERTIES);
  }

  /** The guest. */
  Guest guest() {
    return guest;
  }

  /**
   * Serves QEMU until it closes the connection or {@code stop} says so.
   *
   * @throws IOException where QEMU says what it must not
   * @throws LayoutException where its numbers do not fit
   */
  void run(Display display, QemuOptions options, EventFd wake, BooleanSupplier stop)
      throws IOException, LayoutException {
    display.setConsoleSize(this::size);
    display.setGuestName(guest.name().isEmpty() ? guest.uuid() : guest.name());
    ListenerLoop serving = new ListenerLoop(server, display, options);
    loop = serving;
    try {
      serving.run(wake, stop);
    } finally {
      display.setConsoleSize(() -> 0);
    }
  }

  private long size() {
    try {
      Map<?, ?> properties = link.console(guest, console);
      long width = Properties.number(properties, "Width");
      long height = Properties.number(properties, "Height");
      return width > 0 && height > 0 ? width << 32 | height : 0;
    } catch (IOException e) {
      LOG.debug("QEMU does not say the size of console {}", console, e);
      return 0;
    }
  }

  /** Wakes {@link #run} in the middle of a message; any thread. */
  void interrupt() {
    server.socket().shutdown();
  }

  @Override
  public void close() {
    server.close();
    link.close();
  }
}
