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
  private static final long PATIENCE = 240_000_000_000L;

  private final List<Integer> numbers = new ArrayList<>();
  private int[] pixels = {};
  private Mode mode;
  private Cursor cursor;
  private long frames;
  private boolean holding;
  private final List<Frame> held = new ArrayList<>();
  private String end;
  private final LinkedBlockingQueue<Frame> arrived = new LinkedBlockingQueue<>();
  private final Thread reader = Thread.ofPlatform().daemon().name("watcher").start(this::read);

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
  public synchronized void cursorChanged(Cursor changed) {
    cursor = changed;
    notifyAll();
  }

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
      int number;
      try {
        number = look(frame);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      keepOrRelease(frame);
      record(number);
    }
  }

  @Override
  public void close() {
    reader.interrupt();
  }

  private synchronized int look(Frame frame) throws IOException {
    FrameLayout layout = frame.buffer().layout();
    int width = layout.width();
    int height = layout.height();
    if (pixels.length != width * height) {
      pixels = new int[width * height];
    }
    copy(frame, pixels);
    return TestFrame.number(pixels, width, height);
  }

  private synchronized void keepOrRelease(Frame frame) {
    if (holding) {
      held.add(frame);
    } else {
      frame.release();
    }
  }

  /** Who waits for a frame finds it released. */
  private synchronized void record(int number) {
    numbers.add(number);
    frames++;
    notifyAll();
  }

  private static void copy(Frame frame, int[] into) throws IOException {
    FrameLayout layout = frame.buffer().layout();
    MemorySegment bytes = frame.buffer().pixels();
    int width = layout.width();
    for (int y = 0; y < layout.height(); y++) {
      long row = layout.offset(0) + (long) y * layout.stride(0);
      MemorySegment.copy(bytes, ValueLayout.JAVA_INT_UNALIGNED, row, into, y * width, width);
    }
  }

  /** Frames that come from now on are not released, as by a camera that reads for long. */
  synchronized void hold() {
    holding = true;
  }

  /** Which test frame a held one is, as it looks now. */
  synchronized int heldNumber(int index) throws IOException {
    Frame frame = held.get(index);
    FrameLayout layout = frame.buffer().layout();
    int[] now = new int[layout.width() * layout.height()];
    copy(frame, now);
    return TestFrame.number(now, layout.width(), layout.height());
  }

  /** Releases what is held, and holds no more. */
  synchronized void letGo() {
    holding = false;
    held.forEach(Frame::release);
    held.clear();
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
    frames = 0;
  }

  /** The number of the last frame, or {@link TestFrame#NONE}. */
  synchronized int last() {
    return numbers.isEmpty() ? TestFrame.NONE : numbers.getLast();
  }

  /** The numbers of all frames. */
  synchronized List<Integer> numbers() {
    return List.copyOf(numbers);
  }

  /** Frames. */
  synchronized long frames() {
    return frames;
  }

  /** The mode. */
  synchronized Mode mode() {
    return mode;
  }

  /** The guest's pointer, or null before the first. */
  synchronized Cursor cursor() {
    return cursor;
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
