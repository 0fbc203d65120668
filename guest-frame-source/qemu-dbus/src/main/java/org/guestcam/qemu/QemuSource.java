// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A console of a QEMU guest, through {@code -display dbus}. One thread does all: it reads QEMU's
 * messages into frames and presents them. With {@code wait} it outlives its guest, and goes on with
 * the next one of that name.
 */
final class QemuSource implements FrameSource {
  private static final Logger LOG = LoggerFactory.getLogger(QemuSource.class);

  /** How often a guest that is not there is looked for, nanoseconds. */
  private static final long LOOK_EVERY = 250_000_000L;

  private final QemuOptions options;
  private final Object lock = new Object();
  private EventFd wake; // null before start and after the end
  private Session session; // what close() interrupts
  private Thread thread;
  private final AtomicLong copiedBytes = new AtomicLong();
  private volatile boolean closing;
  private volatile String name;
  private volatile Display display; // null before start

  /** A source that has not begun. */
  QemuSource(QemuOptions options) {
    this.options = options;
    this.name = options.qmp().isEmpty() ? options.guest() : options.qmp();
  }

  @Override
  public void start(FrameListener listener) throws IOException {
    EventFd event = new EventFd("qemu");
    Session first;
    try {
      first = open(event);
    } catch (IOException | RuntimeException e) {
      event.close();
      throw e;
    }
    synchronized (lock) {
      wake = event;
      thread =
          Thread.ofPlatform()
              .name("qemu " + name)
              .daemon()
              .unstarted(() -> run(first, listener, event));
    }
    thread.start();
  }

  /** A session, or null where the guest is not there and it is waited for. */
  private Session open(EventFd event) throws IOException {
    try {
      Session opened = Session.open(options, event);
      name = opened.guest().name();
      return opened;
    } catch (IOException e) {
      if (!options.waits()) {
        throw e;
      }
      LOG.debug("waiting for the guest", e);
      return null;
    }
  }

  private void run(Session first, FrameListener listener, EventFd event) {
    String reason;
    Throwable failure = null;
    Display showing = new Display(listener, options, copiedBytes, this::signal);
    display = showing;
    try {
      reason = serveAll(first, showing, event);
    } catch (Throwable t) { // the listener's as well: whoever waits for the end must hear of it
      reason = "guest '" + name + "': " + t.getMessage();
      failure = t;
    }
    try {
      showing.end();
      listener.ended(reason, failure);
    } finally {
      synchronized (lock) {
        wake = null; // frames may be released long after the end
        event.close();
      }
    }
  }

  private String serveAll(Session first, Display showing, EventFd event)
      throws IOException, LayoutException {
    Session current = first;
    try (Poll poll = new Poll(1)) {
      poll.watch(0, event.fd(), Poll.IN);
      while (!closing) {
        if (current != null) {
          serve(current, showing, event);
          if (!closing && !options.waits()) {
            return "guest '" + name + "' ended: QEMU closed its display";
          }
          if (!closing && options.blank()) {
            showing.showNotice("not running");
          }
        }
        current = reopen(poll, event);
      }
    }
    return "the guest's display was closed";
  }

  private void serve(Session current, Display showing, EventFd event)
      throws IOException, LayoutException {
    synchronized (lock) {
      session = current;
    }
    try (current) {
      current.run(showing, options, event, () -> closing);
    } catch (IOException | LayoutException e) {
      if (!options.waits()) {
        throw e;
      }
      LOG.warn("guest '{}' was cut off: {}", name, e.getMessage());
    } finally {
      synchronized (lock) {
        session = null;
      }
    }
  }

  private Session reopen(Poll poll, EventFd event) throws IOException {
    while (!closing) {
      poll.await(LOOK_EVERY);
      if (poll.ready(0) != 0) {
        event.drain();
      }
      if (!closing) {
        Session opened = open(event);
        if (opened != null) {
          return opened;
        }
      }
    }
    return null;
  }

  private void signal() {
    synchronized (lock) {
      if (wake != null) {
        wake.signal();
      }
    }
  }

  /** What was received into one buffer and copied on into others, and copies of dma-bufs. */
  @Override
  public long copiedBytes() {
    return copiedBytes.get();
  }

  /** By which call QEMU gave its last picture, or "". */
  String way() {
    Display showing = display;
    return showing == null ? "" : showing.way();
  }

  @Override
  public String description() {
    String way = way().isEmpty() ? "" : " (" + way() + ")";
    return "QEMU guest '" + name + "', console " + options.console() + way;
  }

  @Override
  public void close() {
    Thread running;
    synchronized (lock) {
      closing = true;
      running = thread;
      if (session != null) {
        session.interrupt();
      }
    }
    signal();
    OwnThread.awaitEnd(running); // buffers must be gone when this returns
  }
}
