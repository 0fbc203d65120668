// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Semaphore;
import org.guestcam.Bridge;
import org.guestcam.Pace;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.Providers;
import org.guestcam.uapi.Memfd;

/**
 * What a frame costs from the guest's presentation to the end of a GStreamer pipeline: CPU of all
 * threads of the process, the source's and the bridge's too, and Java heap.
 *
 * <pre>
 *   java ... org.guestcam.tests.bench.GstBench 'gst:fakesink enable-last-sample=false' FRAMES
 * </pre>
 */
final class GstBench {
  private static final long WARM = 20_000;
  private static final int[][] SIZES = {{640, 480}, {1920, 1080}, {3840, 2160}};

  private GstBench() {}

  /** SINK FRAMES. */
  public static void main(String... args) throws IOException, LayoutException {
    long frames = Long.parseLong(args[1]);
    for (int i = 0; i < 3; i++) {
      measure(
          "gst:fakesink enable-last-sample=false",
          320,
          240,
          WARM); // until the JIT has done with it
    }
    for (int[] size : SIZES) {
      System.out.println(
          size[0] + "x" + size[1] + ": " + measure(args[0], size[0], size[1], frames));
    }
  }

  private static String measure(String sink, int width, int height, long frames)
      throws IOException, LayoutException {
    OperatingSystemMXBean process =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Endpoint endpoint = Endpoint.parse(sink);
    try (Bridge bridge =
        new Bridge(
            new Still(width, height),
            milliHertz ->
                Providers.sink(endpoint)
                    .open(endpoint, new FrameSinkProvider.Options(true, milliHertz)),
            new Pace.OnChange(0, 0),
            new Bridge.Limits(frames, 0))) {
      long cpu = process.getProcessCpuTime();
      long heap = threads.getTotalThreadAllocatedBytes();
      long wall = System.nanoTime();
      Bridge.Ending ending = bridge.run();
      assert ending == Bridge.Ending.LIMIT;
      return String.format(
          "%.1f us of CPU a frame, %.0f frames a second, %.1f bytes of heap a frame",
          (process.getProcessCpuTime() - cpu) / 1000.0 / frames,
          frames * 1e9 / (System.nanoTime() - wall),
          (double) (threads.getTotalThreadAllocatedBytes() - heap) / frames);
    }
  }

  /**
   * Presents buffers that nobody draws into, each when the one before was shown: a source that did
   * not wait for that would overtake itself for as long as the pipeline is busy with a picture that
   * it has given back (an encoder is, behind a conversion), which no guest does. So the pipeline
   * must not keep its last picture either.
   */
  private static final class Still implements FrameSource {
    /** One that is shown, and one that is kept to be repeated until the bridge has that. */
    private static final int BUFFERS = 2;

    private final List<Buffer> buffers = new ArrayList<>();
    private final ArrayBlockingQueue<Shown> free = new ArrayBlockingQueue<>(BUFFERS);
    private final Semaphore turn = new Semaphore(1);
    private final FrameLayout layout;
    private Thread thread;
    private volatile boolean over;

    /** A frame, and whether it has given the turn back. */
    private final class Shown implements Frame.Owner {
      private final Frame frame = new Frame(this);
      private boolean told;

      @Override
      public void shown(Frame shown) {
        told = true;
        turn.release();
      }

      @Override
      public void released(Frame released) {
        if (!told) {
          turn.release();
        }
        told = false;
        free.add(this);
      }
    }

    Still(int width, int height) throws LayoutException {
      layout = FrameLayout.tight(PixelFormat.XRGB8888, width, height);
    }

    @Override
    public void start(FrameListener listener) throws IOException {
      listener.modeChanged(new Mode(layout.width(), layout.height(), layout.format(), 0));
      for (int i = 0; i < BUFFERS; i++) {
        try (Memfd memory = Memfd.create("guestcam-bench", layout.imageSize())) {
          Buffer buffer =
              Buffer.ofSharedFile(
                  i,
                  layout,
                  memory.map(),
                  new Buffer.SharedFile(memory.fd().duplicate(), 0),
                  () -> {});
          buffers.add(buffer);
          listener.bufferAdded(buffer);
        } catch (LayoutException e) {
          throw new AssertionError(e);
        }
        free.add(new Shown());
      }
      thread = Thread.ofPlatform().name("bench-source").start(() -> present(listener));
    }

    private void present(FrameListener listener) {
      try {
        for (long number = 0; !over; number++) {
          turn.acquire();
          Frame frame = free.take().frame;
          if (!over) {
            Buffer buffer = buffers.get((int) (number % BUFFERS));
            listener.framePresented(frame.present(buffer, number, System.nanoTime()));
          }
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public String description() {
      return "still pictures";
    }

    @Override
    public void close() {
      over = true;
      if (thread != null) {
        thread.interrupt();
        try {
          thread.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      buffers.forEach(Buffer::drop);
      buffers.clear();
    }
  }
}
