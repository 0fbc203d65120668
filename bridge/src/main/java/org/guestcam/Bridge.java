// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Mailbox;
import org.guestcam.frame.Mode;
import org.guestcam.frame.Pacer;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;

/**
 * Carries frames from a source to a sink: source → {@link Mailbox} → {@link Pacer} → sink.
 *
 * <p>{@link #run} is the sink's thread. It waits in one ppoll(2) for the sink, the mailbox and
 * {@link #stop}. A frame costs no allocation here and no copy. The last frame is kept, and so not
 * released, as long as the pacer may ask for it again; a newer one takes its place.
 *
 * <p>Owns the source, and the sink once it is open; {@link #close} gives everything back on every
 * way out.
 */
public final class Bridge implements AutoCloseable {
  /** Why a run ended well. */
  public enum Ending {
    /** The source had nothing more to show. */
    SOURCE_ENDED,
    /** {@link #stop} was called. */
    STOPPED,
    /** It did what {@link Limits} asked for. */
    LIMIT
  }

  /**
   * When to end by itself.
   *
   * @param frames after that many new frames; 0 for no limit
   * @param nanos after that long, from when the sink is open; 0 for no limit
   */
  public record Limits(long frames, long nanos) {
    /** Go on until the source ends or somebody stops it. */
    public static final Limits NONE = new Limits(0, 0);
  }

  /** Opens the sink when the source's rate is known; called once, on the thread of {@link #run}. */
  @FunctionalInterface
  public interface SinkOpener {
    /**
     * The sink, which the bridge then owns.
     *
     * @param milliHertz the rate to announce, frames in 1000 seconds
     */
    FrameSink open(int milliHertz) throws IOException;
  }

  /** A resource whose closing does not fail. */
  private interface Closing extends AutoCloseable {
    @Override
    void close();
  }

  private static final int SINK = 0;
  private static final int MAILBOX = 1;
  private static final int STOP = 2;
  private static final int WAITS = 3;

  private static final long SECOND = 1_000_000_000L;

  /** How long the sink waits for a source that does not say its mode. */
  private static final long MODE_WAIT = 2 * SECOND;

  /** How long the last frame is offered to a sink that cannot take it. */
  private static final long LAST_FRAME_WAIT = SECOND;

  /** How often a sink that cannot take a frame is asked again, whatever poll(2) says. */
  private static final long BLOCKED_WAIT = SECOND;

  /** How long the mailbox may wait for a tick to come. */
  private static final long DEAF_MOST = SECOND / 20;

  private final FrameSource source;
  private final SinkOpener opener;
  private final Pace pace;
  private final Limits limits;
  private final Mailbox mailbox;
  private final BridgeStats stats;
  private final EventFd stopSignal;
  private final Poll poll = new Poll(WAITS);
  private final List<Buffer> buffers = new ArrayList<>();
  private final Object stopLock = new Object();

  private FrameSink sink;
  private Pacer pacer;
  private Mode pacedFor;
  private Frame last;
  private Mailbox.Event.Ended sourceEnded;
  private long lastFrameUntil;
  private long sinkAskedAt;
  private boolean closed;
  private boolean refusesCopies;
  private volatile boolean stopping;

  /** A bridge that has not begun; takes {@code source} over. */
  public Bridge(FrameSource source, SinkOpener opener, Pace pace, Limits limits)
      throws ErrnoException {
    this.source = source;
    this.opener = opener;
    this.pace = pace;
    this.limits = limits;
    mailbox = new Mailbox();
    stats = new BridgeStats(mailbox);
    stopSignal = new EventFd("stop");
  }

  /** {@link #run} fails with a {@link SourceCopiesException} when the source copies; before it. */
  public void refuseCopies() {
    refusesCopies = true;
  }

  /** What it counts; any thread may look. */
  public BridgeStats stats() {
    return stats;
  }

