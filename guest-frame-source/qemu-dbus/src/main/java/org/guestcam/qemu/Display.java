// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.frame.surface.Pointer;
import org.guestcam.frame.surface.Surface;
import org.guestcam.qemu.QemuOptions.CursorMode;
import org.guestcam.uapi.Fd;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a console shows now, made of what QEMU says of it, and when it is presented.
 *
 * <p>QEMU sends the changes of one refresh as several messages and never says that they were all.
 * So a frame waits until {@link #GRACE} has passed without another change, yet no longer than
 * {@link #AT_MOST} after the first; a change of the whole picture is shown at once.
 *
 * <p>Lives as long as the source, through reconnections. The source's thread owns it.
 */
final class Display {
  /** Nothing is to be done at any time. */
  static final long NEVER = Long.MAX_VALUE;

  /** Asks QEMU how large the console is. */
  @FunctionalInterface
  interface ConsoleSize {
    /** Width in the high, height in the low 32 bits; 0 where QEMU does not say. */
    long ask();
  }

  private static final Logger LOG = LoggerFactory.getLogger(Display.class);
  private static final long MILLISECOND = 1_000_000L;
  private static final long GRACE = MILLISECOND;
  private static final long AT_MOST = 12 * MILLISECOND;

  /** QEMU says Disable also when it only lets go of a buffer that it has replaced. */
  private static final long OFF_AFTER = 300 * MILLISECOND;

  /** Until then the messages of a new mode have come, if QEMU sends any. */
  private static final long SIZE_AFTER = 200 * MILLISECOND;

  /** Bytes of a picture whose size nobody has proved by sending it. */
  private static final long MAX_BYTES = 1 << 26;

  private final FrameListener listener;
  private final boolean blank;
  private final Runnable onFree;
  private final Pointer pointer = new Pointer();
  private final CursorMode cursorMode;
  private final AtomicLong copiedBytes;
  private ConsoleSize consoleSize = () -> 0;
  private Surface surface;
  private boolean madeForScanout; // surface, with this stride
  private int scanoutStride;
  private long counted; // of surface's copies, in copiedBytes
  private CopiedDmaBuf copied; // what surface is copied from; null where it comes as bytes
  private Mode mode;
  private long sequence;
  private int nextId;
  private long firstChange = NEVER;
  private long presentAt = NEVER;
  private long offAt = NEVER;
  private long askSizeAt = NEVER;
  private volatile boolean waitsForFree;
  private volatile boolean watched;
  private volatile String way = "";
  private String guestName = "";

  /**
   * Shows nothing yet.
   *
   * @param options what becomes of the pointer, and of a display that is off
   * @param copiedBytes counts what the CPU copies here, in bytes
   * @param wake runs, on any thread, when {@link #tick} has something to do
   */
  Display(FrameListener listener, QemuOptions options, AtomicLong copiedBytes, Runnable wake) {
    this.listener = listener;
    this.blank = options.blank();
    this.cursorMode = options.cursor();
    this.copiedBytes = copiedBytes;
    this.onFree =
        () -> {
          if (waitsForFree || watched) {
            wake.run();
          }
        };
  }

  /** How QEMU gives the pictures now: the name of the call, or "" before the first; any thread. */
  String way() {
    return way;
  }

  /** How the next picture comes. */
  void setWay(String call) {
    if (!way.equals(call)) {
      way = call;
      LOG.info("QEMU gives its pictures by {}", call);
    }
  }

  /** What the guest is called in {@link #showNotice}. */
  void setGuestName(String name) {
    guestName = name;
  }

  /** Whom to ask from now on. */
  void setConsoleSize(ConsoleSize ask) {
    consoleSize = ask;
  }

  /** The whole picture comes, perhaps in a new mode; the caller writes all of it. */
  CopiedSurface scanout(int width, int height, int stride, PixelFormat format)
      throws IOException, LayoutException {
    // The same again allocates nothing: a guest that flips pages sends one for each frame.
    boolean again = madeForScanout && stride == scanoutStride;
    if (!again || !same(surface.layout(), width, height, format)) {
      FrameLayout layout = layout(width, height, stride, format);
      if (!(surface instanceof CopiedSurface same && same.layout().equals(layout))) {
        show(new CopiedSurface(layout, nextId, onFree));
        askSizeAt = System.nanoTime() + SIZE_AFTER;
      }
      madeForScanout = true;
      scanoutStride = stride;
    }
    offAt = NEVER;
    forgetCopied();
    return (CopiedSurface) surface;
  }

  private static FrameLayout layout(int width, int height, int stride, PixelFormat format)
      throws LayoutException {
    long row = format.planes().getFirst().rowBytes(width);
    // QEMU's own stride lets a picture be received in one piece; a strange one is not worth it.
    boolean usual = stride >= row && stride <= row + 4096 && stride % 4 == 0;
    return FrameLayout.padded(format, width, height, usual ? stride : row);
  }

  /**
   * A part of the picture comes. QEMU 7.2 sends parts of a new mode without a word about the mode
   * itself; then it is asked for the size.
   */
  CopiedSurface update(int x, int y, int width, int height, PixelFormat format)
      throws IOException, LayoutException {
    offAt = NEVER;
    forgetCopied();
    boolean bytes = surface instanceof CopiedSurface;
    FrameLayout now = surface == null ? null : surface.layout();
    if (!bytes
        || now.format() != format
        || (long) x + width > now.width()
        || (long) y + height > now.height()) {
      long size = consoleSize.ask();
      int wide = size == 0 ? (now == null ? 0 : now.width()) : (int) (size >> 32);
      int high = size == 0 ? (now == null ? 0 : now.height()) : (int) size;
      if (wide > 0 && high > 0) {
        resize(wide, high, format);
      }
    }
    if (surface instanceof CopiedSurface result) {
      return result;
    }
    throw new LayoutException(
        "a change of " + width + "x" + height + " pixels of a picture that was never sent");
  }

  private void resize(int width, int height, PixelFormat format)
      throws IOException, LayoutException {
    FrameLayout layout = layout(width, height, 0, format);
    if (layout.end() > MAX_BYTES) {
      throw new LayoutException("a console of " + width + "x" + height + " pixels");
    }
    CopiedSurface old = surface instanceof CopiedSurface before ? before : null;
    if (old != null && same(old.layout(), width, height, format)) {
      return;
    }
    CopiedSurface other = new CopiedSurface(layout, nextId, onFree);
    MemorySegment to = other.beginWrite(0, 0, width, height);
    if (old != null && old.layout().format() == format) {
      copiedBytes.addAndGet(copyCommon(old.picture(), old.layout(), to, layout));
    }
    other.endWrite();
    show(other);
    changed(true);
  }

  private static boolean same(FrameLayout layout, int width, int height, PixelFormat format) {
    return layout.width() == width && layout.height() == height && layout.format() == format;
  }

  private static long copyCommon(
      MemorySegment from, FrameLayout fromLayout, MemorySegment to, FrameLayout toLayout) {
    int width = Math.min(fromLayout.width(), toLayout.width());
    int height = Math.min(fromLayout.height(), toLayout.height());
    long bytes = fromLayout.format().planes().getFirst().rowBytes(width);
    for (int y = 0; y < height; y++) {
      MemorySegment.copy(
          from, (long) y * fromLayout.stride(0), to, (long) y * toLayout.stride(0), bytes);
    }
    return bytes * height;
  }

  /** QEMU shares its memory from now on. */
  void scanoutMap(Fd file, long offset, FrameLayout layout) throws IOException, LayoutException {
    SharedSurface shared = SharedSurface.map(nextId, layout, file, offset, onFree);
    nextId++;
    show(shared);
    offAt = NEVER;
    damage(0, 0, layout.width(), layout.height());
  }

  /**
   * QEMU passes a dma-buf on; takes {@code fd} over.
   *
   * @param bottomFirst whether its lowest row comes first
   */
  void scanoutDmaBuf(Fd fd, FrameLayout layout, boolean bottomFirst)
      throws IOException, LayoutException {
    offAt = NEVER;
    if (bottomFirst || cursorMode == CursorMode.BLEND) {
      copyDmaBuf(CopiedDmaBuf.own(fd, layout, bottomFirst));
      return;
    }
    if (!(surface instanceof DmaBufSurface)) {
      show(new DmaBufSurface(nextId, onFree));
    }
    DmaBufSurface dmaBufs = (DmaBufSurface) surface;
    dmaBufs.show(fd, layout, listener);
    nextId = dmaBufs.nextId();
    sayMode(layout);
    changed(true);
  }

  private void copyDmaBuf(CopiedDmaBuf dmaBuf) throws IOException, LayoutException {
    forgetCopied();
    copied = dmaBuf;
    FrameLayout layout = dmaBuf.layout();
    if (!(surface instanceof CopiedSurface same && same.layout().equals(layout))) {
      show(new CopiedSurface(layout, nextId, onFree));
    }
    copiedBytes.addAndGet(
        dmaBuf.copyTo((CopiedSurface) surface, 0, 0, layout.width(), layout.height()));
    changed(true);
  }

  private void forgetCopied() {
    if (copied != null) {
      copied.close();
      copied = null;
    }
  }

  /** A part of shared memory or of a dma-buf changed. */
  void damage(int x, int y, int width, int height) throws IOException {
    if (surface instanceof CopiedSurface to && copied != null) {
      copiedBytes.addAndGet(copied.copyTo(to, x, y, width, height));
    } else if (surface == null || surface instanceof CopiedSurface) {
      return; // late news of a surface that was replaced
    } else {
      surface.damage(x, y, width, height);
    }
    offAt = NEVER;
    FrameLayout layout = surface.layout();
    changed(width >= layout.width() && height >= layout.height());
  }

  /** The dma-bufs that are shown, or null. */
  DmaBufSurface dmaBufs() {
    return surface instanceof DmaBufSurface dmaBufs ? dmaBufs : null;
  }

  /** The display is off, unless QEMU says otherwise soon. */
  void disable() {
    offAt = System.nanoTime() + OFF_AFTER;
  }

  /** Whether somebody wants to be woken at each release. */
  void watchReleases(boolean watch) {
    watched = watch;
  }

  /** The guest's pointer; {@link #pointerChanged} follows each change of it. */
  Pointer pointer() {
    return pointer;
  }

  /** The pointer moved, or looks otherwise. */
  void pointerChanged() {
    if (cursorMode == CursorMode.META) {
      listener.cursorChanged(pointer.toCursor());
    } else if (cursorMode == CursorMode.BLEND && surface instanceof CopiedSurface picture) {
      picture.setPointer(pointer);
      if (picture.hasDamage()) {
        changed(false);
      }
    }
  }

  /** QEMU says that the console's size changed; a picture of the new size may come, or not. */
  void sizeChanged() {
    askSizeAt = System.nanoTime() + SIZE_AFTER;
  }

  /** The surface has changed: it will be presented. */
  void changed(boolean all) {
    long now = System.nanoTime();
    firstChange = Math.min(firstChange, now);
    presentAt = all ? now : Math.min(now + GRACE, firstChange + AT_MOST);
  }

  private void show(Surface other) {
    countCopies();
    counted = 0;
    Surface old = surface;
    surface = other;
    madeForScanout = false;
    if (!(other instanceof CopiedSurface)) {
      forgetCopied();
    }
    presentAt = NEVER;
    firstChange = NEVER;
    if (old != null) {
      old.remove(listener);
    }
    switch (other) {
      case CopiedSurface copied -> {
        nextId = copied.nextId();
        if (copied.whyNoDmaBufs() != null) {
          LOG.debug("pictures are in shared memory, not in dma-bufs: {}", copied.whyNoDmaBufs());
        }
        sayMode(copied.layout());
        copied.add(listener);
        if (cursorMode == CursorMode.BLEND) {
          copied.setPointer(pointer);
        }
      }
      case SharedSurface shared -> {
        sayMode(shared.layout());
        shared.add(listener);
      }
      default -> {} // dma-bufs: nothing to say before the first one
    }
  }

  /** A buffer that was behind was brought up to date from another one. */
  private void countCopies() {
    if (surface instanceof CopiedSurface copying) {
      long now = copying.copiedBytes();
      copiedBytes.addAndGet(now - counted);
      counted = now;
    }
  }

  private void sayMode(FrameLayout layout) {
    Mode now = new Mode(layout.width(), layout.height(), layout.format(), 0);
    if (!Objects.equals(mode, now)) {
      LOG.debug("the guest's display is {}", now);
      mode = now;
      listener.modeChanged(now);
    }
  }

  /** When {@link #tick} wants to be called, as {@link System#nanoTime}; or {@link #NEVER}. */
  long wakeAt() {
    return Math.min(waitsForFree ? NEVER : presentAt, Math.min(offAt, askSizeAt));
  }

  /** Does what is due. */
  void tick() throws IOException, LayoutException {
    long now = System.nanoTime();
    if (now >= askSizeAt) {
      askSizeAt = NEVER;
      long size = consoleSize.ask();
      if (size != 0 && surface instanceof CopiedSurface picture && copied == null) {
        resize((int) (size >> 32), (int) size, picture.layout().format());
      }
    }
    if (now >= offAt) {
      offAt = NEVER;
      if (blank) {
        showNotice("display off");
      }
    }
    if (presentAt <= now && surface != null && surface.hasDamage()) {
      present(now);
    }
  }

  private void present(long now) {
    countCopies();
    boolean presented = surface.present(listener, sequence, now);
    if (!presented) {
      waitsForFree = true; // then once more, for what was released before it could wake us
      presented = surface.present(listener, sequence, now);
    }
    if (presented) {
      waitsForFree = false;
      sequence++;
      presentAt = NEVER;
      firstChange = NEVER;
    }
  }

  /** The guest's name and these words on black, in the mode that there was. */
  void showNotice(String words) throws IOException, LayoutException {
    if (surface == null) {
      return;
    }
    forgetCopied();
    FrameLayout layout = surface.layout();
    if (!(surface instanceof CopiedSurface)) {
      PixelFormat format = layout.format();
      show(
          new CopiedSurface(
              FrameLayout.tight(format, layout.width(), layout.height()), nextId, onFree));
    }
    CopiedSurface notice = (CopiedSurface) surface;
    MemorySegment pixels = notice.beginWrite(0, 0, layout.width(), layout.height());
    Notice.draw(pixels, notice.layout(), guestName, words);
    notice.endWrite();
    changed(true);
    present(System.nanoTime());
  }

  /** Nothing more will come: the buffers go. */
  void end() {
    forgetCopied();
    countCopies();
    counted = 0;
    if (surface != null) {
      surface.remove(listener);
      surface = null;
      madeForScanout = false;
    }
    presentAt = NEVER;
    offAt = NEVER;
    askSizeAt = NEVER;
  }
}
