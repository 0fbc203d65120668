// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;

/**
 * Makes pictures of one layout into another format, in buffers of its own, of which it tells its
 * listener. Used by one thread; any thread releases what it shows.
 */
interface Conversion {
  /** Whether pictures of this layout are what it converts. */
  boolean isFrom(FrameLayout layout);

  /** Whether {@link #convert} would find a place. */
  boolean hasFree() throws IOException;

  /**
   * The same picture in the other format; the one given stays the caller's, and may be drawn into
   * when this returns.
   *
   * @throws IOException where that cannot be, with the reason
   */
  Frame convert(Frame frame) throws IOException;

  /** The guest has done with a buffer. */
  void forget(Buffer guests);

  /** Of one converted picture. */
  long bytes();

  /** Unused by its buffers, as are all above. */
  int nextId();

  /** No further frame shows its buffers; frames that are out may still be read. Called once. */
  void end();
}
