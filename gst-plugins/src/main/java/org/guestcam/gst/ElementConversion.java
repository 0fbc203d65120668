// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.gst.ffi.FramePool;
import org.guestcam.gst.ffi.FrameTap;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.FileIdentity;

/**
 * By an element that works on dma-bufs, as those of GPUs do: the guest's go in, and the element's
 * own come out, which devices take as they are. The CPU touches no pixel.
 *
 * <p>An element may keep what went in for a while, as a V4L2 device does; it has read it when its
 * picture has come out, so the guest need not wait for that.
 */
final class ElementConversion implements Conversion {
  private static final String TAP = "converted";
  private static final String ALLOWED = "allowed";
  private static final long PATIENCE_NANOS = 5_000_000_000L;

  /** More than these, and the element makes new memory for each picture. */
  private static final int MOST_BUFFERS = 32;

  /** A buffer of the element's. */
  private record Known(long inode, Buffer buffer) {}

  private final FrameLayout from;
  private final FrameLayout to;
  private final String element;
  private final FrameListener listener;
  private final FramePool pool = new FramePool(FrameTap.BUFFERS, () -> {});
  private final FramePipeline pipeline;
  private final FrameTap tap;
  private final FileIdentity identity;
  private final List<Known> known = new ArrayList<>();
  private final List<Slot> inputs;
  private final List<Slot> outputs;
  private int nextId;

  /**
   * A pipeline that starts with the first picture.
   *
   * @param element as a piece of a pipeline
   * @param bt709 as {@link VideoCaps#converted} has it
   * @param firstId the buffers' ids count from here
   * @param onFree runs when a frame is released, on any thread
   * @throws IOException where there is no such element, or GStreamer cannot make it
   */
  ElementConversion(
      FrameLayout from,
      PixelFormat format,
      String element,
      boolean bt709,
      int firstId,
      FrameListener listener,
      Runnable onFree)
      throws IOException, LayoutException {
    this.from = from;
    this.to = FrameLayout.tight(format, from.width(), from.height());
    this.element = element;
    this.nextId = firstId;
    this.listener = listener;
    inputs = slots(() -> {});
    outputs = slots(onFree);
    pipeline =
        new FramePipeline(
            element
                + " ! capsfilter name="
                + ALLOWED
                + " ! appsink sync=false async=false enable-last-sample=false name="
                + TAP,
            pool,
            () -> {});
    pipeline.preferDmaBufs();
    pipeline.filter(ALLOWED, VideoCaps.converted(to, bt709));
    tap = pipeline.tap(TAP);
    identity = new FileIdentity();
  }

  private static List<Slot> slots(Runnable onFree) {
    return IntStream.range(0, FrameTap.BUFFERS).mapToObj(_ -> new Slot(onFree)).toList();
  }

  @Override
  public boolean isFrom(FrameLayout layout) {
    return from.equals(layout);
  }

  @Override
  public boolean hasFree() {
    return free(outputs) != null;
  }

  private static Slot free(List<Slot> slots) {
    for (int i = 0; i < slots.size(); i++) {
      if (slots.get(i).free) {
        return slots.get(i);
      }
    }
    return null;
  }

  @Override
  public Frame convert(Frame frame) throws IOException {
    Slot input = free(inputs);
    if (input == null) {
      throw new IOException(element + " keeps " + inputs.size() + " pictures");
    }
    input.free = false;
    Frame read = input.frame.present(frame.buffer(), frame.sequence(), frame.timestampNanos());
    pipeline.push(read, 0, System.nanoTime());
    long sample = tap.pull(PATIENCE_NANOS);
    if (sample == 0) {
      pipeline.check();
      throw new IOException(element + " made no picture within 5 s");
    }
    Buffer made;
    try {
      made = buffer(sample);
    } catch (IOException e) {
      FrameTap.giveBack(sample);
      throw new IOException(element + ": " + e.getMessage(), e);
    }
    Slot output = free(outputs);
    output.free = false;
    output.sample = sample;
    Frame shown = output.frame.present(made, frame.sequence(), frame.timestampNanos());
    shown.damage().addAll(frame.damage());
    return shown;
  }

  private Buffer buffer(long sample) throws IOException {
    int descriptor = FrameTap.dmaBuf(sample);
    if (descriptor < 0) {
      throw new IOException("its pictures are not one dma-buf each");
    }
    long inode = identity.of(descriptor);
    for (int i = 0; i < known.size(); i++) {
      if (known.get(i).inode == inode) {
        return known.get(i).buffer;
      }
    }
    FrameLayout layout = FrameTap.layout(sample, to.format());
    if (layout.width() != to.width() || layout.height() != to.height()) {
      throw new IOException("it makes " + layout + " of " + from);
    }
    if (known.size() == MOST_BUFFERS) {
      throw new IOException("it has more than " + MOST_BUFFERS + " dma-bufs");
    }
    Fd fd = Fd.duplicate(descriptor, element + "'s dma-buf");
    Buffer made;
    try {
      made = Buffer.ofDmaBuf(nextId++, layout, DmaBuf.own(fd), () -> {});
    } catch (IOException e) {
      fd.close();
      throw e;
    } catch (LayoutException e) {
      fd.close();
      throw new IOException(e.getMessage(), e);
    }
    known.add(new Known(inode, made));
    listener.bufferAdded(made);
    return made;
  }

  @Override
  public void forget(Buffer guests) {
    pool.forget(guests);
  }

  @Override
  public long bytes() {
    return to.end();
  }

  @Override
  public int nextId() {
    return nextId;
  }

  @Override
  public void end() {
    for (Known one : known) {
      listener.bufferRemoved(one.buffer);
      one.buffer.drop();
    }
    known.clear();
    pipeline.close();
    pool.close();
    identity.close();
  }

  @Override
  public String toString() {
    return element + ", into its dma-bufs";
  }

  /** A frame of ours: the guest's buffer as the element reads it, or a picture that it made. */
  private static final class Slot implements Frame.Owner {
    private final Frame frame = new Frame(this);
    private final Runnable onFree;
    private long sample;
    private volatile boolean free = true;

    Slot(Runnable onFree) {
      this.onFree = onFree;
    }

    @Override
    public void released(Frame released) {
      if (sample != 0) {
        FrameTap.giveBack(sample);
        sample = 0;
      }
      free = true;
      onFree.run();
    }
  }
}
