// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.frame.Damage;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.guestcam.vhostgpu.vhost.GuestMemory;

/**
 * The guest's pictures for QEMU's own windows: copies of what changed, sent over QEMU's display
 * socket as fast as QEMU takes them. What the guest draws meanwhile is sent once, as it is then.
 * The device's thread owns it; nothing waits for QEMU.
 *
 * <pre>
 *   SCANOUT (12 bytes):      0 u32 scanout | 4 u32 width, 0: off | 8 u32 height
 *   UPDATE (20 + n bytes):   0 u32 scanout | 4 u32 x | 8 u32 y | 12 u32 width | 16 u32 height | 20 u32 xrgb[]
 * </pre>
 */
final class QemuWindow {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final int SCANOUT = 7;
  private static final int UPDATE = 8;
  private static final int SCANOUT_BYTES = 12;
  private static final int UPDATE_BYTES = 20;

  /** Pixels of one message, bytes: a row of the widest picture, many of others. */
  private static final int STRIP = Request.MAX_SIDE * GpuFormat.BYTES;

  /** Messages that are sent before others have their turn. */
  private static final int TURN = 64;

  /** One of QEMU's windows. */
  private static final class Window {
    private final Damage damage = new Damage();
    private final Damage sending = new Damage(); // rectangles that are on their way
    private View view; // null: off, or not known
    private boolean off; // the guest said so
    private int rectangle;
    private int row;
    private int width; // what QEMU was told; 0: off
    private int height;

    /** What is on its way will not come. */
    void sendNothing() {
      sending.clear();
      rectangle = 0;
      row = 0;
    }

    /** What has changed is on its way. */
    void sendDamage() {
      sendNothing();
      sending.addAll(damage);
      damage.clear();
    }
  }

  private final Window[] windows = new Window[Gpu.SCANOUTS];
  private MemorySegment message; // null where no windows are wanted
  private DisplayLink link; // null: QEMU is not there

  QemuWindow() {
    for (int i = 0; i < windows.length; i++) {
      windows[i] = new Window();
    }
  }

  /** The user wants it. */
  void enable() {
    message = Arena.ofAuto().allocate(DisplayLink.HEADER + UPDATE_BYTES + STRIP, 8);
  }

  /** QEMU's display from now on, which knows nothing yet; null for none. */
  void open(DisplayLink display) {
    link = display;
    for (Window window : windows) {
      window.width = 0;
      window.height = 0;
      window.sendNothing();
    }
  }

  /** Nothing that the guest said holds any more; the windows keep their last pictures. */
  void forgetAll() {
    for (Window window : windows) {
      window.view = null;
      window.off = false;
      window.damage.clear();
      window.sendNothing();
    }
  }

  /** The guest turned a display off. */
  void off(int scanout) {
    Window window = windows[scanout];
    window.view = null;
    window.off = true;
  }

  /** The guest has drawn: {@code x} and the others are pixels of its framebuffer, within 2^31. */
  void flushed(int scanout, View view, int x, int y, int width, int height) {
    if (message == null) {
      return;
    }
    Window window = windows[scanout];
    FrameLayout layout = view.layout();
    if (window.view != view) {
      window.view = view;
      window.off = false;
      window.sendNothing();
      window.damage.setAll(layout.width(), layout.height());
    } else {
      window.damage.add(x - view.originX(), y - view.originY(), width, height);
      window.damage.clip(layout.width(), layout.height());
    }
  }

  /**
   * Sends what there is to send, as long as QEMU takes it.
   *
   * @return whether there is more, for which QEMU has room
   */
  boolean pump(GuestMemory memory) {
    if (message == null || link == null) {
      return false;
    }
    for (int i = 0; i < TURN; i++) {
      if (!link.isIdle() || !sendNext(memory)) {
        return false;
      }
    }
    return true;
  }

  private boolean sendNext(GuestMemory memory) {
    for (int i = 0; i < windows.length; i++) {
      if (sendNext(i, windows[i], memory)) {
        return true;
      }
    }
    return false;
  }

  private boolean sendNext(int index, Window window, GuestMemory memory) {
    if (window.view == null) {
      return window.off && window.width != 0 && sendSize(index, window, 0, 0);
    }
    FrameLayout layout = window.view.layout();
    Backing backing = window.view.resource().backing();
    if (!isXrgb(layout.format()) || backing == null || layout.end() > backing.size()) {
      return false; // Linux draws nothing else; or its pages are gone, or too few
    }
    if (window.width != layout.width() || window.height != layout.height()) {
      window.sendNothing();
      window.damage.setAll(layout.width(), layout.height());
      return sendSize(index, window, layout.width(), layout.height());
    }
    if (window.rectangle == window.sending.count()) {
      if (window.damage.count() == 0) {
        return false;
      }
      window.sendDamage();
    }
    return sendStrip(index, window, memory);
  }

  private static boolean isXrgb(PixelFormat format) {
    return format.equals(PixelFormat.XRGB8888) || format.equals(PixelFormat.ARGB8888);
  }

  private boolean sendSize(int index, Window window, int width, int height) {
    window.width = width;
    window.height = height;
    message.set(INT, DisplayLink.HEADER, index);
    message.set(INT, DisplayLink.HEADER + 4L, width);
    message.set(INT, DisplayLink.HEADER + 8L, height);
    link.send(SCANOUT, message, SCANOUT_BYTES);
    return true;
  }

  private boolean sendStrip(int index, Window window, GuestMemory memory) {
    Damage sending = window.sending;
    FrameLayout layout = window.view.layout();
    int x = sending.x(window.rectangle);
    int y = sending.y(window.rectangle) + window.row;
    int width = sending.width(window.rectangle);
    int rowBytes = width * GpuFormat.BYTES;
    int rows = Math.min(sending.height(window.rectangle) - window.row, STRIP / rowBytes);
    long pixels = DisplayLink.HEADER + UPDATE_BYTES;
    for (int i = 0; i < rows; i++) {
      long from = layout.offset(0) + (long) (y + i) * layout.stride(0) + (long) x * GpuFormat.BYTES;
      long to = pixels + (long) i * rowBytes;
      if (!window.view.resource().backing().copy(memory, from, message, to, rowBytes)) {
        window.sendNothing(); // the guest's memory has changed
        return false;
      }
    }
    message.set(INT, DisplayLink.HEADER, index);
    message.set(INT, DisplayLink.HEADER + 4L, x);
    message.set(INT, DisplayLink.HEADER + 8L, y);
    message.set(INT, DisplayLink.HEADER + 12L, width);
    message.set(INT, DisplayLink.HEADER + 16L, rows);
    window.row += rows;
    if (window.row == sending.height(window.rectangle)) {
      window.rectangle++;
      window.row = 0;
    }
    link.send(UPDATE, message, UPDATE_BYTES + rows * rowBytes);
    return true;
  }
}
