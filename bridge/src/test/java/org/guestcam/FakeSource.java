// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;

/**
 * A source without a guest: a few buffers of memory, presented as fast as they come free, by its
 * own thread or by the test itself.
 */
public final class FakeSource implements FrameSource {
  public static final int WIDTH = 4;
  public static final int HEIGHT = 2;
  private static final int BUFFERS = 4;

  /** What its thread does. */
  public interface Script {
    void run(FakeSource source) throws InterruptedException;
  }

  private final Frame.Owner owner =
      new Frame.Owner() {
        @Override
        public void released(Frame frame) {
          wasReleased(frame);
        }

        @Override
        public void shown(Frame frame) {
          shown.release();
        }
      };
  private final Script script;
  private final Mode mode;
  private final ArrayDeque<Frame> free = new ArrayDeque<>(BUFFERS);
  public final AtomicInteger presented = new AtomicInteger();
  public final AtomicInteger released = new AtomicInteger();
  public final AtomicInteger buffersClosed = new AtomicInteger();
  public final Semaphore shown = new Semaphore(0);
  public final List<Buffer> buffers;
  public IOException failsToStart;
  public boolean closed;
  public volatile long torn;
  public boolean copies;
  private FrameListener listener;
  private Thread thread;

  public FakeSource(int milliHertz, Script script) {
    this.script = script;
    mode = new Mode(WIDTH, HEIGHT, PixelFormat.XRGB8888, milliHertz);
    buffers = IntStream.range(0, BUFFERS).mapToObj(this::buffer).toList();
    buffers.forEach(_ -> free.add(new Frame(owner)));
  }

  private Buffer buffer(int id) {
    try (Memfd memfd = Memfd.create("fake", Mapping.pageSize())) {
      return Buffer.ofMemory(
          id,
          FrameLayout.tight(PixelFormat.XRGB8888, WIDTH, HEIGHT),
          memfd.map(),
          buffersClosed::incrementAndGet);
    } catch (IOException | LayoutException e) {
      throw new AssertionError(e);
    }
  }

  private void wasReleased(Frame frame) {
    released.incrementAndGet();
    // A monitor, since this is called on threads whose allocations are counted.
    synchronized (free) {
      free.addLast(frame);
      free.notifyAll();
    }
  }

  @Override
  public long copiedBytes() {
    return copies ? 4L * WIDTH * HEIGHT * presented.get() : 0;
  }

  @Override
  public boolean copiesFrames() {
    return copies;
  }

  @Override
  public void start(FrameListener heard) throws IOException {
    if (failsToStart != null) {
      throw failsToStart;
    }
    listener = heard;
    listener.modeChanged(mode);
    buffers.forEach(listener::bufferAdded);
    thread = new Thread(this::runScript, "fake-source");
    thread.start();
  }

  private void runScript() {
    try {
      script.run(this);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    }
  }

  /** Presents the next buffer as soon as one is free. */
  public void present() throws InterruptedException {
    Frame frame;
    synchronized (free) {
      while (free.isEmpty()) {
        free.wait();
      }
      frame = free.removeFirst();
    }
    int sequence = presented.getAndIncrement();
    Buffer buffer = buffers.get(sequence % BUFFERS);
    frame.present(buffer, sequence, System.nanoTime());
    frame.damage().add(sequence % WIDTH, 0, 1, 1);
    listener.framePresented(frame);
  }

  public FrameListener listener() {
    return listener;
  }

  @Override
  public long tornFrames() {
    return torn;
  }

  @Override
  public String description() {
    return "fake source";
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (thread != null) {
      thread.interrupt();
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    buffers.forEach(Buffer::drop);
  }
}
