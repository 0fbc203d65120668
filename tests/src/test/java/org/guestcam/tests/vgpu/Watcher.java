// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Predicate;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/** Looks at every frame of a source: which test frame of guest/kms.c it is, if it is one. */
final class Watcher implements FrameListener, AutoCloseable {
  /** No test frame, or parts of two. */
  static final int NONE = -1;

  private static final long PATIENCE = 240_000_000_000L;
  private static final int FACTOR = (int) 2654435761L;
  private static final int INVERSE = inverse(FACTOR);

  private final List<Integer> numbers = new ArrayList<>();
  private int[] pixels = {};
  private Mode mode;
  private int mixed;
  private long frames;
  private String end;
  private final LinkedBlockingQueue<Frame> arrived = new LinkedBlockingQueue<>();
  private final Thread reader = Thread.ofPlatform().daemon().name("watcher").start(this::read);

  private static int inverse(int odd) {
    int x = odd; // Newton: each step doubles the right bits
    for (int i = 0; i < 5; i++) {
      x *= 2 - odd * x;
    }
    return x;
  }

  @Override
  public synchronized void modeChanged(Mode changed) {
    mode = changed;
    notifyAll();
  }

  @Override
  public void bufferAdded(Buffer buffer) {}

  @Override
  public void bufferRemoved(Buffer buffer) {}

  @Override
  public void cursorChanged(Cursor cursor) {}

  @Override
  public void framePresented(Frame frame) {
    arrived.add(frame); // the guest may wait: looking takes too long for this thread
  }

  private void read() {
    while (true) {
      Frame frame;
      try {
        frame = arrived.take();
      } catch (InterruptedException e) {
        return;
      }
      try {
        look(frame.buffer().pixels(), frame.buffer().layout());
      } catch (IOException e) {
        throw new IllegalStateException(e);
      } finally {
        frame.release();
      }
    }
  }

  @Override
  public void close() {
    reader.interrupt();
  }

  private synchronized void look(MemorySegment bytes, FrameLayout layout) {
    int width = layout.width();
    int height = layout.height();
    if (pixels.length != width * height) {
      pixels = new int[width * height];
    }
    for (int y = 0; y < height; y++) {
      long row = layout.offset(0) + (long) y * layout.stride(0);
      MemorySegment.copy(bytes, ValueLayout.JAVA_INT_UNALIGNED, row, pixels, y * width, width);
    }
    int number = (pixels[0] & 0xffffff) * INVERSE & 0xffffff;
    int wrong = 0;
    for (int y = 0; y < height; y++) {
      int base = number * FACTOR ^ y * 40503;
      for (int x = 0; x < width; x++) {
        wrong += ((pixels[y * width + x] ^ base ^ (x >> 4) * 69069) & 0xffffff) == 0 ? 0 : 1;
      }
    }
    frames++;
    if (wrong == 0) {
      numbers.add(number);
    } else {
      numbers.add(NONE);
      mixed++;
    }
    notifyAll();
  }

  @Override
  public synchronized void ended(String reason, Throwable failure) {
    end = reason;
    notifyAll();
  }

  /** Waits until what was seen is as wanted. */
  synchronized Watcher await(String what, Predicate<Watcher> wanted) throws InterruptedException {
    long until = System.nanoTime() + PATIENCE;
    while (!wanted.test(this)) {
      long left = (until - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        fail(
            what
                + " did not come: mode "
                + mode
                + ", "
                + frames
                + " frames, the last "
                + last()
                + ", end "
                + end);
      }
      wait(left);
    }
    return this;
  }

  /** Forgets the frames so far. */
  synchronized void clear() {
    numbers.clear();
    mixed = 0;
    frames = 0;
  }

  /** The number of the last frame, or {@link #NONE}. */
  synchronized int last() {
    return numbers.isEmpty() ? NONE : numbers.getLast();
  }

  /** The numbers of all frames. */
  synchronized List<Integer> numbers() {
    return List.copyOf(numbers);
  }

  /** Frames that were none. */
  synchronized int mixed() {
    return mixed;
  }

  /** Frames. */
  synchronized long frames() {
    return frames;
  }

  /** The mode. */
  synchronized Mode mode() {
    return mode;
  }

  /** Why it ended, or null. */
  synchronized String end() {
    return end;
  }

  /** The last frame's pixels, 0xRRGGBB. */
  synchronized int[] pixels() {
    int[] copy = new int[pixels.length];
    for (int i = 0; i < copy.length; i++) {
      copy[i] = pixels[i] & 0xffffff;
    }
    return copy;
  }
}
