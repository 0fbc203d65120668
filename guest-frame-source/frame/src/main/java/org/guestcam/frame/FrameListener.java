// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/**
 * Hears of a source's buffers and frames. Called on the source's threads, one call at a time; must
 * not block, for a guest may wait.
 */
public interface FrameListener {
  /** What comes from now on has this mode. Comes first, and again at each change. */
  void modeChanged(Mode mode);

  /** Frames may show {@code buffer} from now on: the time to import it. */
  void bufferAdded(Buffer buffer);

  /** No further frame will show {@code buffer}; frames that are out still may be read. */
  void bufferRemoved(Buffer buffer);

  /** The guest presented a frame; the listener has one hold on it and must release it. */
  void framePresented(Frame frame);

  /** The guest's pointer changed, and is not drawn into the frames. Most listeners do not care. */
  default void cursorChanged(Cursor cursor) {}

  /**
   * Nothing more will come; called once.
   *
   * @param reason for people: why
   * @param failure what went wrong, or null for an ordinary end
   */
  void ended(String reason, Throwable failure);
}
