// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Ioctl;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.v4l2_buffer;
import org.guestcam.uapi.abi.v4l2_plane;

/**
 * The slots of a streaming output queue. A slot is an index of the V4L2 queue, not a buffer: the
 * same dma-buf may stand in several slots at once, which is how a repeated picture flows.
 *
 * <p>Each slot has its structures prepared once, so that queueing and dequeueing allocate nothing.
 * A slot that holds a frame keeps it from being released until the device gives the slot back.
 * Owned and used by one thread.
 */
final class SlotQueue implements AutoCloseable {
  private static final long BYTES_USED = v4l2_buffer.bytesused$offset();
  private static final long TIMESTAMP = v4l2_buffer.timestamp$offset();
  private static final long MEMORY_OR_PLANES = v4l2_buffer.m$offset();
  private static final long LENGTH = v4l2_buffer.length$offset();
  private static final long PLANE_BYTES_USED = v4l2_plane.bytesused$offset();
  private static final long PLANE_LENGTH = v4l2_plane.length$offset();
  private static final long PLANE_MEMORY = v4l2_plane.m$offset();
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final Arena arena = Arena.ofShared();
  private final VideoDevice device;
  private final MemoryType memory;
  private final int imageSize;
  private final int count;
  private final MemorySegment streamType;
  private final MemorySegment done;
  private final MemorySegment donePlane;
  private final MemorySegment[] slots;
  private final MemorySegment[] planes;
  private final Mapping[] mappings;
  private final Buffer[] bound;
  private final Frame[] showing;
  private final boolean[] queued;
  private final boolean[] prepared;
  private final long[] lastUse;
  private int queuedCount;
  private long uses;

  /**
   * Asks for slots; the format has been set. {@link #start} goes on from there.
   *
   * @param wanted how many slots; the device may give more or fewer
   * @param imageSize bytes of a picture, as S_FMT read it back
   * @throws ErrnoException where the device refuses; nothing is left behind then
   */
  SlotQueue(VideoDevice device, MemoryType memory, int wanted, int imageSize)
      throws ErrnoException {
    this.device = device;
    this.memory = memory;
    this.imageSize = imageSize;
    count = device.requestBuffers(wanted, memory);
    slots = new MemorySegment[count];
    planes = new MemorySegment[count];
    mappings = new Mapping[count];
    bound = new Buffer[count];
    showing = new Frame[count];
    queued = new boolean[count];
    prepared = new boolean[count];
    lastUse = new long[count];
    streamType = arena.allocate(JAVA_INT);
    streamType.set(JAVA_INT, 0, device.queueType());
    done = v4l2_buffer.allocate(arena);
    donePlane = v4l2_plane.allocate(arena);
    try {
      for (int i = 0; i < count; i++) {
        describe(i);
      }
    } catch (ErrnoException e) {
      close();
      throw e;
    }
  }

  private void describe(int index) throws ErrnoException {
    MemorySegment slot = v4l2_buffer.allocate(arena);
    slots[index] = slot;
    v4l2_buffer.index(slot, index);
    v4l2_buffer.type(slot, device.queueType());
    v4l2_buffer.memory(slot, memory.memory());
    planes[index] = v4l2_plane.allocate(arena);
    if (device.isMultiplanar()) {
      slot.set(JAVA_LONG, MEMORY_OR_PLANES, planes[index].address());
      v4l2_buffer.length(slot, 1);
    }
    if (memory == MemoryType.MMAP) {
      Ioctl.require(device.fd(), Uapi.VIDIOC_QUERYBUF(), "VIDIOC_QUERYBUF", slot);
      boolean planar = device.isMultiplanar();
      long offset =
          planar ? planes[index].get(JAVA_INT, PLANE_MEMORY) : slot.get(JAVA_INT, MEMORY_OR_PLANES);
      long length = planar ? planes[index].get(JAVA_INT, PLANE_LENGTH) : slot.get(JAVA_INT, LENGTH);
      mappings[index] =
          Mapping.of(
              device.fd(),
              Integer.toUnsignedLong((int) offset),
              Integer.toUnsignedLong((int) length),
              Mapping.READ_WRITE);
    }
    v4l2_buffer.field(slot, Uapi.V4L2_FIELD_NONE());
    v4l2_buffer.flags(slot, Uapi.V4L2_BUF_FLAG_TIMESTAMP_COPY());
  }

  /**
   * Binds a buffer's memory to a free slot, which then is that buffer's until it was queued once
   * (VIDIOC_PREPARE_BUF).
   *
   * @param address as {@link #queueFrame} has it
   * @return zero or a negative errno; then the slot is as before
   */
  int prepare(int slot, Buffer buffer, long address) {
    pointTo(slot, buffer, address);
    v4l2_buffer.flags(slots[slot], Uapi.V4L2_BUF_FLAG_TIMESTAMP_COPY());
    setBytesUsed(slot);
    int r = Ioctl.call(device.fd(), Uapi.VIDIOC_PREPARE_BUF(), slots[slot]);
    if (r >= 0) {
      bound[slot] = buffer;
      prepared[slot] = true;
    }
    return r;
  }

  /**
   * Starts streaming.
   *
   * @throws ErrnoException where the device refuses; {@link #close} is still to be called
   */
  void start() throws ErrnoException {
    Ioctl.require(device.fd(), Uapi.VIDIOC_STREAMON(), "VIDIOC_STREAMON", streamType);
  }

  /** Slots that there are. */
  int count() {
    return count;
  }

  /** Slots that the device has now. */
  int queuedCount() {
    return queuedCount;
  }

  /** The memory of an MMAP slot, mapped for writing. */
  MemorySegment pixels(int slot) {
    return mappings[slot].segment();
  }