  /** Makes {@link #run} return soon; any thread, any time, and also from a shutdown hook. */
  public void stop() {
    stopping = true;
    synchronized (stopLock) {
      if (!closed) {
        stopSignal.signal();
      }
    }
  }

  /**
   * Starts the source and carries its frames until an end. Called once.
   *
   * @throws IOException where the source or the sink failed; the message says which and why
   */
  public Ending run() throws IOException {
    source.start(mailbox);
    long startedAt = System.nanoTime();
    stats.start(startedAt);
    if (!awaitMode(startedAt + MODE_WAIT)) {
      return Ending.STOPPED;
    }
    pacedFor = mailbox.mode();
    pacer = pace.pacer(pacedFor);
    sink = opener.open(pace.milliHertz(pacedFor));
    // The time counts from here: a sink that begins slowly, an encoder, would take it all else.
    Ending ending = carry(limits.nanos() == 0 ? Pacer.NEVER : System.nanoTime() + limits.nanos());
    if (ending != Ending.STOPPED && last != null) {
      drain();
    }
    sink.finish();
    askSink(System.nanoTime());
    if (ending == Ending.SOURCE_ENDED && sourceEnded != null && sourceEnded.failure() != null) {
      throw new IOException(
          source.description() + ": " + sourceEnded.reason(), sourceEnded.failure());
    }
    return ending;
  }

  /** Waits until the source has said its mode, has ended or the time is over; false for a stop. */
  private boolean awaitMode(long until) throws IOException {
    while (!stopping) {
      long left = until - System.nanoTime();
      if (mailbox.mode() != null || mailbox.hasEnded() || left <= 0) {
        return true;
      }
      await(left);
    }
    return false;
  }

  private Ending carry(long until) throws IOException {
    while (!stopping) {
      passEventsOn();
      if (sourceEnded != null) {
        return Ending.SOURCE_ENDED;
      }
      followRate();
      long now = System.nanoTime();
      if (now >= until) {
        return Ending.LIMIT;
      }
      boolean fresh = mailbox.hasFrame();
      Pacer.Action action = pacer.next(now, fresh);
      long wakeAt = Math.min(until, pacer.wakeAt(fresh));
      if (action != Pacer.Action.NOTHING) {
        if (sink.canTake()) {
          give(action, now);
          if (limits.frames() != 0 && stats.framesOut() >= limits.frames()) {
            return Ending.LIMIT;
          }
          continue;
        }
        wakeAt = Math.min(until, now + BLOCKED_WAIT);
      }
      if (mailbox.hasEnded()) {
        // Its last frame still waits here: for its tick, or for a sink that may never take it.
        lastFrameUntil = lastFrameUntil == 0 ? now + LAST_FRAME_WAIT : lastFrameUntil;
        if (now >= lastFrameUntil) {
          return Ending.SOURCE_ENDED;
        }
        wakeAt = Math.min(wakeAt, lastFrameUntil);
      }
      // Before its tick no frame goes on: one that comes meanwhile need not wake us, for we look
      // then.
      long tick = pacer.tickAt();
      if (tick > now && tick - now <= DEAF_MOST) {
        awaitTick(Math.min(tick, wakeAt) - now);
      } else {
        await(wakeAt == Pacer.NEVER ? Poll.FOREVER : Math.max(0, wakeAt - now));
      }
    }
    return Ending.STOPPED;
  }

  private void passEventsOn() {
    for (Mailbox.Event event; (event = mailbox.takeEvent()) != null; ) {
      switch (event) {
        case Mailbox.Event.Added added -> {
          buffers.add(added.buffer()); // first, so that its hold is given back in any case
          sink.bufferAdded(added.buffer());
        }
        case Mailbox.Event.Removed removed -> {
          if (buffers.remove(removed.buffer())) {
            sink.bufferRemoved(removed.buffer());
            removed.buffer().letGo();
          }
        }
        case Mailbox.Event.Ended end -> sourceEnded = end;
      }
    }
  }

