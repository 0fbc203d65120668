// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.qemu.dbus.WireSocket;
import org.guestcam.uapi.IoVector;

/**
 * Reads a rectangle of pixels from the socket into its place in a picture: one copy, by the kernel.
 * What lies outside the picture, and the padding of rows, goes nowhere. Allocates nothing.
 */
final class PictureReader {
  private static final int NOWHERE = 1 << 16;

  private final WireSocket socket;
  private final IoVector parts = new IoVector();
  private final MemorySegment nowhere = Arena.ofAuto().allocate(NOWHERE);
  private long deadline;

  PictureReader(WireSocket socket) {
    this.socket = socket;
  }

  /**
   * Refuses numbers of the peer that do not fit each other.
   *
   * @param stride bytes from row to row, as sent
   * @param bytes that the message has for the pixels
   */
  static void require(int width, int height, int stride, int bytesPerPixel, int bytes)
      throws LayoutException {
    if (width < 1 || width > FrameLayout.MAX_SIDE || height < 1 || height > FrameLayout.MAX_SIDE) {
      throw new LayoutException("a rectangle of " + width + "x" + height + " pixels");
    }
    long row = (long) width * bytesPerPixel;
    if (stride < row) {
      throw new LayoutException(
          "a stride of " + stride + " bytes for rows of " + width + " pixels, " + row + " bytes");
    }
    long least = (height - 1L) * stride + row;
    if (bytes < least || bytes > (long) height * stride) {
      throw new LayoutException(
          bytes + " bytes for " + height + " rows with a stride of " + stride + " bytes");
    }
  }

  /**
   * Reads a rectangle; {@link #require} has let its numbers pass.
   *
   * @param x where its left edge lies in the picture; parts of it may lie outside
   * @param stride bytes from row to row, as sent
   * @param bytes that are to be read in all
   */
  void read(
      MemorySegment pixels,
      FrameLayout layout,
      int x,
      int y,
      int width,
      int height,
      int stride,
      int bytes)
      throws IOException {
    deadline = socket.deadline();
    parts.clear();
    int bytesPerPixel = layout.format().planes().getFirst().bytes();
    int left = Math.clamp(-(long) x, 0, width); // pixels that are cut off
    int shown = Math.clamp(layout.width() - (long) x - left, 0, width - left);
    long skipBefore = (long) left * bytesPerPixel;
    long rowBytes = (long) shown * bytesPerPixel;
    long remaining = bytes;
    for (int row = 0; row < height; row++) {
      long rowEnd = Math.min(stride, remaining);
      remaining -= rowEnd;
      long target = (long) y + row;
      if (shown == 0 || target < 0 || target >= layout.height()) {
        skipBytes(rowEnd);
        continue;
      }
      skipBytes(skipBefore);
      long at = layout.offset(0) + target * layout.stride(0) + (x + (long) left) * bytesPerPixel;
      flushIfFull();
      parts.add(pixels, at, rowBytes);
      long padding = rowEnd - skipBefore - rowBytes;
      if (padding > 0 && left == 0 && x == 0 && stride == layout.stride(0)) {
        // The picture's padding is where the sent one belongs, so that rows join.
        parts.add(pixels, at + rowBytes, padding);
      } else {
        skipBytes(padding);
      }
    }
    flush();
  }

  /** Reads bytes into nothing. */
  void skip(long bytes) throws IOException {
    deadline = socket.deadline();
    parts.clear();
    skipBytes(bytes);
    flush();
  }

  private void skipBytes(long bytes) throws IOException {
    for (long left = bytes; left > 0; ) {
      flushIfFull();
      long part = Math.min(left, NOWHERE);
      parts.add(nowhere, 0, part);
      left -= part;
    }
  }

  private void flushIfFull() throws IOException {
    if (!parts.hasRoom()) {
      flush();
    }
  }

  private void flush() throws IOException {
    socket.read(parts, deadline);
    parts.clear();
  }
}
