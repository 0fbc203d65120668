// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;

/**
 * Where frames come from: a guest's display. {@link #start} once, {@link #close} once; between the
 * two the listener hears of everything.
 */
public interface FrameSource extends AutoCloseable {
  /**
   * Begins; returns when the source is connected or has failed.
   *
   * @param listener called from now on until it has heard {@code ended} or close returned
   */
  void start(FrameListener listener) throws IOException;

  /** For people: what it is, in a few words. */
  String description();

  /** Bytes of pixels that were copied on their way into frames so far; 0 is the aim. */
  default long copiedBytes() {
    return 0;
  }

  /**
   * Whether each frame is made by copying the guest's pixels, for want of another way to them on
   * this host. A picture that is copied once, to be held when the guest takes its pages back, does
   * not count. Any thread may ask.
   */
  default boolean copiesFrames() {
    return false;
  }

  /**
   * Frames that it released unseen because a newer one came first, before its listener could hear
   * of them; 0 for a source that passes each one on. Any thread may ask.
   */
  default long overtakenFrames() {
    return 0;
  }

  /** Frames whose pixels were converted into another format so far. Any thread may ask. */
  default long convertedFrames() {
    return 0;
  }

  /** Bytes of pixels that were written by converting so far. Any thread may ask. */
  default long convertedBytes() {
    return 0;
  }

  /**
   * Frames whose memory the guest drew into while they were read, or kept to be read again: they
   * may show parts of two pictures. 0 for a source where that cannot happen, or that cannot tell.
   * Any thread may ask.
   */
  default long tornFrames() {
    return 0;
  }

  /**
   * Ends it and waits for its threads; buffers live on until their frames are released. Safe to
   * call before start and after the end.
   */
  @Override
  void close();
}
