// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import org.guestcam.frame.Buffer;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.frame.surface.Surface;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;

/**
 * Memory that QEMU draws into while it is shown (ScanoutMap): nothing is copied, and a frame may
 * show parts of the next picture. QEMU makes this memory without sealing, so that it cannot become
 * a dma-buf.
 */
final class SharedSurface implements Surface {
  private final Buffer buffer;
  private final FrameRing frames;
  private final Damage damage = new Damage();

  private SharedSurface(Buffer buffer, Runnable onFree) {
    this.buffer = buffer;
    this.frames = new FrameRing(onFree);
  }

  /**
   * Maps it, no further than the file goes.
   *
   * @param file stays the caller's, who may close it afterwards
   * @param offset of the picture in the file, bytes
   * @throws LayoutException where the picture reaches past the file
   */
  static SharedSurface map(int id, FrameLayout tight, Fd file, long offset, Runnable onFree)
      throws ErrnoException, LayoutException {
    long size = file.size();
    if (offset > size || tight.end() > size - offset) {
      throw new LayoutException(
          tight + " at byte " + offset + " reaches past the " + size + " bytes that QEMU shares");
    }
    long within = offset % Mapping.pageSize(); // a mapping begins with a page
    FrameLayout layout =
        FrameLayout.of(
            tight.format(),
            FrameLayout.LINEAR,
            tight.width(),
            tight.height(),
            new long[] {within},
            new long[] {tight.stride(0)});
    Mapping mapping = Mapping.of(file, offset - within, within + tight.end(), Mapping.READ);
    Fd ours = null;
    try {
      ours = file.duplicate();
      Buffer.SharedFile shared = new Buffer.SharedFile(ours, offset - within);
      return new SharedSurface(Buffer.ofSharedFile(id, layout, mapping, shared, () -> {}), onFree);
    } catch (ErrnoException | LayoutException e) {
      mapping.close();
      if (ours != null) {
        ours.close();
      }
      throw e;
    }
  }

  @Override
  public FrameLayout layout() {
    return buffer.layout();
  }

  /** Tells a listener of the buffer. */
  void add(FrameListener listener) {
    listener.bufferAdded(buffer);
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
    frame.present(buffer, sequence, timestampNanos).damage().addAll(damage);
    damage.clear();
    listener.framePresented(frame);
    return true;
  }

  @Override
  public void remove(FrameListener listener) {
    listener.bufferRemoved(buffer);
    buffer.drop();
  }
}
