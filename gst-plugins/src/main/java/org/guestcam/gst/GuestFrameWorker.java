// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mailbox;
import org.guestcam.frame.Pacer;
import org.guestcam.frame.Providers;
import org.guestcam.gst.ffi.FramePool;
import org.guestcam.gst.ffi.PushSource;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What {@code guestframesrc} does: opens the source that its uri names, waits for its newest frame,
 * and gives the last one again where a rate is asked for. The guest's end is the stream's end.
 *
 * <p>GStreamer calls {@link #create} on its streaming thread, the others on any.
 */
final class GuestFrameWorker implements PushSource.Worker {
  private static final Logger LOG = LoggerFactory.getLogger(GuestFrameWorker.class);
  private static final int MOST = 64;
  private static final int MAILBOX = 0;
  private static final int INTERRUPT = 1;
  private static final long SECOND = 1_000_000_000L;

  private final PushSource.Element element;
  private final Object signals = new Object();
  private String uri;
  private String framerate = "0/1";
  private String cursor;
  private FrameSource source;
  private Mailbox mailbox;
  private FramePool pool;
  private EventFd interrupt;
  private Poll poll;
  private Pacer pacer;
  private int milliHertz;
  private FrameLayout layout;
  private Frame last;
  private long lastPts = -1;
  private volatile boolean flushing;

  GuestFrameWorker(PushSource.Element element) {
    this.element = element;
  }

  @Override
  public synchronized void set(String property, String value) {
    switch (property) {
      case "uri" -> uri = value;
      case "framerate" -> framerate = value;
      case "cursor" -> cursor = value;
      default -> LOG.warn("guestframesrc has no property {}", property);
    }
  }

  @Override
  public synchronized String get(String property) {
    return switch (property) {
      case "uri" -> uri;
      case "framerate" -> framerate;
      case "cursor" -> cursor;
      default -> null;
    };
  }

  @Override
  public synchronized boolean start() {
    try {
      if (uri == null) {
        throw new IllegalArgumentException(
            "guestframesrc has no uri: write which guest, as in guestframesrc uri=qemu:vm1");
      }
      milliHertz = milliHertz(framerate);
      pacer = milliHertz == 0 ? Pacer.onChange(0, SECOND) : Pacer.fixed(milliHertz);
      String whole =
          cursor == null ? uri : uri + (uri.contains("?") ? "&" : "?") + "cursor=" + cursor;
      Endpoint endpoint = Endpoint.parse(whole);
      source = Providers.source(endpoint).open(endpoint);
      interrupt = new EventFd("guestframesrc");
      poll = new Poll(2);
      mailbox = new Mailbox();
      pool = new FramePool(MOST, this::interrupt);
      poll.watch(MAILBOX, mailbox.wakeFd(), Poll.IN);
      poll.watch(INTERRUPT, interrupt.fd(), Poll.IN);
      source.start(mailbox);
      return true;
    } catch (IOException | IllegalArgumentException e) {
      element.fail(e.getMessage());
      stop();
      return false;
    }
  }

  /** Reads 30/1, 30000/1001 or 30; 0 for each frame as it comes. */
  static int milliHertz(String text) {
    String[] parts = text.split("/", -1);
    try {
      long above = Integer.parseInt(parts[0]);
      long below = parts.length == 2 ? Integer.parseInt(parts[1]) : 1;
      if (parts.length <= 2 && above >= 0 && below > 0 && above <= 1000 * below) {
        return (int) (above * 1000 / below);
      }
    } catch (NumberFormatException e) {
      LOG.debug("not a number", e);
    }
    throw new IllegalArgumentException(
        "framerate=" + text + " is not a rate as 30/1, of at most 1000 frames a second");
  }

  /** Any thread, also one that drops the last frame of a stopped element. */
  private void interrupt() {
    synchronized (signals) {
      if (interrupt != null) {
        interrupt.signal();
      }
    }
  }

  @Override
  public long create() {
    try {
      while (!flushing) {
        boolean ended = passEvents();
        long now = System.nanoTime();
        boolean fresh = mailbox.hasFrame();
        Pacer.Action action = pacer.next(now, fresh);
        if (action != Pacer.Action.NOTHING && pool.hasRoom()) {
          Frame frame = take(action == Pacer.Action.SHOW, now);
          if (frame == null) {
            continue; // since we looked, a newer one took its place, behind news of a buffer
          }
          return show(frame, action == Pacer.Action.SHOW, now);
        }
        if (ended) {
          return END;
        }
        long wakeAt = pool.hasRoom() ? pacer.wakeAt(fresh) : now + SECOND;
        poll.await(wakeAt == Pacer.NEVER ? Poll.FOREVER : Math.max(0, wakeAt - now));
        if (poll.ready(MAILBOX) != 0) {
          mailbox.awake();
        }
        if (poll.ready(INTERRUPT) != 0) {
          interrupt.drain();
        }
      }
      return FLUSHING;
    } catch (IOException e) {
      element.fail(e.getMessage());
      return ERROR;
    }
  }

  /** Whether the source has ended. */
  private boolean passEvents() throws IOException {
    boolean ended = false;
    for (Mailbox.Event event; (event = mailbox.takeEvent()) != null; ) {
      switch (event) {
        case Mailbox.Event.Added added -> added.buffer().letGo(); // each frame holds its own
        case Mailbox.Event.Removed removed -> removed(removed.buffer());
        case Mailbox.Event.Ended end -> {
          if (end.failure() != null) {
            throw new IOException(source.description() + ": " + end.reason(), end.failure());
          }
          ended = true;
        }
      }
    }
    return ended;
  }

  private void removed(Buffer buffer) {
    pool.forget(buffer);
  }

  /** The frame to show now, with a hold for that; or null. */
  private Frame take(boolean fresh, long now) {
    if (!fresh) {
      pacer.repeated(now);
      return last.retain();
    }
    Frame frame = mailbox.takeFrame();
    if (frame != null) {
      Frame before = last;
      last = frame.keep();
      if (before != null) {
        before.letGo();
      }
      pacer.shown(now);
    }
    return frame;
  }

  private long show(Frame frame, boolean fresh, long now) throws IOException {
    boolean wrapped = false;
    try {
      FrameLayout shown = frame.buffer().layout();
      if (!shown.equals(layout)) {
        negotiate(frame.buffer());
        layout = shown;
      }
      long age = fresh ? Math.max(0, now - frame.timestampNanos()) : 0;
      long pts = FramePool.NO_TIME;
      if (!element.doTimestamp()) {
        pts = Math.max(lastPts + 1, Math.max(0, element.runningTime() - age));
        lastPts = pts;
      }
      long buffer = pool.wrap(frame, pts, FramePool.NO_TIME);
      wrapped = true;
      return buffer;
    } finally {
      if (!wrapped) {
        frame.release();
      }
    }
  }

  private void negotiate(Buffer buffer) throws IOException {
    if (buffer.layout().isLinear()
        && element.setCaps(VideoCaps.plain(buffer.layout(), milliHertz))) {
      return;
    }
    if (!VideoCaps.canBeDmaBuf(buffer)
        || !element.setCaps(VideoCaps.dmaBuf(buffer.layout(), milliHertz))) {
      throw new IOException(
          "nothing downstream takes "
              + VideoCaps.plain(buffer.layout(), milliHertz)
              + "; 'videoconvert !' behind guestframesrc converts");
    }
  }

  @Override
  public void unlock() {
    flushing = true;
    interrupt();
  }

  @Override
  public void unlockStop() {
    flushing = false;
  }

  @Override
  public long latencyNanos() {
    // A frame goes out when it is there; at a rate it may wait for its tick.
    return milliHertz == 0 ? 0 : 1_000_000_000_000L / milliHertz;
  }

  @Override
  public synchronized void stop() {
    if (last != null) {
      last.letGo();
      last = null;
    }
    if (source != null) {
      source.close();
      source = null;
    }
    if (mailbox != null) {
      mailbox.close();
      mailbox = null;
    }
    if (pool != null) {
      pool.close();
      pool = null;
    }
    layout = null;
    lastPts = -1;
    closeSignals();
  }

  private void closeSignals() {
    if (poll != null) {
      poll.close();
      poll = null;
    }
    synchronized (signals) {
      if (interrupt != null) {
        interrupt.close();
        interrupt = null;
      }
    }
  }
}