  /**
   * The free slot for a buffer: the one that it had before, so that the device keeps its import;
   * else one that none has; else the one used longest ago. A prepared slot shows what it was
   * prepared for, whatever QBUF says, and so is no other buffer's.
   *
   * @return its index, or -1 where the device has all slots
   */
  int choose(Buffer buffer) {
    int best = -1;
    for (int i = 0; i < count; i++) {
      if (queued[i]) {
        continue;
      }
      if (bound[i] == buffer) {
        return i;
      }
      if (prepared[i]) {
        continue;
      }
      if (best < 0
          || (bound[i] == null && bound[best] != null)
          || ((bound[i] == null) == (bound[best] == null) && lastUse[i] < lastUse[best])) {
        best = i;
      }
    }
    return best;
  }

  /**
   * Queues a frame's own memory (DMABUF, USERPTR); on success the slot takes the hold over.
   *
   * @param address of the picture's first byte, for USERPTR
   * @return zero or a negative errno; then the caller keeps its hold on the frame
   */
  int queueFrame(int slot, Frame frame, long address) {
    pointTo(slot, frame.buffer(), address);
    int r = queue(slot, frame.timestampNanos());
    if (r >= 0) {
      bound[slot] = frame.buffer();
      showing[slot] = frame;
    }
    return r;
  }

  private void pointTo(int slot, Buffer buffer, long address) {
    boolean dmaBuf = memory == MemoryType.DMABUF;
    long where = dmaBuf ? buffer.dmaBuf().fd().number() : address;
    // The dma-buf's own size; a picture's memory as far as V4L2 has to see it.
    int length = dmaBuf ? (int) buffer.dmaBuf().size() : imageSize;
    MemorySegment target = device.isMultiplanar() ? planes[slot] : slots[slot];
    long memoryOffset = device.isMultiplanar() ? PLANE_MEMORY : MEMORY_OR_PLANES;
    if (dmaBuf) {
      target.set(JAVA_INT, memoryOffset, (int) where);
    } else {
      target.set(JAVA_LONG, memoryOffset, where);
    }
    target.set(JAVA_INT, device.isMultiplanar() ? PLANE_LENGTH : LENGTH, length);
  }

  /**
   * Queues what was copied into an MMAP slot.
   *
   * @return zero or a negative errno
   */
  int queueCopy(int slot, long timestampNanos) {
    return queue(slot, timestampNanos);
  }

  private int queue(int slot, long timestampNanos) {
    MemorySegment buffer = slots[slot];
    buffer.set(JAVA_LONG, TIMESTAMP, timestampNanos / NANOS_PER_SECOND);
    buffer.set(JAVA_LONG, TIMESTAMP + 8, timestampNanos % NANOS_PER_SECOND / 1000);
    // QBUF writes its own flags back, and DQBUF's ERROR would be queued again.
    v4l2_buffer.flags(buffer, Uapi.V4L2_BUF_FLAG_TIMESTAMP_COPY());
    setBytesUsed(slot);
    int r = Ioctl.call(device.fd(), Uapi.VIDIOC_QBUF(), buffer);
    if (r >= 0) {
      queued[slot] = true;
      prepared[slot] = false;
      queuedCount++;
      lastUse[slot] = ++uses;
    }
    return r;
  }

  private void setBytesUsed(int slot) {
    if (device.isMultiplanar()) {
      planes[slot].set(JAVA_INT, PLANE_BYTES_USED, imageSize);
    } else {
      slots[slot].set(JAVA_INT, BYTES_USED, imageSize);
    }
  }

  /**
   * Takes one finished slot back and releases its frame.
   *
   * @return the slot, or a negative errno; EAGAIN where none is finished
   */
  int dequeue() {
    v4l2_buffer.type(done, device.queueType());
    v4l2_buffer.memory(done, memory.memory());
    if (device.isMultiplanar()) {
      done.set(JAVA_LONG, MEMORY_OR_PLANES, donePlane.address());
      v4l2_buffer.length(done, 1);
    }
    int r = Ioctl.call(device.fd(), Uapi.VIDIOC_DQBUF(), done);
    if (r < 0) {
      return r;
    }
    int slot = v4l2_buffer.index(done);
    if (slot < 0 || slot >= count) {
      return -Errno.EPROTO.number();
    }
    // v4l2loopback begins with all slots "done", before any was queued: giveBack lets those pass.
    giveBack(slot);
    return slot;
  }

  private void giveBack(int slot) {
    if (queued[slot]) {
      queued[slot] = false;
      queuedCount--;
    }
    Frame frame = showing[slot];
    if (frame != null) {
      showing[slot] = null;
      frame.release();
    }
  }

  /**
   * No further frame will show {@code buffer}: its slots are the first to be used anew. One that
   * was prepared for it and never queued is out of use until the queue is closed.
   */
  void forget(Buffer buffer) {
    for (int i = 0; i < count; i++) {
      if (bound[i] == buffer) {
        bound[i] = null;
      }
    }
  }

  /** Stops streaming, gives every slot back and releases every frame. */
  @Override
  public void close() {
    Fd fd = device.fd();
    // STREAMOFF gives all slots back whatever their state; after a removal both calls fail with
    // ENODEV, and there is nothing left to give back to.
    int off = Ioctl.call(fd, Uapi.VIDIOC_STREAMOFF(), streamType);
    assert off <= 0;
    for (int i = 0; i < count; i++) {
      giveBack(i);
      bound[i] = null;
      if (mappings[i] != null) {
        mappings[i].close();
      }
    }
    try {
      int left = device.requestBuffers(0, memory);
      assert left == 0;
    } catch (IOException e) {
      assert e instanceof ErrnoException; // gone: see above
    }
    arena.close();
  }
}
