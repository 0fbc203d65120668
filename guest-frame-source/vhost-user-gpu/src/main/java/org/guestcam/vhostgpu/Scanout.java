// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.frame.surface.Pointer;
import org.guestcam.vhostgpu.VhostGpuOptions.CursorMode;
import org.guestcam.vhostgpu.vhost.GuestMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One display of the device, and the camera that looks at it, if any. Presents the guest's own
 * pages where it can, and copies of them where it must: for {@code tear-free}, for a pointer that
 * is drawn in, and when pages cannot be shown as they are. The device's thread owns it.
 *
 * <p>Pages that the guest takes back are never left on show: the picture is copied once before, or
 * made black.
 */
final class Scanout {
  /** Says whether the guest may be drawing into a resource already. */
  @FunctionalInterface
  interface Outlook {
    /** Whether a request that waits shows it. */
    boolean mayDrawInto(Resource resource, int scanout);
  }

  private static final Logger LOG = LoggerFactory.getLogger(Scanout.class);

  /** How long tear-free skips pictures that the guest may have drawn over, nanoseconds. */
  private static final long SKIP_LIMIT = 1_000_000_000L;

  private final int index;
  private final Counters counters;
  private final Runnable onFree;
  private final Outlook outlook;
  private final Pointer pointer = new Pointer();
  private final Damage damage = new Damage();
  private FrameListener listener; // null: nobody looks
  private VhostGpuOptions options;
  private View view; // what the guest wants to be shown; null: nothing
  private View presented; // whose pages the camera saw last; null: none, or a copy
  private View copiedFrom; // what the copy was made of last
  private CopiedSurface copy;
  private long counted; // of the copy's own bytes
  private Mode mode;
  private long sequence;
  private int nextId;
  private long lastTicket;
  private long skipsSince; // 0: the last copy was not skipped
  private boolean due; // damage waits for a free frame
  private boolean frozen; // the guest does not run: its pages are not shown

  /** Shows nothing; {@code onFree} runs on any thread when a frame is shown or released. */
  Scanout(int index, Counters counters, Runnable onFree, Outlook outlook) {
    this.index = index;
    this.counters = counters;
    this.onFree = onFree;
    this.outlook = outlook;
  }

  /** A camera looks from now on. */
  void attach(FrameListener camera, VhostGpuOptions wishes) {
    listener = camera;
    options = wishes;
    mode = null;
    sequence = 0;
  }

  /** The camera looks no more: every buffer is taken from it. */
  void detach(ResourceTable resources) {
    resources.forEach(
        resource -> {
          if (resource.view(index) != null) {
            drop(resource.view(index));
          }
        });
    removeCopy();
    presented = null;
    due = false;
    listener = null;
  }

  /** Whether a camera looks. */
  boolean isAttached() {
    return listener != null;
  }

  /** The camera, or null. */
  FrameListener listener() {
    return listener;
  }

  /** What it shows, or null. */
  View view() {
    return view;
  }

  /** The guest's pointer; {@link #pointerChanged} follows each change of it. */
  Pointer pointer() {
    return pointer;
  }

  /** The guest wants this to be shown from its next flush on; null turns the display off. */
  void set(View wanted, GuestMemory memory) {
    if (view == wanted) {
      return;
    }
    view = wanted;
    damage.clear();
    due = false;
    if (wanted == null && listener != null) {
      LOG.debug("the guest turned display {} off", index);
      if (options.blank()) {
        still(memory, true);
      }
    } else if (wanted != null) {
      damage.setAll(wanted.layout().width(), wanted.layout().height());
    }
  }

  /** All of it may have changed: a camera has come, or the guest goes on. */
  void showAll(GuestMemory memory) {
    frozen = false;
    if (view != null) {
      flush(view.originX(), view.originY(), view.layout().width(), view.layout().height(), memory);
    }
  }

  /**
   * The guest has drawn: shows it.
   *
   * @param x and the others: what changed, in pixels of the guest's framebuffer; within 2^31
   * @return whether a frame of the guest's own pages went out; {@link #lastFrame} names it
   */
  boolean flush(int x, int y, int width, int height, GuestMemory memory) {
    if (view == null || listener == null) {
      return false;
    }
    FrameLayout layout = view.layout();
    damage.add(x - view.originX(), y - view.originY(), width, height);
    damage.clip(layout.width(), layout.height());
    due = damage.count() > 0;
    return present(memory);
  }

