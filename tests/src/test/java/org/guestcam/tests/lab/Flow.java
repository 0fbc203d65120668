// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.guestcam.Bridge;
import org.guestcam.BridgeStats;
import org.guestcam.Pace;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.Providers;
import org.guestcam.uapi.Poll;

/**
 * A running bridge from a source to a sink, on a thread of its own, as {@code guestcam run} has it;
 * the sink is the real one, and only counts what passes.
 */
final class Flow implements AutoCloseable {
  private static final long LIMIT_SECONDS = 600;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final FrameSource source;
  private final Bridge bridge;
  private final Thread thread;
  private long taken;
  private boolean ended;
  private Throwable failure;
  private String path = "";
  private long copiedBytes;

  private Flow(FrameSource source, String sink, Pace pace, boolean requireZeroCopy)
      throws IOException {
    Endpoint to = Endpoint.parse(sink);
    this.source = source;
    bridge =
        new Bridge(
            this.source,
            milliHertz ->
                new Counting(
                    Providers.sink(to)
                        .open(to, new FrameSinkProvider.Options(requireZeroCopy, milliHertz))),
            pace,
            Bridge.Limits.NONE);
    thread = Thread.ofPlatform().name("flow").start(this::carry);
  }

  static Flow start(String source, String sink) throws IOException {
    return start(source, sink, new Pace.OfSource(), false);
  }

  /** Of a source that has not begun, and which it takes over. */
  static Flow start(FrameSource source, String sink) throws IOException {
    return new Flow(source, sink, new Pace.OfSource(), false);
  }

  static Flow start(String source, String sink, Pace pace, boolean requireZeroCopy)
      throws IOException {
    Endpoint from = Endpoint.parse(source);
    return new Flow(Providers.source(from).open(from), sink, pace, requireZeroCopy);
  }

  private void carry() {
    Throwable thrown = null;
    try (bridge) {
      Bridge.Ending ending = bridge.run();
      assert ending != null;
    } catch (IOException | RuntimeException | Error e) {
      thrown = e;
    }
    lock.lock();
    try {
      ended = true;
      failure = thrown;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the sink has taken {@code frames}; a flow that ended before is a failure. */
  Flow awaitFrames(long frames) {
    return await(() -> taken >= frames, frames + " frames");
  }

  /** Waits until the sink shows frames in a way whose description contains {@code part}. */
  Flow awaitPath(String part) {
    return await(() -> path.contains(part), "the path " + part);
  }

  private interface Expectation {
    boolean holds();
  }

  private Flow await(Expectation condition, String what) {
    long left = TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    lock.lock();
    try {
      while (!condition.holds()) {
        if (ended) {
          throw new AssertionError("the flow ended while waiting for " + what, failure);
        }
        if (left <= 0) {
          throw new AssertionError("no " + what + " in time; " + taken + " taken, path " + path);
        }
        left = changed.awaitNanos(left);
      }
      return this;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      lock.unlock();
    }
  }

  /** Ends it soon. */
  void stop() {
    bridge.stop();
  }

  /** Waits for the end; what it failed with, or null. */
  Throwable awaitEnd() {
    try {
      if (!thread.join(java.time.Duration.ofSeconds(LIMIT_SECONDS))) {
        throw new AssertionError("the flow does not end");
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return failure;
  }

  /** What the source says of itself now. */
  String source() {
    return source.description();
  }

  /** Frames that the source counts as torn. */
  long tornFrames() {
    return source.tornFrames();
  }

  /** Bytes that the source has copied. */
  long sourceCopiedBytes() {
    return source.copiedBytes();
  }

  BridgeStats stats() {
    return bridge.stats();
  }

  long taken() {
    lock.lock();
    try {
      return taken;
    } finally {
      lock.unlock();
    }
  }

  String path() {
    lock.lock();
    try {
      return path;
    } finally {
      lock.unlock();
    }
  }

  /** Bytes that the sink had copied when it took its last frame. */
  long copiedBytes() {
    lock.lock();
    try {
      return copiedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Stops it; a failure that nobody asked about is thrown here. */
  @Override
  public void close() {
    boolean before;
    lock.lock();
    try {
      before = ended;
    } finally {
      lock.unlock();
    }
    bridge.stop();
    Throwable thrown = awaitEnd();
    if (!before && thrown != null) {
      throw new AssertionError("the flow failed", thrown);
    }
  }

  /** The sink itself, with a count of what it took. */
  private final class Counting implements FrameSink {
    private final FrameSink sink;

    Counting(FrameSink sink) {
      this.sink = sink;
    }

    @Override
    public String description() {
      return sink.description();
    }

    @Override
    public void finish() throws IOException {
      sink.finish();
    }

    @Override
    public void watch(Poll poll, int index) {
      sink.watch(poll, index);
    }

    @Override
    public void dispatch(int ready) throws IOException {
      sink.dispatch(ready);
    }

    @Override
    public boolean canTake() {
      return sink.canTake();
    }

    @Override
    public void take(Frame frame) throws IOException {
      sink.take(frame);
      String how = sink.path();
      lock.lock();
      try {
        taken++;
        path = how;
        copiedBytes = sink.copiedBytes();
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void bufferAdded(Buffer buffer) {
      sink.bufferAdded(buffer);
    }

    @Override
    public void bufferRemoved(Buffer buffer) {
      sink.bufferRemoved(buffer);
    }

    @Override
    public String path() {
      return sink.path();
    }

    @Override
    public long copiedBytes() {
      return sink.copiedBytes();
    }

    @Override
    public long frameIntervalNanos() {
      return sink.frameIntervalNanos();
    }

    @Override
    public void close() {
      sink.close();
    }
  }
}
