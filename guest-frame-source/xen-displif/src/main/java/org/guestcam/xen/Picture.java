// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;

/**
 * What is shown of a framebuffer: a few frames, used again and again, of one buffer or of a buffer
 * each. The backend's thread presents; any thread releases.
 */
final class Picture {
  /** Frames of one buffer: as many as may be read, waited for and kept at once. */
  private static final int FRAMES = 8;

  /** Brings a buffer up to date before it is shown. */
  @FunctionalInterface
  interface Filler {
    /**
     * Fills buffer {@code index} of the picture's.
     *
     * @return zero or a negative errno
     */
    int fill(int index);
  }

  /** A frame, and whether it may be presented. */
  static final class Slot implements Frame.Owner {
    private final Buffer buffer;
    private final int index;
    private final Runnable onFree;
    private final Frame frame = new Frame(this);
    private volatile boolean free = true;
    private int presentations;

    private Slot(Buffer buffer, int index, Runnable onFree) {
      this.buffer = buffer;
      this.index = index;
      this.onFree = onFree;
    }

    @Override
    public void released(Frame released) {
      free = true;
      onFree.run();
    }

    /** Whether that presentation is over. */
    boolean isReleased(int presentation) {
      return free || presentations != presentation;
    }

    /** The presentation that is on, for {@link #isReleased}. */
    int presentation() {
      return presentations;
    }

    Frame frame() {
      return frame;
    }

    boolean isDmaBuf() {
      return buffer.isDmaBuf();
    }
  }

  private final List<Buffer> buffers;
  private final Slot[] slots;
  private final Filler filler;
  private int next;

  private Picture(List<Buffer> buffers, int frames, Filler filler, Runnable onFree) {
    this.buffers = buffers;
    this.filler = filler;
    slots = new Slot[frames];
    for (int i = 0; i < frames; i++) {
      int index = i % buffers.size();
      slots[i] = new Slot(buffers.get(index), index, onFree);
    }
  }

  /** Frames that show one buffer as it is. */
  static Picture of(Buffer buffer, Runnable onFree) {
    return new Picture(List.of(buffer), FRAMES, null, onFree);
  }

  /** Frames with a buffer each, which {@code filler} fills. */
  static Picture of(List<Buffer> buffers, Filler filler, Runnable onFree) {
    return new Picture(List.copyOf(buffers), buffers.size(), filler, onFree);
  }

  void add(FrameListener listener) {
    buffers.forEach(listener::bufferAdded);
  }

  /**
   * The next frame, presented; all of it is damaged. Allocates nothing.
   *
   * @return null where every frame is still read, or could not be filled
   */
  Slot present(long sequence, long timestampNanos) {
    for (int i = 0; i < slots.length; i++) {
      Slot slot = slots[(next + i) % slots.length];
      if (!slot.free) {
        continue;
      }
      if (filler != null && filler.fill(slot.index) < 0) {
        return null;
      }
      next = (next + i + 1) % slots.length;
      slot.free = false;
      slot.presentations++;
      slot.frame.present(slot.buffer, sequence, timestampNanos);
      slot.frame.damage().setAll(slot.buffer.layout().width(), slot.buffer.layout().height());
      return slot;
    }
    return null;
  }

  /** No frame will show it any more. {@code listener} is null where nobody has heard of it. */
  void remove(FrameListener listener) {
    for (Buffer buffer : buffers) {
      if (listener != null) {
        listener.bufferRemoved(buffer);
      }
      buffer.drop();
    }
  }
}