  /** A source that changes its mode changes the rate, where the rate is the source's. */
  private void followRate() {
    Mode mode = mailbox.mode();
    if (!Objects.equals(mode, pacedFor)) {
      if (pace instanceof Pace.OfSource && pace.milliHertz(mode) != pace.milliHertz(pacedFor)) {
        pacer = pace.pacer(mode);
      }
      pacedFor = mode;
    }
  }

  private void give(Pacer.Action action, long now) throws IOException {
    if (action == Pacer.Action.REPEAT) {
      sink.take(last.retain());
      stats.repeated();
      pacer.repeated(now);
    } else {
      Frame frame = mailbox.takeFrame();
      if (frame == null) {
        return; // since we looked, a newer one took its place, behind news of a buffer
      }
      show(frame);
      pacer.shown(now);
    }
    if (sinkAskedAt == 0 || now - sinkAskedAt >= SECOND) {
      askSink(now);
    }
  }

  private void show(Frame frame) throws IOException {
    // Read before the sink has it, for it may be released and presented anew within take().
    long presentedAt = frame.timestampNanos();
    Frame before = last;
    last = pacer.repeats() ? frame.keep() : null;
    try {
      sink.take(frame);
    } finally {
      if (before != null) {
        before.letGo();
      }
    }
    stats.shown(System.nanoTime() - presentedAt);
  }

  private void askSink(long now) throws SourceCopiesException {
    sinkAskedAt = now;
    long copied = source.copiedBytes();
    stats.sinkSays(copied + sink.copiedBytes(), sink.path());
    stats.sourceSays(
        source.tornFrames(),
        source.overtakenFrames(),
        source.convertedFrames(),
        source.convertedBytes());
    if (refusesCopies && source.copiesFrames()) {
      throw new SourceCopiesException(source.description(), copied);
    }
  }

  /** Gives the sink the time of one frame to show the last one, before closing cuts it off. */
  private void drain() throws IOException {
    long interval = Math.min(pacer.intervalNanos(), SECOND);
    long until = System.nanoTime() + (interval == 0 ? SECOND / 30 : interval);
    long now;
    while (!stopping && (now = System.nanoTime()) < until) {
      await(until - now);
    }
  }

  private void await(long nanos) throws IOException {
    poll.watch(MAILBOX, mailbox.wakeFd(), Poll.IN);
    awaitWatched(nanos);
  }

  /** Waits for a tick, whatever comes into the mailbox meanwhile. */
  private void awaitTick(long nanos) throws IOException {
    poll.ignore(MAILBOX);
    awaitWatched(nanos);
  }

  private void awaitWatched(long nanos) throws IOException {
    if (sink == null) {
      poll.ignore(SINK);
    } else {
      sink.watch(poll, SINK);
    }
    poll.watch(STOP, stopSignal.fd(), Poll.IN);
    poll.await(nanos);
    if (poll.ready(MAILBOX) != 0) {
      mailbox.awake();
    }
    if (sink != null) {
      sink.dispatch(poll.ready(SINK));
    }
  }

  /** Ends the source, then the sink, and releases every frame. On the thread of {@link #run}. */
  @Override
  @SuppressWarnings("try") // the resources are there to be closed, whichever of them fails
  public void close() {
    synchronized (stopLock) {
      if (closed) {
        return;
      }
      closed = true;
    }
    // Closed from the bottom to the top.
    try (Closing _ = poll::close;
        Closing _ = stopSignal::close;
        Closing _ = mailbox::close;
        Closing _ = this::letBuffersGo;
        FrameSink _ = sink;
        Closing _ = this::releaseLast;
        FrameSource _ = source) {
      stopping = true;
    }
  }

  private void releaseLast() {
    Frame kept = last;
    last = null;
    if (kept != null) {
      kept.letGo();
    }
  }

  private void letBuffersGo() {
    buffers.forEach(Buffer::letGo);
    buffers.clear();
  }
}
