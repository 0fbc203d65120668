// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.Errno;

/**
 * The display buffers and framebuffers that one guest made, by its cookies. What a guest asks for
 * is checked here: geometry against bytes, cookies, and how much there is in all.
 */
final class Framebuffers implements AutoCloseable {
  /** Display buffers of a guest at the most. */
  static final int MAX_BUFFERS = 64;

  /** Framebuffers of a guest at the most. */
  static final int MAX_FRAMEBUFFERS = 128;

  /** Bytes of one display buffer at the most: 8K at 32 bits. */
  static final long MAX_BYTES = 144L << 20;

  /** Bytes of all display buffers of a guest at the most. */
  static final long MAX_TOTAL = 512L << 20;

  /** Makes memory of a display buffer's pages: the route. */
  @FunctionalInterface
  interface Maker {
    DisplayMemory make(int[] refs) throws IOException;
  }

  /** A buffer, and how many framebuffers show it. */
  private static final class DisplayBuffer {
    final long width;
    final long height;
    final long bytes;
    final int offset;
    final DisplayMemory memory;
    int framebuffers;

    DisplayBuffer(long width, long height, long bytes, int offset, DisplayMemory memory) {
      this.width = width;
      this.height = height;
      this.bytes = bytes;
      this.offset = offset;
      this.memory = memory;
    }
  }

  /**
   * A framebuffer: what a buffer's bytes mean.
   *
   * @param cookie the guest's name for it
   * @param buffer the cookie of its buffer
   * @param offset of the first byte
   */
  record Framebuffer(
      long cookie,
      long buffer,
      DisplayMemory memory,
      PixelFormat format,
      int width,
      int height,
      long stride,
      long offset) {
    /** The layout of a part of it, which is checked here. */
    FrameLayout layout(int x, int y, int wide, int high) throws RefusedException {
      if (x < 0 || y < 0 || wide <= 0 || high <= 0 || x > width - wide || y > height - high) {
        throw new RefusedException(
            Errno.EINVAL,
            "a screen of "
                + wide
                + "x"
                + high
                + " at "
                + x
                + ","
                + y
                + " is not within the framebuffer of "
                + width
                + "x"
                + height);
      }
      long at = offset + y * stride + (long) x * format.planes().getFirst().bytes();
      try {
        return FrameLayout.of(
            format, FrameLayout.LINEAR, wide, high, new long[] {at}, new long[] {stride});
      } catch (LayoutException e) {
        throw new RefusedException(Errno.EINVAL, e.getMessage(), e);
      }
    }
  }

  private final Map<Long, DisplayBuffer> buffers = new HashMap<>();
  private final Map<Long, Framebuffer> framebuffers = new HashMap<>();
  private long total;

  /**
   * Checks what DBUF_CREATE says, before anything is mapped or made.
   *
   * @return how many pages the buffer has
   */
  int check(long cookie, int width, int height, int bpp, int bytes, int offset) throws IOException {
    if (cookie == 0) {
      throw new ViolationException("DBUF_CREATE with the cookie 0");
    }
    if (buffers.containsKey(cookie)) {
      throw new ViolationException("DBUF_CREATE with a cookie that is taken: " + hex(cookie));
    }
    if (width <= 0
        || height <= 0
        || width > FrameLayout.MAX_SIDE
        || height > FrameLayout.MAX_SIDE) {
      throw new ViolationException(
          "DBUF_CREATE of "
              + Integer.toUnsignedString(width)
              + "x"
              + Integer.toUnsignedString(height)
              + " pixels: a side has 1 to "
              + FrameLayout.MAX_SIDE);
    }
    if (bpp != 8 && bpp != 16 && bpp != 24 && bpp != 32 && bpp != 12) {
      throw new RefusedException(
          Errno.EINVAL,
          Integer.toUnsignedString(bpp) + " bits a pixel: 12, 16, 24 and 32 are known");
    }
    long size = Integer.toUnsignedLong(bytes);
    long needed = (long) width * height * bpp / 8 + offset;
    if (offset < 0 || offset >= Displif.PAGE) {
      throw new ViolationException(
          "DBUF_CREATE with data at " + Integer.toUnsignedString(offset) + " of its first page");
    }
    if (size < needed) {
      throw new ViolationException(
          "DBUF_CREATE of "
              + size
              + " bytes for "
              + width
              + "x"
              + height
              + " at "
              + bpp
              + " bits, which are "
              + needed);
    }
    if (size > MAX_BYTES || total + size > MAX_TOTAL || buffers.size() >= MAX_BUFFERS) {
      throw new RefusedException(
          Errno.ENOMEM,
          "a display buffer of "
              + size
              + " bytes, beside "
              + buffers.size()
              + " with "
              + total
              + ": a guest may have "
              + MAX_BUFFERS
              + " of "
              + MAX_BYTES
              + ", and "
              + MAX_TOTAL
              + " in all");
    }
    return Math.toIntExact(Math.ceilDiv(size, (long) Displif.PAGE));
  }

