// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameSink;
import org.guestcam.uapi.Poll;

/** A sink without a device: notes what it gets and releases it, or does as a test tells it. */
public final class FakeSink implements FrameSink {
  public final List<Long> sequences = new ArrayList<>();
  public final Set<Buffer> known = new HashSet<>();
  public LongConsumer onTake = _ -> {};
  public Runnable onAsked = () -> {};
  public IOException failsWith;
  public boolean keepsNotes = true;
  public volatile boolean full;
  public boolean closed;
  public Thread owner;

  private void requireOwner() {
    if (owner == null) {
      owner = Thread.currentThread();
    }
    if (!owner.equals(Thread.currentThread())) {
      throw new AssertionError("the sink belongs to " + owner);
    }
  }

  @Override
  public String description() {
    return "fake sink";
  }

  @Override
  public void watch(Poll poll, int index) {
    requireOwner();
    poll.ignore(index);
  }

  @Override
  public void dispatch(int ready) {
    requireOwner();
  }

  @Override
  public boolean canTake() {
    onAsked.run();
    return !full;
  }

  @Override
  public void take(Frame frame) throws IOException {
    requireOwner();
    if (!known.contains(frame.buffer())) {
      throw new AssertionError(frame + " came before its buffer");
    }
    long sequence = frame.sequence();
    frame.release();
    if (failsWith != null) {
      throw failsWith;
    }
    if (keepsNotes) {
      sequences.add(sequence);
    }
    onTake.accept(sequence);
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    known.add(buffer);
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    known.remove(buffer);
  }

  @Override
  public String path() {
    return "FAKE";
  }

  @Override
  public long copiedBytes() {
    return 0;
  }

  @Override
  public long frameIntervalNanos() {
    return 0;
  }

  @Override
  public void close() {
    closed = true;
  }
}
