// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/** A listener that looks at every frame and holds the source to the rules of the interface. */
final class FrameCollector implements FrameListener {
  private static final long PATIENCE = 120_000_000_000L;

  private final Set<Buffer> buffers = new HashSet<>();
  private final List<Integer> firstPixels = new ArrayList<>();
  private final List<Long> timestamps = new ArrayList<>();
  private final List<Buffer> shown = new ArrayList<>();
  private Mode mode;
  private Picture picture;
  private long frames;
  private String end;
  private Throwable failure;
  private AssertionError broken;

  @Override
  public synchronized void modeChanged(Mode changed) {
    mode = changed;
    notifyAll();
  }

  @Override
  public synchronized void bufferAdded(Buffer buffer) {
    check(() -> assertTrue(buffers.add(buffer), "added twice"));
  }

  @Override
  public synchronized void bufferRemoved(Buffer buffer) {
    check(() -> assertTrue(buffers.remove(buffer), "removed and never added"));
  }

  @Override
  public synchronized void framePresented(Frame frame) {
    try {
      check(
          () -> {
            assertEquals(frames, frame.sequence());
            assertTrue(buffers.contains(frame.buffer()), "the frame's buffer was not added");
            assertEquals(mode.width(), frame.buffer().layout().width());
            assertEquals(mode.height(), frame.buffer().layout().height());
            assertTrue(frame.damage().count() > 0, "nothing changed in this frame");
          });
      picture = Picture.of(frame.buffer().pixels(), frame.buffer().layout());
      firstPixels.add(picture.pixels()[0]);
      timestamps.add(frame.timestampNanos());
      shown.add(frame.buffer());
      frames++;
      notifyAll();
    } catch (IOException e) {
      broken = new AssertionError(e);
    } finally {
      frame.release();
    }
  }

  @Override
  public synchronized void ended(String reason, Throwable why) {
    check(() -> assertEquals(null, end, "ended twice"));
    check(() -> assertEquals(Set.of(), buffers));
    end = reason;
    failure = why;
    notifyAll();
  }

  private void check(Runnable assertion) {
    try {
      assertion.run();
    } catch (AssertionError e) {
      broken = broken == null ? e : broken;
    }
  }

  /** Waits until what was heard so far is as wanted. */
  synchronized FrameCollector await(String what, Predicate<FrameCollector> wanted)
      throws InterruptedException {
    long until = System.nanoTime() + PATIENCE;
    while (!wanted.test(this)) {
      if (broken != null) {
        throw broken;
      }
      long left = (until - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        fail(
            what + " did not come; last " + picture + ", frames " + frames + ", end " + end,
            failure);
      }
      wait(left);
    }
    if (broken != null) {
      throw broken;
    }
    return this;
  }

  /** The newest picture. */
  synchronized Picture picture() {
    return picture;
  }

  /** The newest mode. */
  synchronized Mode mode() {
    return mode;
  }

  /** Frames so far. */
  synchronized long frames() {
    return frames;
  }

  /** The upper left pixel of every frame so far. */
  synchronized List<Integer> firstPixels() {
    return List.copyOf(firstPixels);
  }

  /** The buffer of every frame so far; the early ones may be closed. */
  synchronized List<Buffer> shown() {
    return List.copyOf(shown);
  }

  /** When the frames were presented. */
  synchronized List<Long> timestamps() {
    return List.copyOf(timestamps);
  }

  /** Why it ended, or null. */
  synchronized String end() {
    return end;
  }

  /** What failed, or null. */
  synchronized Throwable failure() {
    return failure;
  }
}
