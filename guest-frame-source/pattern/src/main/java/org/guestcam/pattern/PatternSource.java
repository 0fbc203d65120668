// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mode;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;

/**
 * A guest that shows the test picture: one thread draws into free buffers and presents them, at a
 * fixed rate or as fast as frames are released.
 *
 * <p>A frame's sequence number is the number in its pixels. Numbers go on when the guest is held
 * up: at a fixed rate a frame that finds every buffer taken is never drawn, and its number is
 * missing.
 *
 * <p>The thread waits in ppoll(2) for its next time, for {@link #close} and for a released frame:
 * that is precise to the scheduler, ends at once, and, unlike a Condition, allocates nothing.
 */
public final class PatternSource implements FrameSource {
  private final PatternOptions options;
  private final Map<FrameLayout, PatternPicture> pictures = new HashMap<>(); // dear to prepare
  private final Object wakeLock = new Object();
  private volatile EventFd wake; // signalled and closed under wakeLock; null before and after
  private volatile boolean closing;
  private volatile boolean waitsForFree;
  private final AtomicLong presented = new AtomicLong();
  private final AtomicLong starved = new AtomicLong();
  private final AtomicLong late = new AtomicLong();
  private Thread thread;
  private int nextBufferId;

  PatternSource(PatternOptions options) {
    this.options = options;
  }

  /**
   * Allocates the first mode's buffers and starts the thread.
   *
   * @throws org.guestcam.frame.HostLacksException where dma-bufs are asked for and the host makes
   *     none, with the reason
   */
  @Override
  public synchronized void start(FrameListener listener) throws IOException {
    if (thread != null || closing) {
      throw new IllegalStateException(description() + " was started or closed before");
    }
    GuestScreen first = screen(options.steps().getFirst());
    try {
      wake = new EventFd("pattern wake-up");
    } catch (IOException e) {
      first.discard();
      throw e;
    }
    thread =
        Thread.ofPlatform()
            .name("pattern")
            .daemon() // a guest keeps no host running
            .start(() -> run(first, listener));
  }

  private GuestScreen screen(PatternOptions.Step step) throws IOException {
    FrameLayout layout = step.layout();
    Mode mode = new Mode(layout.width(), layout.height(), layout.format(), options.milliHertz());
    PatternPicture picture = pictures.computeIfAbsent(layout, PatternPicture::new);
    GuestMemory memory =
        GuestMemory.allocate(
            layout,
            options.buffers(),
            nextBufferId,
            options.arrangement(),
            options.run(),
            options.memory());
    nextBufferId += options.buffers();
    return new GuestScreen(mode, picture, memory, this::becameFree);
  }

  private void run(GuestScreen first, FrameListener listener) {
    String reason;
    Throwable failure = null;
    try {
      reason = play(first, listener);
    } catch (Throwable t) { // the listener's as well: whoever waits for the end must hear of it
      reason = "the test picture failed: " + t.getMessage();
      failure = t;
    }
    try {
      listener.ended(reason, failure);
    } finally {
      synchronized (wakeLock) {
        wake.close();
        wake = null; // frames may be released long after the end
      }
    }
  }

  /**
   * Presents frames until it is time to end.
   *
   * @return why it ended
   */
  private String play(GuestScreen first, FrameListener listener) throws IOException {
    GuestScreen screen = first;
    try (Poll poll = new Poll(1)) {
      poll.watch(0, wake.fd(), Poll.IN);
      screen.add(listener);
      FrameClock clock =
          options.milliHertz() == 0
              ? null
              : new FrameClock(System.nanoTime(), options.milliHertz());
      int step = 0;
      long inStep = 0;
      long number = 0;
      while (!closing) {
        if (isReached(options.frames())) {
          return "all " + options.frames() + " frames were presented";
        }
        if (isReached(options.stop())) {
          await(poll, Poll.FOREVER);
          continue;
        }
        if (isOver(step, inStep)) {
          step = (step + 1) % options.steps().size();
          inStep = 0;
          // The old buffers go only when the new ones are there: a failure changes nothing.
          GuestScreen other = screen(options.steps().get(step));
          GuestScreen old = screen;
          screen = other;
          old.remove(listener);
          other.add(listener);
        }
        long wait = clock == null ? 0 : clock.due(number) - System.nanoTime();
        if (wait > 0) {
          await(poll, wait);
        } else if (screen.present(number, listener)) {
          presented.incrementAndGet();
          inStep++;
          number = next(clock, number);
        } else if (clock == null) {
          awaitFree(poll, screen);
        } else {
          starved.incrementAndGet();
          number = next(clock, number);
        }
      }
      return "the test picture was closed";
    } finally {
      screen.remove(listener);
    }
  }

  private boolean isReached(long limit) {
    return limit != 0 && presented.get() >= limit;
  }

  private boolean isOver(int step, long inStep) {
    long frames = options.steps().get(step).frames();
    return frames != 0 && inStep >= frames;
  }

  /**
   * The number of the next frame: those whose time passed while this one was drawn are left out.
   */
  private long next(FrameClock clock, long number) {
    if (clock == null) {
      return number + 1;
    }
    long next = Math.max(number + 1, clock.latest(System.nanoTime()));
    late.addAndGet(next - (number + 1));
    return next;
  }

  private void awaitFree(Poll poll, GuestScreen screen) throws IOException {
    // A frame that is released before the flag is up is seen by hasFree, a later one signals.
    waitsForFree = true;
    if (!screen.hasFree()) {
      await(poll, Poll.FOREVER);
    }
    waitsForFree = false;
  }

  private void await(Poll poll, long nanos) throws IOException {
    if (poll.await(nanos) > 0) {
      wake.drain();
    }
  }

  /** On any thread, whoever releases a frame. */
  private void becameFree() {
    if (waitsForFree) {
      signal();
    }
  }

  private void signal() {
    synchronized (wakeLock) {
      if (wake != null) {
        wake.signal();
      }
    }
  }

  /** Frames that were presented so far. */
  public long presented() {
    return presented.get();
  }

  /** Frames that were never drawn because every buffer was taken at their time. */
  public long starved() {
    return starved.get();
  }

  /** Frames that were left out because the one before was not finished at their time. */
  public long late() {
    return late.get();
  }

  @Override
  public String description() {
    FrameLayout first = options.steps().getFirst().layout();
    return "test picture " + first.width() + "x" + first.height() + " " + first.format();
  }

  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      closing = true;
      running = thread;
    }
    signal();
    OwnThread.awaitEnd(running); // buffers must be gone when this returns
  }
}
