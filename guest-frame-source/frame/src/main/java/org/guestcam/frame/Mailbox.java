// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.util.ArrayDeque;
import java.util.Iterator;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;

/**
 * Between the source's thread and the sink's: one place for a frame, the latest wins, and a short
 * queue of events that keep their order towards the frames. The source never waits here, and a
 * frame costs no allocation.
 *
 * <p>Order: a frame comes out behind every event that was put in before it, and events that were
 * put in after it wait until it was taken or overtaken. So a frame is never seen before its buffer
 * was added, and never after it was removed.
 *
 * <p>Holds: the frame in the mailbox is held by it. A buffer is held from {@link #bufferAdded} on;
 * that hold goes to whoever takes the {@link Event.Added}.
 *
 * <p>The queue is as long as the source has buffers: a buffer that comes and goes unseen leaves no
 * trace. A source that bounds its buffers, as each must, bounds the queue.
 */
public final class Mailbox implements FrameListener, AutoCloseable {
  /** What happened besides frames; {@code order} counts everything that was put in. */
  public sealed interface Event {
    /** Its place among all that was put in. */
    long order();

    /** A buffer came; the taker owns a hold on it. */
    record Added(long order, Buffer buffer) implements Event {}

    /** A buffer went. */
    record Removed(long order, Buffer buffer) implements Event {}

    /** Nothing more will come; {@code failure} is null for an ordinary end. */
    record Ended(long order, String reason, Throwable failure) implements Event {}
  }

  private final EventFd wake;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private Frame frame;
  private long frameOrder;
  private long nextOrder;
  private long framesIn;
  private long overtaken;
  private boolean signalled;
  private boolean ended;
  private boolean closed;
  private volatile Mode mode;

  /** An empty mailbox; {@link #close} it after its source was closed. */
  public Mailbox() throws ErrnoException {
    wake = new EventFd("mailbox");
  }

  @Override
  public void modeChanged(Mode changed) {
    mode = changed;
    put(null);
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    buffer.hold();
    synchronized (this) {
      if (!closed) {
        put(new Event.Added(nextOrder++, buffer));
        return;
      }
    }
    buffer.letGo();
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    synchronized (this) {
      boolean shown = frame != null && frame.buffer() == buffer;
      if (shown || !cancelAdded(buffer)) {
        put(new Event.Removed(nextOrder++, buffer));
        return;
      }
    }
    buffer.letGo();
  }

  private boolean cancelAdded(Buffer buffer) {
    for (Iterator<Event> all = events.iterator(); all.hasNext(); ) {
      if (all.next() instanceof Event.Added added && added.buffer() == buffer) {
        all.remove();
        return true;
      }
    }
    return false;
  }

  @Override
  public void ended(String reason, Throwable failure) {
    synchronized (this) {
      ended = true;
      put(new Event.Ended(nextOrder++, reason, failure));
    }
  }

  private synchronized void put(Event event) {
    if (closed) {
      return;
    }
    if (event != null) {
      events.add(event);
    }
    signal();
  }

  @Override
  public void framePresented(Frame presented) {
    Frame released;
    synchronized (this) {
      framesIn++;
      if (closed) {
        released = presented;
      } else {
        released = frame;
        if (released != null) {
          overtaken++;
          // What changed from the frame before the overtaken one to this one is both their damage.
          presented.damage().addAll(released.damage());
          presented
              .damage()
              .clip(presented.buffer().layout().width(), presented.buffer().layout().height());
        }
        frame = presented;
        frameOrder = nextOrder++;
        signal();
      }
    }
    // Outside the lock: its owner may present the next frame from there.
    if (released != null) {
      released.release();
    }
  }

  /** One write(2) for any number of things that the sink's thread has not looked at yet. */
  private void signal() {
    if (!signalled) {
      signalled = true;
      wake.signal();
    }
  }

  /** Becomes readable when something was put in. */
  public Fd wakeFd() {
    return wake.fd();
  }

  /** Makes {@link #wakeFd} not readable; look at everything afterwards. */
  public void awake() {
    // In this order: what comes between the two is seen by the look that follows.
    wake.drain();
    synchronized (this) {
      signalled = false;
    }
  }

  /** The newest mode, or null before the first; any thread. */
  public Mode mode() {
    return mode;
  }

  /** The next event that does not have to wait for a frame to be taken, or null. */
  public synchronized Event takeEvent() {
    Event first = events.peek();
    if (first == null || (frame != null && first.order() > frameOrder)) {
      return null;
    }
    return events.remove();
  }

  /** Whether {@link #takeFrame} would return one now. */
  public synchronized boolean hasFrame() {
    return frame != null && (events.isEmpty() || events.peek().order() > frameOrder);
  }

  /** The newest frame, with the hold that the mailbox had on it; null where there is none. */
  public synchronized Frame takeFrame() {
    if (!hasFrame()) {
      return null;
    }
    Frame taken = frame;
    frame = null;
    return taken;
  }

  /** Whether the source has ended, though a frame may still wait here. */
  public synchronized boolean hasEnded() {
    return ended;
  }

  /** Frames that were put in so far. */
  public synchronized long framesIn() {
    return framesIn;
  }

  /** Frames that were released because a newer one came first. */
  public synchronized long overtaken() {
    return overtaken;
  }

  /** Releases what was not taken, and whatever still comes. */
  @Override
  public void close() {
    Frame left;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      left = frame;
      frame = null;
    }
    if (left != null) {
      left.release();
    }
    for (Event event : events) {
      if (event instanceof Event.Added added) {
        added.buffer().letGo();
      }
    }
    events.clear();
    wake.close();
  }
}
