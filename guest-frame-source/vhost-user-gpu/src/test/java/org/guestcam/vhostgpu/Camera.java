// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/** Keeps every frame until the test takes it, and holds the source to the listener's contract. */
final class Camera implements FrameListener {
  private static final long PATIENCE_SECONDS = 60;

  private final LinkedBlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<String> ends = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Cursor> cursors = new LinkedBlockingQueue<>();
  private final Set<Buffer> buffers = new HashSet<>();
  private final List<String> broken = new ArrayList<>();
  private Mode mode;
  private long sequence;

  @Override
  public synchronized void modeChanged(Mode changed) {
    mode = changed;
  }

  @Override
  public synchronized void bufferAdded(Buffer buffer) {
    check(buffers.add(buffer), buffer + " was added twice");
  }

  @Override
  public synchronized void bufferRemoved(Buffer buffer) {
    check(buffers.remove(buffer), buffer + " was removed and never added");
  }

  @Override
  public synchronized void framePresented(Frame frame) {
    FrameLayout layout = frame.buffer().layout();
    check(buffers.contains(frame.buffer()), "the buffer of " + frame + " was not added");
    check(
        mode != null && mode.width() == layout.width() && mode.height() == layout.height(),
        frame + " is not of mode " + mode);
    check(frame.sequence() == sequence, frame + " and not " + sequence);
    check(frame.damage().count() > 0, frame + " shows no change");
    sequence = frame.sequence() + 1;
    frames.add(frame);
  }

  @Override
  public void cursorChanged(Cursor cursor) {
    cursors.add(cursor);
  }

  @Override
  public synchronized void ended(String reason, Throwable failure) {
    check(buffers.isEmpty(), "at the end there were still " + buffers);
    ends.add(reason);
  }

  private void check(boolean right, String wrong) {
    if (!right) {
      broken.add(wrong);
    }
  }

  /** The next frame, which the caller releases. */
  Frame next() throws InterruptedException {
    Frame frame = frames.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertTrue(frame != null, "no frame came; the end: " + ends + ", broken: " + broken);
    fine();
    return frame;
  }

  /** Frames that wait. */
  int waiting() {
    return frames.size();
  }

  /** The next pointer. */
  Cursor nextCursor() throws InterruptedException {
    Cursor cursor = cursors.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertTrue(cursor != null, "no pointer came");
    return cursor;
  }

  /** Why it ended. */
  String end() throws InterruptedException {
    String end = ends.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertTrue(end != null, "it does not end");
    fine();
    return end;
  }

  /** Nothing was wrong so far. */
  synchronized void fine() {
    assertEquals(List.of(), broken);
  }

  /** A pixel of a frame, 0xRRGGBB. */
  static int pixel(Frame frame, int x, int y) throws IOException {
    FrameLayout layout = frame.buffer().layout();
    MemorySegment pixels = frame.buffer().pixels();
    long at = layout.offset(0) + (long) y * layout.stride(0) + 4L * x;
    return pixels.get(ValueLayout.JAVA_INT_UNALIGNED, at) & 0xffffff;
  }

  /** All pixels of a frame are this one. */
  static void assertFilled(int pixel, Frame frame) throws IOException {
    FrameLayout layout = frame.buffer().layout();
    for (int y = 0; y < layout.height(); y++) {
      for (int x = 0; x < layout.width(); x++) {
        assertEquals(pixel, pixel(frame, x, y), x + "," + y);
      }
    }
  }
}
