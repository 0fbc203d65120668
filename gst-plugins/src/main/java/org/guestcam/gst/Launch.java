// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.freedesktop.gstreamer.Bus;
import org.freedesktop.gstreamer.GstObject;
import org.freedesktop.gstreamer.Pipeline;
import org.freedesktop.gstreamer.StateChangeReturn;
import org.freedesktop.gstreamer.event.EOSEvent;
import org.guestcam.frame.HostLacksException;
import org.guestcam.gst.ffi.PushSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A whole pipeline of the user's, in which {@code guestframesrc} is an element. It ends with the
 * stream's end, an error, or {@link #stop}, which sends the end of the stream through it.
 */
public final class Launch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Launch.class);
  private static final String ELEMENT = "guestframesrc";

  /** How long a pipeline may take to end in order, in seconds. */
  private static final long PATIENCE_SECONDS = 10;

  private final Pipeline pipeline;
  private final Bus bus;
  private final CountDownLatch over = new CountDownLatch(1);
  private final CountDownLatch stopping = new CountDownLatch(1);
  // Strong references: the binding keeps only weak ones to what it calls.
  private final Bus.ERROR onError = this::error;
  private final Bus.WARNING onWarning = this::warning;
  private final Bus.EOS onEnd = this::end;
  private volatile String problem;

  private Launch(Pipeline pipeline) {
    this.pipeline = pipeline;
    bus = pipeline.getBus();
    bus.connect(onError);
    bus.connect(onWarning);
    bus.connect(onEnd);
  }

  /** Makes {@code guestframesrc} known to GStreamer in this process. */
  static void registerElement() throws HostLacksException {
    GStreamer.require();
    PushSource.register(ELEMENT, GuestFrameWorker::new);
  }

  /**
   * A pipeline that has not started; the caller owns it.
   *
   * @throws IllegalArgumentException where the description is wrong, with GStreamer's words
   */
  public static Launch parse(String description) throws IOException {
    registerElement();
    return new Launch(GStreamer.parse(description));
  }

  private void error(GstObject source, int code, String message) {
    if (problem == null) {
      problem = (source == null ? "" : source.getName() + ": ") + message;
    }
    LOG.debug("{} ({})", message, code);
    finished();
  }

  private void warning(GstObject source, int code, String message) {
    LOG.warn("{}: {}", source == null ? "GStreamer" : source.getName(), message);
  }

  private void end(GstObject source) {
    finished();
  }

  private void finished() {
    over.countDown();
    stopping.countDown();
  }

  /** Makes {@link #run} return soon; any thread, any time. */
  public void stop() {
    stopping.countDown();
  }

  /**
   * Runs it to its end.
   *
   * @throws IOException with GStreamer's words, where it failed
   */
  public void run() throws IOException {
    try {
      if (pipeline.play() == StateChangeReturn.FAILURE) {
        boolean told = over.await(2, TimeUnit.SECONDS); // the bus tells why
        LOG.debug("failed, told: {}", told);
        check();
        throw new IOException("GStreamer did not start and did not say why (GST_DEBUG=3 shows it)");
      }
      stopping.await();
      if (over.getCount() > 0) {
        pipeline.sendEvent(new EOSEvent());
        if (!over.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
          throw new IOException("the pipeline did not end within " + PATIENCE_SECONDS + " s");
        }
      }
      check();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void check() throws IOException {
    if (problem != null) {
      throw new IOException("GStreamer: " + problem);
    }
  }

  @Override
  public void close() {
    bus.disconnect(onError);
    bus.disconnect(onWarning);
    bus.disconnect(onEnd);
    pipeline.stop();
    pipeline.getState(TimeUnit.SECONDS.toNanos(10));
    bus.dispose();
    pipeline.dispose();
  }
}
