// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;
import org.guestcam.uapi.Poll;

/**
 * Takes frames and releases them. It has no thread of its own: one thread owns it, waits with
 * {@link #watch} in poll(2), and then calls {@link #dispatch}. No method blocks but {@link #finish}
 * and {@link #close}.
 */
public interface FrameSink extends AutoCloseable {
  /** For people: what it is, in a few words. */
  String description();

  /** Puts what it waits for into entry {@code index}; asked for before each wait. */
  void watch(Poll poll, int index);

  /**
   * Its descriptor became ready: takes back what is done and releases those frames.
   *
   * @param ready what poll(2) returned for it; 0 is allowed
   * @throws IOException when the sink is gone
   */
  void dispatch(int ready) throws IOException;

  /** Whether {@link #take} would find a place for a frame now. */
  boolean canTake();

  /**
   * Takes one hold on a frame over and shows it as soon as it can. The first frame of a layout
   * makes the sink negotiate.
   *
   * @throws SinkRefusedException where it cannot show such frames; the frame is released
   * @throws IOException when the sink is gone; the frame is released
   */
  void take(Frame frame) throws IOException;

  /** Frames may show {@code buffer}: import it. */
  void bufferAdded(Buffer buffer);

  /** No further frame will show {@code buffer}: forget it when its frames are released. */
  void bufferRemoved(Buffer buffer);

  /** How it shows frames, for people: empty before the first one. */
  String path();

  /** Bytes of pixels that the CPU has copied so far; 0 is the aim. */
  long copiedBytes();

  /** The time that frames need at least between them, in nanoseconds; 0 when it does not say. */
  long frameIntervalNanos();

  /**
   * Ends in order, before {@link #close}, where the run ended well: what was taken is shown or
   * written to its end. Unlike the other methods it may block.
   *
   * @throws IOException where that failed
   */
  default void finish() throws IOException {}

  /** Stops showing, releases every frame and gives everything back. */
  @Override
  void close();
}
