// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.gst.ffi.FramePool;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A GStreamer pipeline as a sink. A frame goes in when the pipeline wants one, so that the newest
 * is shown and none waits in a queue; it is released when the last element lets go of it.
 *
 * <p>Used by one thread.
 */
final class PipelineSink implements FrameSink {
  /** What pipeline to run, and when to begin another. */
  interface Plan extends AutoCloseable {
    /** For people. */
    String description();

    /** Frames in 1000 seconds, to announce; 0 for a variable rate. */
    int milliHertz();

    /**
     * The pipeline's description without its source.
     *
     * @param first layout of its frames
     * @param part counts the pipelines from 0
     */
    String pipeline(FrameLayout first, int part);

    /** Whether a change of layout within a run needs a new pipeline. */
    boolean startsAnew();

    /**
     * Caps for the element {@link #SIZE_FILTER}, which keep the size that a pipeline begins with;
     * null where there is no such element.
     */
    default String size(FrameLayout first) {
      return null;
    }

    /**
     * Looks at the layout of the frames that come.
     *
     * @throws SinkRefusedException where the pipeline would show them wrongly
     */
    default void requireLayout(FrameLayout layout) throws SinkRefusedException {}

    /** What {@link FrameSink#path} says besides. */
    default String note() {
      return "";
    }

    /** Where the pictures of the appsink {@link #PICTURES} go; null where there is none. */
    default PictureBoard pictures() {
      return null;
    }

    /** Whether anybody wants a frame now; those that nobody wants are released at once. */
    default boolean wanted() {
      return true;
    }

    /** How long it may take to end in order, in nanoseconds; 0 where it need not. */
    default long patienceNanos() {
      return TimeUnit.SECONDS.toNanos(15);
    }

    /**
     * It has ended in order, and no frame ever came.
     *
     * @throws IOException where that is not what the user wanted
     */
    default void endedWithoutFrames() throws IOException {}

    /** Gives back what it has beside the pipeline. */
    @Override
    default void close() {}

    /**
     * Whether that is no failure of the whole: then the next frame begins another pipeline, as
     * after a change of layout.
     */
    default boolean goesOn(IOException failure) {
      return false;
    }

    /** What to say of an error of the pipeline, with what helps. */
    default IOException explain(IOException failure) {
      return failure;
    }
  }

  /** A capsfilter of the pipeline that learns the size of the first frame. */
  static final String SIZE_FILTER = "guestcam-size";

  /** An appsink of the pipeline, whose buffers are encoded pictures. */
  static final String PICTURES = "guestcam-pictures";

  /**
   * Frames that a pipeline may hold. Encoders that look ahead hold some fifty; a guest that has
   * fewer buffers goes on being shown with its last picture again.
   */
  private static final int MOST = 64;

  private static final Logger LOG = LoggerFactory.getLogger(PipelineSink.class);

  private final Plan plan;
  private final EventFd wake;
  private final FramePool pool;
  private FramePipeline pipeline;
  private FrameLayout layout;
  private String path = "";
  private int part;
  private boolean finished;
  private boolean closed;

  private PipelineSink(Plan plan) throws ErrnoException {
    this.plan = plan;
    wake = new EventFd("GStreamer");
    pool = new FramePool(MOST, this::wake);
  }

  /**
   * A sink that has seen no frame; what can be known to be wrong with the plan's first pipeline is
   * said now.
   *
   * @throws IllegalArgumentException where its description is wrong
   */
  static PipelineSink open(Plan plan) throws IOException {
    GStreamer.require();
    PipelineSink sink = new PipelineSink(plan);
    try {
      sink.pipeline = sink.begin(null);
      return sink;
    } catch (IOException | RuntimeException e) {
      sink.close();
      throw e;
    }
  }

  private FramePipeline begin(FrameLayout first) throws IOException {
    FramePipeline begun = new FramePipeline(plan.pipeline(first, part++), pool, this::wake);
    PictureBoard pictures = plan.pictures();
    if (pictures != null) {
      begun.showPictures(PICTURES, pictures);
    }
    return begun;
  }

  /** Any thread: something may be different now. */
  private void wake() {
    synchronized (wake) {
      if (!closed) {
        wake.signal();
      }
    }
  }

  @Override
  public String description() {
    return plan.description();
  }

  @Override
  public void watch(Poll poll, int index) {
    poll.watch(index, wake.fd(), Poll.IN);
  }

  @Override
  public void dispatch(int ready) throws IOException {
    if (ready != 0) {
      wake.drain();
      check();
    }
  }

  private void check() throws IOException {
    if (pipeline != null) {
      try {
        pipeline.check();
      } catch (IOException e) {
        failed(e);
      }
    }
  }

  private void failed(IOException failure) throws IOException {
    if (!plan.goesOn(failure)) {
      throw plan.explain(failure);
    }
    LOG.debug("{} begins anew: {}", plan.description(), failure.getMessage());
    drop();
  }

  /** Ends it now, whatever is in it. */
  private void drop() {
    if (pipeline != null) {
      pipeline.close();
      pipeline = null;
    }
  }

  @Override
  public boolean canTake() {
    return pipeline == null || pipeline.canTake();
  }

  @Override
  public void take(Frame frame) throws IOException {
    if (!plan.wanted()) {
      frame.release();
      return;
    }
    FrameLayout shown = frame.buffer().layout();
    boolean dmaBuf = frame.buffer().isDmaBuf();
    boolean changed = !shown.equals(layout);
    try {
      if (changed) {
        accept(frame);
      }
      if (pipeline == null || (layout != null && changed && plan.startsAnew())) {
        try {
          end();
          pipeline = begin(shown);
        } catch (IOException | RuntimeException e) {
          frame.release();
          throw e;
        }
      }
      String size = layout == null ? plan.size(shown) : null;
      if (size != null) {
        pipeline.filter(SIZE_FILTER, size);
      }
      layout = shown;
      pipeline.push(frame, plan.milliHertz(), System.nanoTime());
      if (changed) {
        path = "GStreamer " + pipeline.memory() + (dmaBuf ? " of dma-bufs" : "") + plan.note();
      }
    } catch (IOException e) {
      failed(e);
    }
  }

  private void accept(Frame frame) throws SinkRefusedException {
    try {
      plan.requireLayout(frame.buffer().layout());
    } catch (SinkRefusedException e) {
      frame.release();
      throw e;
    }
  }

  private void end() throws IOException {
    FramePipeline ending = pipeline;
    pipeline = null;
    if (ending != null) {
      try (ending) {
        if (plan.patienceNanos() > 0) {
          ending.finish(plan.patienceNanos());
        }
      }
    }
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    // Its memory is made with its first frame, and kept.
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    pool.forget(buffer);
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public long copiedBytes() {
    return 0;
  }

  @Override
  public long frameIntervalNanos() {
    return 0;
  }

  @Override
  public void finish() throws IOException {
    if (!finished) {
      finished = true;
      try {
        end();
      } catch (IOException e) {
        throw plan.explain(e);
      }
      if (layout == null) {
        plan.endedWithoutFrames();
      }
    }
  }

  @Override
  public void close() {
    plan.close();
    drop();
    pool.close();
    synchronized (wake) {
      if (!closed) {
        closed = true;
        wake.close();
      }
    }
  }
}