  /** Adds a buffer that was checked; takes its memory over. */
  void add(long cookie, int width, int height, int bytes, int offset, DisplayMemory memory) {
    long size = Integer.toUnsignedLong(bytes);
    buffers.put(cookie, new DisplayBuffer(width, height, size, offset, memory));
    total += size;
  }

  /** Makes a framebuffer of a buffer: FB_ATTACH. */
  void attach(long buffer, long cookie, int width, int height, int fourcc) throws IOException {
    if (cookie == 0) {
      throw new ViolationException("FB_ATTACH with the cookie 0");
    }
    if (framebuffers.containsKey(cookie)) {
      throw new ViolationException("FB_ATTACH with a cookie that is taken: " + hex(cookie));
    }
    DisplayBuffer of = buffers.get(buffer);
    if (of == null) {
      throw new RefusedException(
          Errno.ENOENT, "FB_ATTACH to a buffer that is not there: " + hex(buffer));
    }
    if (framebuffers.size() >= MAX_FRAMEBUFFERS) {
      throw new RefusedException(
          Errno.ENOMEM, "a guest may have " + MAX_FRAMEBUFFERS + " framebuffers");
    }
    Optional<PixelFormat> format = PixelFormat.ofDrm(fourcc);
    if (format.isEmpty() || format.get().planes().size() != 1) {
      throw new RefusedException(
          Errno.EINVAL,
          "guestcam shows no pixels of the format "
              + org.guestcam.frame.Fourcc.name(fourcc)
              + " of this guest");
    }
    try {
      // displif has no stride: rows of a buffer follow each other.
      long stride = format.get().planes().getFirst().rowBytes(width);
      FrameLayout layout =
          FrameLayout.of(
              format.get(),
              FrameLayout.LINEAR,
              width,
              height,
              new long[] {of.offset},
              new long[] {stride});
      layout.requireFits(of.bytes);
      framebuffers.put(
          cookie,
          new Framebuffer(
              cookie, buffer, of.memory, format.get(), width, height, stride, of.offset));
      of.framebuffers++;
    } catch (LayoutException e) {
      throw new ViolationException(
          "FB_ATTACH to a buffer of " + of.width + "x" + of.height + ": " + e.getMessage());
    }
  }

  /** The framebuffer with a cookie. */
  Framebuffer require(long cookie, String operation) throws RefusedException {
    Framebuffer found = framebuffers.get(cookie);
    if (found == null) {
      throw new RefusedException(
          Errno.ENOENT, operation + " of a framebuffer that is not there: " + hex(cookie));
    }
    return found;
  }

  /** Forgets a framebuffer, which nobody shows any more: FB_DETACH. */
  void detach(long cookie) throws RefusedException {
    Framebuffer gone = require(cookie, "FB_DETACH");
    framebuffers.remove(cookie);
    buffers.get(gone.buffer()).framebuffers--;
  }

  /**
   * Forgets a buffer, DBUF_DESTROY.
   *
   * @return its memory, now the caller's
   */
  DisplayMemory destroy(long cookie) throws RefusedException {
    DisplayBuffer gone = buffers.get(cookie);
    if (gone == null) {
      throw new RefusedException(
          Errno.ENOENT, "DBUF_DESTROY of a buffer that is not there: " + hex(cookie));
    }
    if (gone.framebuffers > 0) {
      throw new RefusedException(
          Errno.EBUSY, "DBUF_DESTROY of a buffer with " + gone.framebuffers + " framebuffers");
    }
    buffers.remove(cookie);
    total -= gone.bytes;
    return gone.memory;
  }

  private static String hex(long cookie) {
    return "0x" + Long.toHexString(cookie);
  }

  /** Whether no buffer of a removed picture is read any more, and all grants can go at once. */
  boolean isIdle() {
    return buffers.values().stream().allMatch(buffer -> buffer.memory.isIdle());
  }

  @Override
  public void close() {
    framebuffers.clear();
    buffers.values().forEach(buffer -> buffer.memory.release());
    buffers.clear();
    total = 0;
  }
}
