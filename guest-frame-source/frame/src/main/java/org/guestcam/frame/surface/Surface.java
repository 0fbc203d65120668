// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;

/**
 * What a console shows in one mode: its memory, and what has changed in it since it was presented
 * last. The source's thread owns it.
 */
public interface Surface {
  /** How the picture lies in its memory. */
  FrameLayout layout();

  /** Whether something has changed that no frame has shown. */
  boolean hasDamage();

  /** Something changed; the rectangle may lie anywhere. */
  void damage(int x, int y, int width, int height);

  /**
   * Presents what has changed.
   *
   * @return false where every frame is taken: try again when one is released
   */
  boolean present(FrameListener listener, long sequence, long timestampNanos);

  /** No frame will come any more; the memory goes when the last one is released. */
  void remove(FrameListener listener);
}
