// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The newest encoded picture, for any number of readers: each takes it when it is ready for one,
 * and nobody waits for a slow one. There are as many arrays as readers and two, used again and
 * again.
 */
final class PictureBoard implements AutoCloseable {
  /** An encoded picture, which stays as it is until it is given back. */
  static final class Picture {
    private byte[] bytes = new byte[0];
    private int length;
    private long number;
    private int readers;

    byte[] bytes() {
      return bytes;
    }

    int length() {
      return length;
    }

    /** Counts from 1. */
    long number() {
      return number;
    }
  }

  private final List<Picture> all = new ArrayList<>();
  private Picture newest;
  private long count;
  private boolean closed;

  /** Puts a copy of {@code encoded} up. One thread at a time. */
  void show(ByteBuffer encoded) {
    Picture free = free();
    int length = encoded.remaining();
    if (free.bytes.length < length) {
      free.bytes = new byte[length + length / 4];
    }
    encoded.get(free.bytes, 0, length);
    free.length = length;
    synchronized (this) {
      free.number = ++count;
      newest = free;
      notifyAll();
    }
  }

  private synchronized Picture free() {
    for (Picture picture : all) {
      if (picture.readers == 0 && !picture.equals(newest)) {
        return picture;
      }
    }
    Picture made = new Picture();
    all.add(made);
    return made;
  }

  /**
   * Waits for a picture that is newer; {@link #giveBack} is the caller's to call.
   *
   * @param number of the one before; 0 for any
   * @return null when there will be none
   */
  synchronized Picture awaitNewer(long number) {
    try {
      while (!closed && count == number) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
    if (closed) {
      return null;
    }
    newest.readers++;
    return newest;
  }

  /** Its array may be used again. */
  synchronized void giveBack(Picture picture) {
    picture.readers--;
  }

  /** Nothing more will come. */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