  /** Frames are free again: shows what had to wait. */
  void retry(GuestMemory memory) {
    if (!due || listener == null) {
      return;
    }
    if (!frozen && view != null) {
      present(memory);
    } else if (copy != null) {
      presentCopy();
    }
  }

  /** Whether something waits for a free frame. */
  boolean isDue() {
    return due;
  }

  private boolean present(GuestMemory memory) {
    if (!due) {
      return false;
    }
    Backing backing = view.resource().backing();
    if (backing == null || view.layout().end() > backing.size()) {
      due = false; // nothing to see: the guest has not given it pages
      damage.clear();
      return false;
    }
    if (options.tearFree() || options.cursor() == CursorMode.BLEND || !isOpen(memory)) {
      copyAndPresent(memory);
      return false;
    }
    return presentPages();
  }

  private boolean isOpen(GuestMemory memory) {
    if (view.buffer() == null && view.whyCopied() == null) {
      view.open(memory, nextId++, onFree);
      if (view.whyCopied() != null) {
        LOG.warn("display {} is copied: {}", index, view.whyCopied());
      } else {
        if (view.whyShared() != null) {
          LOG.info("display {} is shared memory, not a dma-buf: {}", index, view.whyShared());
        }
        LOG.debug("display {}: buffer of resource {}", index, view.resource().id());
        sayMode(view.layout());
        listener.bufferAdded(view.buffer());
      }
    }
    return view.buffer() != null;
  }

  private boolean presentPages() {
    Frame frame = view.frames().take();
    if (frame == null) {
      return false;
    }
    sayMode(view.layout());
    if (presented != view) {
      damage.setAll(view.layout().width(), view.layout().height());
    }
    presented = view;
    lastTicket = view.frames().ticket(frame);
    frame.present(view.buffer(), sequence++, System.nanoTime()).damage().addAll(damage);
    damage.clear();
    due = false;
    listener.framePresented(frame);
    removeCopy();
    return true;
  }

  /** Names the frame of the last {@link #flush} that returned true, in its view's ring. */
  long lastFrame() {
    return lastTicket;
  }

  private void copyAndPresent(GuestMemory memory) {
    View from = view;
    if (!prepareCopy(from.layout())) {
      damage.clear();
      due = false;
      return;
    }
    if (copiedFrom != from) {
      damage.setAll(from.layout().width(), from.layout().height());
      copiedFrom = from;
    }
    boolean all = true;
    for (int i = 0; i < damage.count(); i++) {
      all &= copyRectangle(from, memory, i);
    }
    damage.clear();
    due = true;
    if (all && !isOvertaken(from)) {
      presentCopy();
    }
    presented = null;
    dropPages(from);
  }

  /**
   * Whether the guest may have drawn while its picture was copied: then it is not shown, for the
   * next one waits already. A guest that is always faster than the copy is shown all the same, now
   * and then, and counted.
   */
  private boolean isOvertaken(View from) {
    if (!options.tearFree() || !outlook.mayDrawInto(from.resource(), index)) {
      skipsSince = 0;
      return false;
    }
    long now = System.nanoTime();
    if (skipsSince == 0) {
      skipsSince = now;
    }
    if (now - skipsSince < SKIP_LIMIT) {
      return true;
    }
    skipsSince = 0;
    counters.torn.increment();
    return false;
  }

  /** Copies what changed; the copy's own bookkeeping is done by CopiedSurface. */
  private boolean copyRectangle(View from, GuestMemory memory, int i) {
    int x = damage.x(i);
    int y = damage.y(i);
    int width = damage.width(i);
    int height = damage.height(i);
    FrameLayout source = from.layout();
    FrameLayout target = copy.layout();
    MemorySegment to = copy.beginWrite(x, y, width, height);
    boolean done = true;
    for (int row = y; row < y + height && done; row++) {
      done =
          from.resource()
              .backing()
              .copy(
                  memory,
                  source.offset(0) + (long) row * source.stride(0) + (long) x * GpuFormat.BYTES,
                  to,
                  target.offset(0) + (long) row * target.stride(0) + (long) x * GpuFormat.BYTES,
                  (long) width * GpuFormat.BYTES);
    }
    copy.endWrite();
    countCopied((long) width * height * GpuFormat.BYTES);
    return done;
  }

  /**
   * Counts bytes out of the guest's memory, and what the copy did to bring its buffers up to date.
   */
  private void countCopied(long fromGuest) {
    counters.copied.add(fromGuest + copy.copiedBytes() - counted);
    counted = copy.copiedBytes();
  }

  private void presentCopy() {
    if (copy.present(listener, sequence, System.nanoTime())) {
      sequence++;
      due = false;
    }
    countCopied(0);
  }

