// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

/**
 * Pages that two domains share, as a dma-buf, and the word of when they share them no more. Made by
 * {@link GrantModule}; owns both descriptors. Used by one thread.
 */
public final class GrantBuffer implements AutoCloseable {
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final DmaBuf dmaBuf;
  private final int[] refs;
  private final EventFd ended;

  GrantBuffer(DmaBuf dmaBuf, int[] refs, EventFd ended) {
    this.dmaBuf = dmaBuf;
    this.refs = refs;
    this.ended = ended;
  }

  /** The pages in the order of their references; borrowed. */
  public DmaBuf dmaBuf() {
    return dmaBuf;
  }

  /** One grant reference a page. */
  public int[] refs() {
    return refs.clone();
  }

  /**
   * Closes the dma-buf here, and waits until everybody else has let go of it too and Xen has ended
   * the grants.
   *
   * @return whether that was so in time
   */
  public boolean awaitEnded(int millis) throws ErrnoException {
    dmaBuf.close();
    try (Poll poll = new Poll(1)) {
      poll.watch(0, ended.fd(), Poll.IN);
      poll.await(millis * NANOS_PER_MILLI);
      return poll.ready(0) != 0;
    }
  }

  /** Lets go of the dma-buf; grants end behind its last user. */
  @Override
  public void close() {
    dmaBuf.close();
    ended.close();
  }
}
