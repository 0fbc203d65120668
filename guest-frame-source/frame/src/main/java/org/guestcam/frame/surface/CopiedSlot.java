// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;

/**
 * One buffer that pictures are received into, and its frame. It knows which part of it is older
 * than the newest picture.
 */
public final class CopiedSlot implements Frame.Owner {
  private final Buffer buffer;
  private final Mapping ours; // null where it is the buffer's own
  private final MemorySegment pixels;
  private final Frame frame = new Frame(this);
  private final Damage stale = new Damage();
  private final Runnable onFree;
  private volatile boolean free = true;

  private CopiedSlot(Buffer buffer, Mapping ours, MemorySegment pixels, Runnable onFree) {
    this.buffer = buffer;
    this.ours = ours;
    this.pixels = pixels;
    this.onFree = onFree;
  }

  /**
   * A black picture.
   *
   * @param udmabuf makes the memory a dma-buf; null for shared memory
   * @param onFree runs when the frame is released, on any thread
   */
  static CopiedSlot allocate(int id, FrameLayout layout, Udmabuf udmabuf, Runnable onFree)
      throws IOException {
    long page = Mapping.pageSize();
    long size = (Math.max(layout.imageSize(), layout.end()) + page - 1) / page * page;
    // Mapping and dma-buf keep the pages when the descriptor is closed.
    try (Memfd memory = Memfd.create("guestcam-copy", size)) {
      memory.seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW);
      Mapping mapping = memory.map();
      try {
        if (udmabuf == null) {
          Buffer buffer = memory(id, layout, mapping, memory.fd().duplicate());
          return new CopiedSlot(buffer, null, mapping.segment(), onFree);
        }
        Buffer buffer = dmaBuf(id, layout, udmabuf.create(memory.fd(), new PageRange(0, size)));
        return new CopiedSlot(buffer, mapping, mapping.segment(), onFree);
      } catch (IOException e) {
        mapping.close();
        throw e;
      }
    }
  }

  private static Buffer memory(int id, FrameLayout layout, Mapping mapping, Fd file) {
    try {
      return Buffer.ofSharedFile(id, layout, mapping, new Buffer.SharedFile(file, 0), () -> {});
    } catch (LayoutException e) {
      throw new AssertionError("the memory was made for this layout", e);
    }
  }

  private static Buffer dmaBuf(int id, FrameLayout layout, DmaBuf dmaBuf) throws IOException {
    try {
      dmaBuf.setName("guestcam-copy-" + id);
      return Buffer.ofDmaBuf(id, layout, dmaBuf, () -> {});
    } catch (IOException e) {
      dmaBuf.close();
      throw e;
    } catch (LayoutException e) {
      dmaBuf.close();
      throw new AssertionError("the memory was made for this layout", e);
    }
  }

  @Override
  public void released(Frame released) {
    free = true;
    onFree.run();
  }

  /** Whether nobody reads it. */
  public boolean isFree() {
    return free;
  }

  /** Its memory as others see it. */
  public Buffer buffer() {
    return buffer;
  }

  /** What is older than the newest picture. */
  Damage stale() {
    return stale;
  }

  /** The bytes, to be written between {@link #beginWrite} and {@link #endWrite}. */
  public MemorySegment pixels() {
    return pixels;
  }

  /** Begins writing with the CPU, where that makes a difference. */
  public void beginWrite() {
    if (buffer.isDmaBuf()) {
      int ignored = buffer.dmaBuf().beginCpuAccess(DmaBuf.WRITE);
      assert ignored == 0 : ignored;
    }
  }

  /** Ends what {@link #beginWrite} began. */
  public void endWrite() {
    if (buffer.isDmaBuf()) {
      int ignored = buffer.dmaBuf().endCpuAccess(DmaBuf.WRITE);
      assert ignored == 0 : ignored;
    }
  }

  /** Its frame, presented with this damage; taken until it is released. */
  public Frame present(Damage damage, long sequence, long timestampNanos) {
    free = false;
    frame.present(buffer, sequence, timestampNanos);
    frame.damage().addAll(damage);
    return frame;
  }

  /** Gives the memory back, when the last reader has let go of it. */
  public void retire() {
    if (ours != null) {
      ours.close();
    }
    buffer.drop();
  }
}
