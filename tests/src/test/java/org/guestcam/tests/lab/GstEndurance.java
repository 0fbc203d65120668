// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import org.freedesktop.gstreamer.Gst;
import org.guestcam.Pace;

/**
 * A program of its own, so that GStreamer's leak tracer can look at its end: many frames, restarts
 * and changes of mode. Says what is left of descriptors, threads and heap.
 */
final class GstEndurance {
  private GstEndurance() {}

  /** FRAMES RESTARTS CHANGES. */
  public static void main(String... args) throws IOException {
    long frames = Long.parseLong(args[0]);
    int restarts = Integer.parseInt(args[1]);
    long changes = Long.parseLong(args[2]);
    run("pattern:?size=160x120&fps=0", "gst:fakesink", 10); // what is made once
    int fds = openFiles();
    int threads = threads();
    run("pattern:?size=160x120&fps=0", "gst:fakesink", frames / 10);
    long heap = heap();
    run(
        "pattern:?size=160x120&fps=0",
        "gst:tee name=t ! queue ! fakesink t. ! queue ! videoconvert ! video/x-raw,format=I420 ! fakesink",
        frames);
    long grown = heap() - heap;
    for (int i = 0; i < restarts; i++) {
      run("pattern:?size=160x120&fps=0", "gst:fakesink", 3);
    }
    run(
        "pattern:?modes=160x120@2,320x240@2&fps=0",
        "gst:videoconvert ! video/x-raw,format=I420 ! fakesink",
        changes * 2);
    System.gc();
    Gst.quit();
    Gst.deinit();
    System.out.println(
        "endurance: gst: files "
            + (openFiles() - fds)
            + " threads "
            + (threads() - threads)
            + " heap "
            + grown);
  }

  private static void run(String source, String sink, long frames) throws IOException {
    try (Flow flow = Flow.start(source, sink, new Pace.OnChange(0, 0), false)) {
      flow.awaitFrames(frames);
      flow.stop();
      Throwable failure = flow.awaitEnd();
      if (failure != null) {
        throw new IOException(failure);
      }
    }
  }

  private static int openFiles() {
    return new File("/proc/self/fd").list().length;
  }

  private static int threads() {
    return ManagementFactory.getThreadMXBean().getThreadCount();
  }

  private static long heap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