  /** Makes sure that there is a copy of this size; false where there is no memory for it. */
  private boolean prepareCopy(FrameLayout layout) {
    if (copy != null
        && copy.layout().width() == layout.width()
        && copy.layout().height() == layout.height()
        && copy.layout().format() == layout.format()) {
      return true;
    }
    removeCopy();
    try {
      copy =
          new CopiedSurface(
              FrameLayout.tight(layout.format(), layout.width(), layout.height()), nextId, onFree);
    } catch (IOException | LayoutException e) {
      LOG.warn("display {} cannot be copied: {}", index, e.getMessage());
      return false;
    }
    counted = 0;
    nextId = copy.nextId();
    copiedFrom = null;
    sayMode(layout);
    copy.add(listener);
    if (options.cursor() == CursorMode.BLEND) {
      copy.setPointer(pointer);
    }
    return true;
  }

  private void sayMode(FrameLayout layout) {
    if (mode == null
        || mode.width() != layout.width()
        || mode.height() != layout.height()
        || !Objects.equals(mode.format(), layout.format())) {
      mode = new Mode(layout.width(), layout.height(), layout.format(), 0);
      LOG.debug("display {} is {}", index, mode);
      listener.modeChanged(mode);
    }
  }

  /** The guest's pointer is somewhere else, or looks otherwise. */
  void pointerChanged(GuestMemory memory) {
    if (listener == null) {
      return;
    }
    if (options.cursor() == CursorMode.META) {
      listener.cursorChanged(pointer.toCursor());
    } else if (options.cursor() == CursorMode.BLEND && copy != null) {
      copy.setPointer(pointer);
      if (copy.hasDamage()) {
        due = true;
        presentCopy();
        nextId = Math.max(nextId, copy.nextId());
      }
    }
  }

  /** The guest has drawn into a resource again: counts the frames that may have seen it happen. */
  void overdrawn(Resource resource) {
    View drawn = resource.view(index);
    if (drawn != null && drawn.frames() != null) {
      int torn = drawn.frames().countOverdrawn();
      if (torn > 0) {
        counters.torn.add(torn);
      }
    }
  }

  /** The guest is stopped, or reset: its pages go from show. */
  void freeze(GuestMemory memory) {
    frozen = true;
    if (listener != null && presented != null) {
      still(memory, options.blank());
    }
  }

  /**
   * The guest takes a resource's pages back.
   *
   * @return the frames that still show them, or null
   */
  FrameRing takeBack(Resource resource, GuestMemory memory) {
    View taken = resource.view(index);
    if (taken == null) {
      return null;
    }
    resource.setView(index, null);
    if (presented == taken && listener != null) {
      still(memory, options.blank());
    }
    if (view == taken) {
      view = null;
      due = due && copy != null && presented == null;
      damage.clear();
    }
    if (copiedFrom == taken) {
      copiedFrom = null;
    }
    FrameRing frames = taken.frames();
    drop(taken);
    return frames == null || frames.isIdle() ? null : frames;
  }

  /** A picture of our own takes the place of the guest's pages: what they show now, or black. */
  private void still(GuestMemory memory, boolean black) {
    View shown = presented;
    FrameLayout layout = shown != null ? shown.layout() : copy != null ? copy.layout() : null;
    if (layout == null || !prepareCopy(layout)) {
      return;
    }
    if (black) {
      copy.beginWrite(0, 0, layout.width(), layout.height()).fill((byte) 0);
      copy.endWrite();
    } else if (shown != null && shown.resource().backing() != null) {
      damage.setAll(layout.width(), layout.height());
      boolean ignored = copyRectangle(shown, memory, 0); // what is not there stays black
      damage.clear();
    }
    due = true;
    presentCopy();
    presented = null;
    copiedFrom = null;
  }

  private void dropPages(View from) {
    if (from.buffer() != null) {
      drop(from); // it was shown as it is before
    }
  }

  private void drop(View closing) {
    if (closing.buffer() != null) {
      if (listener != null) {
        listener.bufferRemoved(closing.buffer());
      }
      closing.close();
    }
  }

  private void removeCopy() {
    if (copy != null) {
      nextId = Math.max(nextId, copy.nextId());
      copy.remove(listener);
      copy = null;
      copiedFrom = null;
    }
  }

  /** Nothing of what the guest said holds any more. */
  void reset() {
    view = null;
    presented = null;
    damage.clear();
    due = due && copy != null;
    pointer.move(0, 0, false);
  }
}
