// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A V4L2 output or loopback device as a sink. The first frame makes it negotiate; a frame of
 * another layout makes it reopen the queue, or fit the picture in where the device cannot change.
 *
 * <p>Pictures go in as dma-bufs where the device takes them, else as mapped memory, else as copies
 * of what changed. Which it is, and why, is told by {@link #path}. Used by one thread.
 */
public final class VideoOutput implements FrameSink {
  private static final Logger LOG = LoggerFactory.getLogger(VideoOutput.class);

  /** Slots to ask for: guests rarely have more buffers, and each may stand in two slots. */
  private static final int SLOTS = 8;

  /** VIDEO_MAX_FRAME: the most that V4L2 gives. */
  private static final int SLOTS_MAX = 32;

  /**
   * Pictures that the device may hold at a time: one on show, which it keeps until it has the next,
   * the next, and one that waits. More would only be delay.
   */
  private static final int DEPTH = 3;

  private static final int DEFAULT_MILLI_HERTZ = 60_000;

  private final VideoDevice device;
  private final Negotiator negotiator;
  private final int milliHertz;
  private final List<Buffer> knownBuffers = new ArrayList<>();
  private OutputPlan plan;
  private String path = "";
  private SlotQueue queue;
  private PictureCopier copier;
  private Letterbox letterbox;
  private Arena stagingArena;
  private MemorySegment staging;
  private long frameIntervalNanos;
  private long copiedBytes;

  private VideoOutput(VideoDevice device, Negotiator negotiator, int milliHertz) {
    this.device = device;
    this.negotiator = negotiator;
    this.milliHertz = milliHertz;
  }

  /**
   * Opens a device; nothing is set before the first frame.
   *
   * @param fourcc the V4L2 fourcc to show pictures under, 0 for the best that there is
   * @throws HostLacksException where there is no such device, no right to it, it is busy, or it
   *     takes no pictures
   */
  public static VideoOutput open(Path node, FrameSinkProvider.Options options, int fourcc)
      throws IOException {
    VideoDevice device = VideoDevice.open(node);
    try {
      if (!device.isOutput()) {
        throw new HostLacksException(
            device
                + " takes no pictures: it is not a V4L2 output device"
                + (device.isCapture()
                    ? " but a capture device, which gives them (or a v4l2loopback with exclusive_caps=1"
                        + " that another producer feeds)"
                    : "")
                + "; 'guestcam devices' lists those there are");
      }
      int milliHertz = options.milliHertz() > 0 ? options.milliHertz() : DEFAULT_MILLI_HERTZ;
      Negotiator negotiator = new Negotiator(device, options.requireZeroCopy(), milliHertz, fourcc);
      return new VideoOutput(device, negotiator, milliHertz);
    } catch (ErrnoException e) {
      device.close();
      if (e.is(Errno.EBUSY)) {
        throw new HostLacksException(
            device + " is in use by another producer; 'sudo fuser -v " + node + "' tells by which",
            e);
      }
      throw e;
    } catch (HostLacksException e) {
      device.close();
      throw e;
    }
  }

  @Override
  public String description() {
    return device.toString();
  }

  @Override
  public void watch(Poll poll, int index) {
    if (queue == null) {
      poll.ignore(index);
    } else {
      // With no event asked for, poll(2) still tells when the device is removed.
      poll.watch(index, device.fd(), queue.queuedCount() > 0 ? Poll.OUT : 0);
    }
  }

  @Override
  public void dispatch(int ready) throws IOException {
    // A DQBUF that poll(2) did not ask for costs a system call and says EAGAIN. So: one a word of
    // it; where more slots are done, the next wait returns at once.
    if (queue == null || ready == 0) {
      return;
    }
    int r = queue.queuedCount() == 0 ? -Errno.EAGAIN.number() : queue.dequeue();
    if (r >= 0) {
      return;
    }
    if (!Errno.EAGAIN.is(r)) {
      throw failure("VIDIOC_DQBUF", -r);
    }
    if ((ready & (Poll.ERR | Poll.HUP)) != 0) {
      throw gone("poll reports an error");
    }
  }

  @Override
  public boolean canTake() {
    return queue == null || queue.queuedCount() < Math.min(DEPTH, queue.count());
  }

  @Override
  public void take(Frame frame) throws IOException {
    boolean taken = false;
    try {
      if (plan == null || !plan.fits(frame.buffer())) {
        reopen(frame.buffer());
      }
      taken = show(frame);
    } finally {
      if (!taken) {
        frame.release();
      }
    }
  }

  /** Shows a frame by the plan; true where the hold on it went to a slot. */
  private boolean show(Frame frame) throws IOException {
    while (true) {
      if (plan.memory() == MemoryType.WRITE) {
        write(frame);
        return false;
      }
      int slot = queue.choose(frame.buffer());
      if (slot < 0) {
        throw new IllegalStateException("a frame was taken while all slots are full");
      }
      if (plan.memory() == MemoryType.MMAP) {
        copyInto(frame, slot, queue.pixels(slot));
        requireQueued(queue.queueCopy(slot, frame.timestampNanos()));
        return false;
      }
      int r = queue.queueFrame(slot, frame, address(plan, frame.buffer()));
      if (r >= 0) {
        return true;
      }
      if (Errno.ENODEV.is(r) && !device.isPresent()) {
        throw failure("VIDIOC_QBUF", -r);
      }
      // The queue promised this memory type, but not for this memory: go to the next best one.
      LOG.warn(
          "{} refused {} as {}: {}",
          device,
          frame.buffer(),
          plan.memory(),
          Negotiator.explain(plan.memory(), -r));
      negotiator.exclude(plan.memory(), frame.buffer(), -r);
      reopen(frame.buffer());
    }
  }

  /** Where a picture begins, for USERPTR. */
  private static long address(OutputPlan plan, Buffer buffer) throws IOException {
    return plan.memory() == MemoryType.USERPTR
        ? buffer.pixels().address() + buffer.layout().offset(0)
        : 0;
  }

  private void requireQueued(int r) throws IOException {
    if (r < 0) {
      throw failure("VIDIOC_QBUF", -r);
    }
  }

  private void copyInto(Frame frame, int target, MemorySegment to) throws IOException {
    Buffer buffer = frame.buffer();
    MemorySegment from = buffer.pixels();
    int begun = buffer.beginRead();
    if (begun < 0) {
      throw new ErrnoException("DMA_BUF_IOCTL_SYNC", buffer.toString(), -begun);
    }
    copiedBytes +=
        letterbox != null ? letterbox.draw(from, to) : copier.copy(frame, from, target, to);
    int ended = buffer.endRead();
    if (ended < 0) {
      throw new ErrnoException("DMA_BUF_IOCTL_SYNC", buffer.toString(), -ended);
    }
  }

  private void write(Frame frame) throws IOException {
    copyInto(frame, 0, staging);
    long r = device.fd().write(staging);
    if (r < 0 && r != -Errno.EAGAIN.number()) {
      throw failure("write", (int) -r);
    }
    copiedBytes += Math.max(0, r);
  }

  /** Gives the old queue back and makes a new one for pictures as {@code buffer} has them. */
  private void reopen(Buffer buffer) throws IOException {
    boolean first = plan == null;
    closeQueue();
    plan = null;
    OutputPlan next;
    try {
      next = negotiator.negotiate(buffer);
    } catch (ErrnoException e) {
      if (!e.is(Errno.EBUSY)) {
        throw failure(e.call(), e.errno());
      }
      if (first) {
        LOG.warn("{} cannot change its format now: {}", device, e.getMessage());
      }
      next = negotiator.settle(buffer, e);
    }
    openQueue(next);
    plan = next;
    path = next.toString(); // asked for often: not made anew each time
    if (!next.reason().isEmpty()) {
      LOG.warn("{}: {}, because {}", device, next, next.reason());
    } else {
      LOG.info("{}: {}", device, next);
    }
  }

  private void openQueue(OutputPlan next) throws IOException {
    OutputTimings.announceRate(device, milliHertz);
    frameIntervalNanos = OutputTimings.areWanted(device) ? OutputTimings.frameNanos(device) : 0;
    letterbox = next.needsLetterbox() ? new Letterbox(next.source(), next.target()) : null;
    if (next.memory() == MemoryType.WRITE) {
      stagingArena = Arena.ofShared();
      staging = stagingArena.allocate(next.format().imageSize());
    } else {
      int wanted = Math.min(SLOTS_MAX, Math.max(SLOTS, knownBuffers.size() + DEPTH));
      try {
        queue = new SlotQueue(device, next.memory(), wanted, next.format().imageSize());
        if (next.memory().isZeroCopy() && !prepareKnown(next)) {
          // A slot whose PREPARE_BUF failed may answer EINVAL from then on, whatever is wrong. In a
          // queue that was never prepared QBUF says what it is.
          queue.close();
          queue = new SlotQueue(device, next.memory(), wanted, next.format().imageSize());
        }
        queue.start();
      } catch (ErrnoException e) {
        throw failure(e.call(), e.errno());
      }
    }
    int targets = queue == null ? 1 : queue.count();
    copier = next.memory().isZeroCopy() ? null : new PictureCopier(next.target(), targets);
  }

  /**
   * Tells the device of the memory that frames will come in, before it streams: a loopback's
   * readers then get all of it with their first REQBUFS, however early they come. Whether the
   * device took it all.
   */
  private boolean prepareKnown(OutputPlan next) throws IOException {
    int slot = 0;
    for (Buffer buffer : knownBuffers) {
      // DEPTH slots stay without, for buffers that come later.
      if (!next.fits(buffer) || slot + DEPTH >= queue.count()) {
        continue;
      }
      int r = queue.prepare(slot, buffer, address(next, buffer));
      if (r < 0) {
        LOG.debug("{} prepares no buffers: {}", device, Errno.describe(-r));
        return false;
      }
      slot++;
    }
    return true;
  }

  private void closeQueue() {
    if (queue != null) {
      queue.close();
      queue = null;
    }
    if (stagingArena != null) {
      stagingArena.close();
      stagingArena = null;
    }
  }

  private IOException failure(String call, int errno) {
    if (errno == Errno.ENODEV.number()) {
      return gone(call + ": " + Errno.describe(errno));
    }
    return new ErrnoException(call, device.toString(), errno);
  }

  private IOException gone(String detail) {
    return new IOException(
        device + " is gone: the device was removed or its module unloaded (" + detail + ")");
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    knownBuffers.add(buffer);
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    knownBuffers.remove(buffer);
    if (queue != null) {
      queue.forget(buffer);
    }
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public long copiedBytes() {
    return copiedBytes;
  }

  @Override
  public long frameIntervalNanos() {
    return frameIntervalNanos;
  }

  @Override
  public void close() {
    closeQueue();
    device.close();
  }
}
