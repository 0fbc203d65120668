// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;
import org.guestcam.uapi.UdmabufRefusedException;
import org.guestcam.vhostgpu.vhost.GuestMemory;

/**
 * A rectangle of a resource as one scanout shows it: its layout, and from its first frame on the
 * guest's own pages as a buffer. It is kept as long as the resource keeps its pages.
 */
final class View {
  private final Resource resource;
  private final int originX;
  private final int originY;
  private final FrameLayout layout;
  private FrameRing frames;
  private Buffer buffer;
  private String whyCopied;
  private String whyShared;

  private View(Resource resource, int originX, int originY, FrameLayout layout) {
    this.resource = resource;
    this.originX = originX;
    this.originY = originY;
    this.layout = layout;
  }

  /**
   * A view whose numbers come from the guest.
   *
   * @param x and {@code y}: where its first pixel stands in the guest's framebuffer
   * @param offset of the framebuffer in the resource, bytes
   * @param stride bytes from one of its rows to the next
   * @throws LayoutException where it reaches past the resource
   */
  static View of(
      Resource resource,
      PixelFormat format,
      int x,
      int y,
      int width,
      int height,
      long offset,
      long stride)
      throws LayoutException {
    FrameLayout layout =
        FrameLayout.of(
            format,
            FrameLayout.LINEAR,
            width,
            height,
            new long[] {firstByte(x, y, offset, stride)},
            new long[] {stride});
    layout.requireFits(resource.size());
    return new View(resource, x, y, layout);
  }

  private static long firstByte(int x, int y, long offset, long stride) {
    return offset + y * stride + (long) x * GpuFormat.BYTES; // 32 bits each: no overflow
  }

  /** Whether it is the view of these numbers. */
  boolean is(PixelFormat format, int x, int y, int width, int height, long offset, long stride) {
    return layout.format() == format
        && originX == x
        && originY == y
        && layout.width() == width
        && layout.height() == height
        && layout.stride(0) == stride
        && layout.offset(0) == firstByte(x, y, offset, stride);
  }

  /** Where its first pixel stands in the guest's framebuffer. */
  int originX() {
    return originX;
  }

  /** Where its first row stands in the guest's framebuffer. */
  int originY() {
    return originY;
  }

  /** What it shows. */
  Resource resource() {
    return resource;
  }

  /** How the picture lies in the resource. */
  FrameLayout layout() {
    return layout;
  }

  /** The guest's pages, or null before {@link #open} and where they must be copied. */
  Buffer buffer() {
    return buffer;
  }

  /** Frames of {@link #buffer}. */
  FrameRing frames() {
    return frames;
  }

  /** Why the pages cannot be shown as they are, or null. */
  String whyCopied() {
    return whyCopied;
  }

  /** Why the pages are shared memory and not a dma-buf, or null. */
  String whyShared() {
    return whyShared;
  }

  /**
   * Makes the buffer: a dma-buf of the pages, or else a mapping of them. Once; where neither can
   * be, {@link #whyCopied} says why.
   *
   * @param onFree runs when a frame is shown or released, on any thread
   */
  void open(GuestMemory memory, int bufferId, Runnable onFree) {
    List<PageRange> ranges = new ArrayList<>();
    StringBuilder why = new StringBuilder();
    Fd file = resource.backing().pages(memory, ranges, why);
    if (file == null) {
      whyCopied = why.toString();
      return;
    }
    try {
      buffer = dmaBuf(file, ranges, bufferId);
    } catch (IOException e) {
      whyShared = e.getMessage();
    }
    if (buffer == null) {
      try {
        buffer = shared(file, ranges, bufferId);
      } catch (IOException e) {
        whyCopied = whyShared + "; and " + e.getMessage();
        return;
      }
    }
    frames = new FrameRing(onFree);
  }

  /** Lets the pages go when their last frame is released. */
  void close() {
    if (buffer != null) {
      buffer.drop();
      buffer = null;
    }
  }

  private Buffer dmaBuf(Fd file, List<PageRange> ranges, int bufferId) throws IOException {
    try (Udmabuf udmabuf = Udmabuf.open()) {
      DmaBuf dmaBuf = udmabuf.create(file, ranges);
      try {
        dmaBuf.setName("guestcam-vgpu-" + bufferId);
        return Buffer.ofDmaBuf(bufferId, layout, dmaBuf, () -> {});
      } catch (IOException e) {
        dmaBuf.close();
        throw e;
      } catch (LayoutException e) {
        dmaBuf.close();
        throw new IOException(e.getMessage(), e);
      }
    } catch (UdmabufRefusedException e) {
      throw e;
    } catch (ErrnoException e) {
      throw new IOException("no udmabuf: " + e.getMessage(), e);
    }
  }

  private Buffer shared(Fd file, List<PageRange> ranges, int bufferId) throws IOException {
    Mapping mapping = Mapping.ofRanges(file, ranges, Mapping.READ);
    try {
      return Buffer.ofMemory(bufferId, layout, mapping, () -> {});
    } catch (LayoutException e) {
      mapping.close();
      throw new IOException(e.getMessage(), e);
    }
  }
}
