// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import com.sun.jna.Pointer;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.freedesktop.gstreamer.Bus;
import org.freedesktop.gstreamer.Caps;
import org.freedesktop.gstreamer.Element;
import org.freedesktop.gstreamer.FlowReturn;
import org.freedesktop.gstreamer.GstObject;
import org.freedesktop.gstreamer.Pad;
import org.freedesktop.gstreamer.Pipeline;
import org.freedesktop.gstreamer.Sample;
import org.freedesktop.gstreamer.StateChangeReturn;
import org.freedesktop.gstreamer.elements.AppSink;
import org.freedesktop.gstreamer.elements.AppSrc;
import org.freedesktop.gstreamer.glib.Natives;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.gst.ffi.FrameFeed;
import org.guestcam.gst.ffi.FramePool;
import org.guestcam.gst.ffi.FrameTap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A pipeline that begins with an appsrc which guestcam feeds. Running time counts from the first
 * frame's timestamp: GStreamer's system clock is CLOCK_MONOTONIC, and so are the frames' times.
 *
 * <p>Used by one thread; the bus and the streaming threads only leave notes, and call {@code wake}.
 */
final class FramePipeline implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FramePipeline.class);
  private static final String SOURCE = "guestcam";
  private static final long NONE = -1;

  /** How long the words of an error may be behind the error itself. */
  private static final long WORDS_SECONDS = 2;

  private final Pipeline pipeline;
  private final AppSrc appsrc;
  private final Bus bus;
  private final FrameFeed feed;
  private final FramePool pool;
  private final Runnable wake;
  private final CountDownLatch over = new CountDownLatch(1);
  // Strong references: the binding keeps only weak ones to what it calls.
  private final Bus.ERROR onError = this::error;
  private final Bus.WARNING onWarning = this::warning;
  private final Bus.EOS onEnd = this::end;
  private AppSink pictures;
  private AppSink.NEW_SAMPLE onPicture;
  private FrameLayout layout;
  private long base;
  private long lastPts = -1;
  private boolean dmaBufFirst;
  private boolean dmaBufCaps;
  private volatile String problem;
  private volatile boolean ended;

  /**
   * A pipeline that has not started.
   *
   * @param description in GStreamer's language, without the source
   * @param pool of the frames; stays the caller's
   * @param wake runs when the pipeline wants a frame, failed or ended; any thread
   */
  FramePipeline(String description, FramePool pool, Runnable wake) throws IOException {
    this.pool = pool;
    this.wake = wake;
    pipeline =
        GStreamer.parse(
            "appsrc name=" + SOURCE + " is-live=true format=time max-buffers=1 ! " + description);
    appsrc = (AppSrc) pipeline.getElementByName(SOURCE);
    bus = pipeline.getBus();
    bus.connect(onError);
    bus.connect(onWarning);
    bus.connect(onEnd);
    feed = new FrameFeed(Pointer.nativeValue(Natives.getRawPointer(appsrc)), wake);
  }

  private void error(GstObject source, int code, String message) {
    String name = source == null ? "" : source.getName() + ": ";
    if (problem == null) {
      problem = name + message;
    }
    LOG.debug("{}{} ({})", name, message, code);
    over.countDown();
    wake.run();
  }

  private void warning(GstObject source, int code, String message) {
    LOG.warn("{}: {}", source == null ? "GStreamer" : source.getName(), message);
  }

  private void end(GstObject source) {
    ended = true;
    over.countDown();
    wake.run();
  }

  /** Sets the caps of a capsfilter. */
  void filter(String element, String caps) {
    try (Element filter = pipeline.getElementByName(element);
        Caps allowed = Caps.fromString(caps)) {
      filter.setCaps(allowed);
    }
  }

  /** Says memory:DMABuf where that is understood, and not only where nothing else is. */
  void preferDmaBufs() {
    dmaBufFirst = true;
  }

  /** Where an appsink's pictures are taken out; before the first frame. */
  FrameTap tap(String element) {
    pictures = (AppSink) pipeline.getElementByName(element);
    try (Pad pad = pictures.getStaticPad("sink")) {
      return new FrameTap(
          Pointer.nativeValue(Natives.getRawPointer(pictures)),
          Pointer.nativeValue(Natives.getRawPointer(pad)));
    }
  }

  /** Copies what comes to an appsink onto a board. */
  void showPictures(String element, PictureBoard board) {
    pictures = (AppSink) pipeline.getElementByName(element);
    onPicture =
        sink -> {
          Sample sample = sink.pullSample();
          if (sample == null) {
            return FlowReturn.EOS;
          }
          org.freedesktop.gstreamer.Buffer encoded = sample.getBuffer();
          board.show(encoded.map(false));
          encoded.unmap();
          sample.dispose();
          return FlowReturn.OK;
        };
    pictures.set("emit-signals", true);
    pictures.connect(onPicture);
  }

  /** Whether it waits for a frame, and there is a place for one. */
  boolean canTake() {
    return layout == null || (feed.wanted() && pool.hasRoom());
  }

  /**
   * Says what went wrong, if anything did.
   *
   * @throws IOException with GStreamer's words
   */
  void check() throws IOException {
    String words = problem;
    if (words != null) {
      throw new IOException("GStreamer: " + words);
    }
    if (ended) {
      throw new IOException("the GStreamer pipeline ended by itself");
    }
  }

  /**
   * Shows a frame, which it takes over.
   *
   * @param milliHertz to announce; 0 for a variable rate
   * @param now CLOCK_MONOTONIC nanoseconds
   */
  void push(Frame frame, int milliHertz, long now) throws IOException {
    boolean taken = false;
    try {
      check();
      FrameLayout shown = frame.buffer().layout();
      if (!shown.equals(layout)) {
        negotiate(frame.buffer(), milliHertz);
        if (layout == null) {
          start(frame.timestampNanos());
        }
        layout = shown;
      }
      long buffer = pool.wrap(frame, runningTime(frame, now), FramePool.NO_TIME);
      taken = true;
      if (!feed.push(buffer)) {
        fail();
      }
    } finally {
      if (!taken) {
        frame.release();
      }
    }
  }

  /** A repeated frame has its first time still: then it is shown now. Never the same time twice. */
  private long runningTime(Frame frame, long now) {
    long pts = frame.timestampNanos() - base;
    if (pts <= lastPts) {
      pts = now - base;
    }
    lastPts = Math.max(pts, lastPts + 1);
    return lastPts;
  }

  /** The time of the newest frame since the first, in nanoseconds. */
  long position() {
    return Math.max(0, lastPts);
  }

  private void negotiate(Buffer buffer, int milliHertz) throws SinkRefusedException {
    String plain = VideoCaps.plain(buffer.layout(), milliHertz);
    String dmaBuf = VideoCaps.dmaBuf(buffer.layout(), milliHertz);
    try (Pad pad = appsrc.getStaticPad("src");
        Caps wanted = pad.peerQueryCaps(null)) {
      boolean takesDmaBuf = VideoCaps.canBeDmaBuf(buffer) && takes(wanted, dmaBuf);
      // Plain caps may carry dma-bufs too, and every element knows them.
      if (!(dmaBufFirst && takesDmaBuf) && buffer.layout().isLinear() && takes(wanted, plain)) {
        setCaps(plain);
        dmaBufCaps = false;
      } else if (takesDmaBuf) {
        setCaps(dmaBuf);
        dmaBufCaps = true;
      } else {
        throw new SinkRefusedException(
            "the pipeline takes no "
                + (VideoCaps.canBeDmaBuf(buffer) ? plain + ", nor " + dmaBuf : plain)
                + "; it takes "
                + shorten(wanted.toString())
                + ". 'videoconvert !' in front of it converts");
      }
    }
  }

  private static boolean takes(Caps wanted, String offered) {
    try (Caps caps = Caps.fromString(offered);
        Caps both = wanted.intersect(caps)) {
      return !both.isEmpty();
    }
  }

  private void setCaps(String text) {
    try (Caps caps = Caps.fromString(text)) {
      appsrc.setCaps(caps);
    }
  }

  private static String shorten(String text) {
    return text.length() < 200 ? text : text.substring(0, 200) + "...";
  }

  private void start(long firstFrameNanos) throws IOException {
    base = firstFrameNanos;
    pipeline.setStartTime(NONE); // so that the base time stays ours
    pipeline.setBaseTime(base);
    if (pipeline.play() == StateChangeReturn.FAILURE) {
      fail();
    }
  }

  private void fail() throws IOException {
    try {
      // The bus tells why, on a thread of its own.
      boolean told = over.await(WORDS_SECONDS, TimeUnit.SECONDS);
      LOG.debug("failed, told: {}", told);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    check();
    throw new IOException("GStreamer refused to go on and did not say why (GST_DEBUG=3 shows it)");
  }

  /**
   * Ends it in order: what is in it goes through to its sinks.
   *
   * @throws IOException where it failed, or did not end in time
   */
  void finish(long patienceNanos) throws IOException {
    if (layout == null || problem != null) {
      check();
      return;
    }
    feed.end();
    try {
      if (!over.await(patienceNanos, TimeUnit.NANOSECONDS)) {
        throw new IOException(
            "the GStreamer pipeline did not end within "
                + TimeUnit.NANOSECONDS.toSeconds(patienceNanos)
                + " s; what it wrote may lack its end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (problem != null) {
      check();
    }
  }

  /** How frames go in, for people. */
  String memory() {
    return layout == null ? "" : dmaBufCaps ? "memory:DMABuf" : "memory";
  }

  @Override
  public void close() {
    bus.disconnect(onError);
    bus.disconnect(onWarning);
    bus.disconnect(onEnd);
    pipeline.stop();
    pipeline.getState(TimeUnit.SECONDS.toNanos(10));
    feed.close();
    if (pictures != null) {
      if (onPicture != null) {
        pictures.disconnect(onPicture);
      }
      pictures.dispose();
    }
    bus.dispose();
    appsrc.dispose();
    pipeline.dispose();
  }
}
