// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.vhostgpu.vhost.GuestMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Requests that say what the displays show, and that it has changed. */
final class ScanoutRequests {
  private static final Logger LOG = LoggerFactory.getLogger(ScanoutRequests.class);

  private final ResourceTable resources;
  private final Scanout[] scanouts;
  private final Answers answers;
  private final QemuWindow window;
  private long fenceNanos = 100_000_000L;

  ScanoutRequests(ResourceTable resources, Scanout[] scanouts, Answers answers, QemuWindow window) {
    this.window = window;
    this.resources = resources;
    this.scanouts = scanouts;
    this.answers = answers;
  }

  /** How long a guest waits for its frame to be shown at the most. */
  void setFenceLimit(long nanos) {
    fenceNanos = nanos;
  }

  /** SET_SCANOUT, and with {@code blob} SET_SCANOUT_BLOB. */
  int setScanout(Request request, boolean blob, GuestMemory memory) {
    if (!request.has(blob ? GpuProtocol.SCANOUT_BLOB_SIZE : GpuProtocol.SCANOUT_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int index = request.u32(blob ? GpuProtocol.SCANOUT_BLOB_SCANOUT : GpuProtocol.SCANOUT_SCANOUT);
    int id = request.u32(blob ? GpuProtocol.SCANOUT_BLOB_ID : GpuProtocol.SCANOUT_ID);
    if (index < 0 || index >= scanouts.length) {
      return GpuProtocol.INVALID_SCANOUT;
    }
    if (id == 0) {
      scanouts[index].set(null, memory);
      window.off(index);
      return GpuProtocol.OK;
    }
    Resource resource = resources.find(id);
    if (resource == null || resource.isBlob() != blob) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    return blob
        ? showBlob(request, index, resource, memory)
        : showPicture(request, index, resource, memory);
  }

  private int showPicture(Request request, int index, Resource resource, GuestMemory memory) {
    if (!request.isWithin(GpuProtocol.SCANOUT_RECT, resource.width(), resource.height())) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    return show(
        request,
        index,
        resource,
        GpuFormat.scanout(resource.format()),
        GpuProtocol.SCANOUT_RECT,
        0,
        (long) resource.width() * GpuFormat.BYTES,
        memory);
  }

  private int showBlob(Request request, int index, Resource resource, GuestMemory memory) {
    int width = request.u32(GpuProtocol.SCANOUT_BLOB_WIDTH);
    int height = request.u32(GpuProtocol.SCANOUT_BLOB_HEIGHT);
    if (!Request.isSide(width)
        || !Request.isSide(height)
        || !request.isWithin(GpuProtocol.SCANOUT_BLOB_RECT, width, height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    return show(
        request,
        index,
        resource,
        GpuFormat.scanout(request.u32(GpuProtocol.SCANOUT_BLOB_FORMAT)),
        GpuProtocol.SCANOUT_BLOB_RECT,
        Integer.toUnsignedLong(request.u32(GpuProtocol.SCANOUT_BLOB_OFFSET)),
        Integer.toUnsignedLong(request.u32(GpuProtocol.SCANOUT_BLOB_STRIDE)),
        memory);
  }

  private int show(
      Request request,
      int index,
      Resource resource,
      PixelFormat format,
      long rectangle,
      long offset,
      long stride,
      GuestMemory memory) {
    if (format == null) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int x = request.u32(rectangle + GpuProtocol.X);
    int y = request.u32(rectangle + GpuProtocol.Y);
    int width = request.u32(rectangle + GpuProtocol.WIDTH);
    int height = request.u32(rectangle + GpuProtocol.HEIGHT);
    View view = resource.view(index);
    if (view == null || !view.is(format, x, y, width, height, offset, stride)) {
      View other;
      try {
        other = View.of(resource, format, x, y, width, height, offset, stride);
      } catch (LayoutException e) {
        LOG.debug("a display that cannot be: {}", e.getMessage());
        return GpuProtocol.INVALID_PARAMETER;
      }
      scanouts[index].takeBack(resource, memory);
      resource.setView(index, other);
      view = other;
    }
    scanouts[index].set(view, memory);
    return GpuProtocol.OK;
  }

  /** TRANSFER_TO_HOST_2D. */
  int transfer(Request request) {
    if (!request.has(GpuProtocol.TRANSFER_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(request.u32(GpuProtocol.TRANSFER_ID));
    if (resource == null || resource.isBlob() || resource.backing() == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (!request.isWithin(GpuProtocol.TRANSFER_RECT, resource.width(), resource.height())) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    // There is nothing to transfer: but what a camera reads now was drawn over.
    for (Scanout scanout : scanouts) {
      scanout.overdrawn(resource);
    }
    return GpuProtocol.OK;
  }

  /** RESOURCE_FLUSH. */
  int flush(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.FLUSH_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(request.u32(GpuProtocol.FLUSH_ID));
    if (resource == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    int width = resource.isBlob() ? Request.MAX_SIDE : resource.width();
    int height = resource.isBlob() ? Request.MAX_SIDE : resource.height();
    if (!request.isWithin(GpuProtocol.FLUSH_RECT, width, height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int x = request.u32(GpuProtocol.FLUSH_RECT + GpuProtocol.X);
    int y = request.u32(GpuProtocol.FLUSH_RECT + GpuProtocol.Y);
    int changedWidth = request.u32(GpuProtocol.FLUSH_RECT + GpuProtocol.WIDTH);
    int changedHeight = request.u32(GpuProtocol.FLUSH_RECT + GpuProtocol.HEIGHT);
    boolean later = false;
    for (int i = 0; i < scanouts.length; i++) {
      Scanout scanout = scanouts[i];
      View view = scanout.view();
      if (view == null || view.resource() != resource) {
        continue;
      }
      if (resource.isBlob()) {
        scanout.overdrawn(resource); // blobs are not transferred: this is when it is seen
      }
      window.flushed(i, view, x, y, changedWidth, changedHeight);
      boolean pages = scanout.flush(x, y, changedWidth, changedHeight, memory);
      if (pages && request.isFenced() && !later) {
        later =
            answers.untilShown(
                request.head(),
                request.chain(),
                request.answer(),
                view.frames(),
                scanout.lastFrame(),
                System.nanoTime() + fenceNanos);
      }
    }
    return later ? Answers.LATER : GpuProtocol.OK;
  }
}
