// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.frame.surface.Surface;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.FileView;

/**
 * Dma-bufs that QEMU passes on from its guest. QEMU sends a descriptor at each page flip; by its
 * inode a buffer that was there before is found again, so that a sink imports each one once.
 */
final class DmaBufSurface implements Surface {
  /**
   * Buffers that are remembered: more than a guest flips between, and a bound for a hostile one.
   */
  private static final int MAX_BUFFERS = 8;

  private record Key(long inode, FrameLayout layout) {}

  private final Map<Key, Buffer> buffers = new LinkedHashMap<>(16, 0.75f, true);
  private final FrameRing frames;
  private final Damage damage = new Damage();
  private Buffer current;
  private long lastTicket;
  private int nextId;

  /** Without a buffer. */
  DmaBufSurface(int firstId, Runnable onFree) {
    this.nextId = firstId;
    this.frames = new FrameRing(onFree);
  }

  /** The id that the next surface's first buffer may have. */
  int nextId() {
    return nextId;
  }

  /**
   * Shows this dma-buf from now on.
   *
   * @param fd taken over
   * @throws LayoutException where the picture reaches past the dma-buf
   */
  void show(Fd fd, FrameLayout layout, FrameListener listener)
      throws ErrnoException, LayoutException {
    Key key;
    try {
      key = new Key(FileView.inode(fd), layout);
    } catch (ErrnoException e) {
      fd.close();
      throw e;
    }
    Buffer known = buffers.get(key);
    if (known == null) {
      known = add(fd, layout);
      buffers.put(key, known);
      listener.bufferAdded(known);
    } else {
      fd.close();
    }
    current = known;
    damage.setAll(layout.width(), layout.height());
    forgetEldest(listener);
  }

  private Buffer add(Fd fd, FrameLayout layout) throws ErrnoException, LayoutException {
    DmaBuf dmaBuf;
    try {
      dmaBuf = DmaBuf.own(fd);
    } catch (ErrnoException e) {
      fd.close();
      throw e;
    }
    try {
      return Buffer.ofDmaBuf(nextId++, layout, dmaBuf, () -> {});
    } catch (LayoutException e) {
      dmaBuf.close();
      throw e;
    }
  }

  private void forgetEldest(FrameListener listener) {
    for (Iterator<Buffer> all = buffers.values().iterator();
        buffers.size() > MAX_BUFFERS && all.hasNext(); ) {
      Buffer eldest = all.next();
      all.remove();
      listener.bufferRemoved(eldest);
      eldest.drop();
    }
  }

  @Override
  public FrameLayout layout() {
    return current.layout();
  }

  @Override
  public boolean hasDamage() {
    return damage.count() > 0;
  }

  @Override
  public void damage(int x, int y, int width, int height) {
    damage.add(x, y, width, height);
    damage.clip(layout().width(), layout().height());
  }

  @Override
  public boolean present(FrameListener listener, long sequence, long timestampNanos) {
    Frame frame = frames.take();
    if (frame == null) {
      return false;
    }
    lastTicket = frames.ticket(frame);
    frame.present(current, sequence, timestampNanos).damage().addAll(damage);
    damage.clear();
    listener.framePresented(frame);
    return true;
  }

  /** Names the frame that was presented last, for {@link #isReleased}. */
  long lastTicket() {
    return lastTicket;
  }

  /** Whether nobody reads that frame any more. */
  boolean isReleased(long ticket) {
    return frames.isReleased(ticket);
  }

  @Override
  public void remove(FrameListener listener) {
    for (Buffer buffer : buffers.values()) {
      listener.bufferRemoved(buffer);
      buffer.drop();
    }
    buffers.clear();
  }
}
