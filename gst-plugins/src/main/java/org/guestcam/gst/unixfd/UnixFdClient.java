// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Frame;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.UnixSocket;

/**
 * One reader of a {@link UnixFdSink}: what it was sent and has not released yet. It may hold a few
 * frames; one that holds them all for long, or does not play fair, is sent away, so that no guest
 * waits for it.
 */
final class UnixFdClient implements AutoCloseable {
  /** Frames that it may hold: one that it shows, one that it prepares. */
  static final int MOST = 2;

  private final UnixSocket socket;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment incoming = arena.allocate(UnixFdMessage.MOST, 8);
  private final IoVector vector = new IoVector();
  private final Frame[] frames = new Frame[MOST];
  private final long[] ids = new long[MOST];
  private final Fd[] shared = new Fd[1]; // not made anew for each frame
  private int filled;
  private long fullSince;
  private boolean gone;

  /** Takes {@code socket} over. */
  UnixFdClient(UnixSocket socket) {
    this.socket = socket;
  }

  Fd fd() {
    return socket.fd();
  }

  boolean isGone() {
    return gone;
  }

  private int place(Frame wanted) {
    for (int i = 0; i < MOST; i++) {
      if (frames[i] == wanted) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Sends a message without descriptors; one that does not fit means a reader that does not read.
   */
  void send(MemorySegment message, int length) {
    requireSent(socket.send(message, 0, length), length);
  }

  /**
   * Sends a frame, and holds it until it is released; skips it where it holds all that it may.
   *
   * @param patienceNanos how long it may hold them all
   */
  void send(
      MemorySegment message,
      int length,
      long id,
      Frame frame,
      Fd fd,
      long now,
      long patienceNanos) {
    int place = place(null);
    if (place < 0) {
      if (fullSince == 0) {
        fullSince = now;
      } else if (now - fullSince > patienceNanos) {
        gone = true;
      }
      return;
    }
    fullSince = 0;
    frames[place] = frame.retain();
    ids[place] = id;
    shared[0] = fd;
    long sent = socket.send(message, 0, length, shared);
    if (sent != length) {
      frames[place] = null;
      frame.release();
    }
    requireSent(sent, length);
  }

  private void requireSent(long sent, int length) {
    // A part of a message would shift all that follow.
    if (sent != length) {
      gone = true;
    }
  }

  /** Reads what it says: releases. Anything else ends it. */
  void receive() {
    while (!gone) {
      vector.clear();
      vector.add(incoming, filled, incoming.byteSize() - filled);
      long r = socket.receive(vector);
      socket.discardFds();
      if (Errno.EAGAIN.is((int) r)) {
        return;
      }
      if (r <= 0) {
        gone = true;
        return;
      }
      filled += (int) r;
      consume();
    }
  }

  private void consume() {
    int at = 0;
    while (!gone && filled - at >= UnixFdMessage.HEADER) {
      int type = incoming.get(JAVA_INT, at);
      int size = incoming.get(JAVA_INT, at + 4);
      if (size < 0 || size > UnixFdMessage.MOST - UnixFdMessage.HEADER) {
        gone = true;
        return;
      }
      if (filled - at - UnixFdMessage.HEADER < size) {
        break;
      }
      if (type == UnixFdMessage.RELEASE_BUFFER) {
        gone = size != UnixFdMessage.RELEASE || !release(incoming.get(JAVA_LONG, at + 8L));
      } else {
        gone = type == UnixFdMessage.NEW_BUFFER || type == UnixFdMessage.CAPS;
      }
      at += UnixFdMessage.HEADER + size;
    }
    MemorySegment.copy(incoming, at, incoming, 0, filled - at);
    filled -= at;
  }

  private boolean release(long id) {
    for (int i = 0; i < MOST; i++) {
      if (frames[i] != null && ids[i] == id) {
        Frame released = frames[i];
        frames[i] = null;
        fullSince = 0;
        released.release();
        return true;
      }
    }
    return false;
  }

  /** Releases what it held; its own mappings of the memory live on. */
  @Override
  public void close() {
    socket.close();
    for (int i = 0; i < MOST; i++) {
      if (frames[i] != null) {
        frames[i].release();
        frames[i] = null;
      }
    }
    arena.close();
  }
}
