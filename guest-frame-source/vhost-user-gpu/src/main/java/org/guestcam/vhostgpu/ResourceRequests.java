// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import org.guestcam.frame.surface.FrameRing;
import org.guestcam.vhostgpu.vhost.GuestMemory;

/** Requests that make resources, give them pages, and take them away. */
final class ResourceRequests {
  /** How long a resource's memory is kept from the guest while a camera reads it, nanoseconds. */
  private static final long TAKE_BACK_LIMIT = 500_000_000L;

  private final ResourceTable resources;
  private final Scanout[] scanouts;
  private final Answers answers;

  ResourceRequests(ResourceTable resources, Scanout[] scanouts, Answers answers) {
    this.resources = resources;
    this.scanouts = scanouts;
    this.answers = answers;
  }

  /** RESOURCE_CREATE_2D. */
  int create2d(Request request) {
    if (!request.has(GpuProtocol.CREATE_2D_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int id = request.u32(GpuProtocol.CREATE_2D_ID);
    int format = request.u32(GpuProtocol.CREATE_2D_FORMAT);
    int width = request.u32(GpuProtocol.CREATE_2D_WIDTH);
    int height = request.u32(GpuProtocol.CREATE_2D_HEIGHT);
    if (id == 0 || resources.find(id) != null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (!GpuFormat.exists(format) || !Request.isSide(width) || !Request.isSide(height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.hasRoom()) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    resources.add(Resource.picture(id, format, width, height));
    return GpuProtocol.OK;
  }

  /** RESOURCE_CREATE_BLOB. */
  int createBlob(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.BLOB_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int id = request.u32(GpuProtocol.BLOB_ID);
    long size = request.u64(GpuProtocol.BLOB_BYTES);
    int count = request.u32(GpuProtocol.BLOB_ENTRIES);
    if (id == 0 || resources.find(id) != null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (request.u32(GpuProtocol.BLOB_MEM) != GpuProtocol.BLOB_MEM_GUEST || size <= 0) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.hasRoom() || !isCount(count) || !resources.addRanges(count)) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    Backing backing = readBacking(request, GpuProtocol.BLOB_SIZE, count, memory);
    if (backing == null || backing.size() < size) {
      resources.addRanges(-count);
      return GpuProtocol.INVALID_PARAMETER;
    }
    resources.add(Resource.blob(id, size, backing));
    return GpuProtocol.OK;
  }

  private static boolean isCount(int ranges) {
    return ranges > 0 && ranges <= Backing.MAX_RANGES;
  }

  private static Backing readBacking(Request request, long from, int count, GuestMemory memory) {
    return Backing.read(request.chain(), from, count, memory, request.scratch());
  }

  /** RESOURCE_ATTACH_BACKING. */
  int attachBacking(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.ATTACH_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(request.u32(GpuProtocol.ATTACH_ID));
    int count = request.u32(GpuProtocol.ATTACH_ENTRIES);
    if (resource == null || resource.isBlob()) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (resource.backing() != null) {
      return GpuProtocol.UNSPECIFIED;
    }
    if (!isCount(count)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.addRanges(count)) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    Backing backing = readBacking(request, GpuProtocol.ATTACH_SIZE, count, memory);
    if (backing == null) {
      resources.addRanges(-count);
      return GpuProtocol.INVALID_PARAMETER;
    }
    resource.setBacking(backing);
    return GpuProtocol.OK;
  }

  /** RESOURCE_DETACH_BACKING. */
  int detachBacking(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.DETACH_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(request.u32(GpuProtocol.DETACH_ID));
    if (resource == null || resource.isBlob() || resource.backing() == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    return takeBack(request, resource, false, memory);
  }

  /** RESOURCE_UNREF. */
  int unref(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.UNREF_SIZE)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(request.u32(GpuProtocol.UNREF_ID));
    if (resource == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    resources.remove(resource);
    return takeBack(request, resource, true, memory);
  }

  /**
   * The guest wants its pages back. It gets the answer, and uses them otherwise, when no camera
   * reads them any more.
   */
  private int takeBack(Request request, Resource resource, boolean gone, GuestMemory memory) {
    FrameRing read = null;
    for (int i = 0; i < scanouts.length; i++) {
      Scanout scanout = scanouts[i];
      View kept = gone ? null : scanout.view();
      FrameRing frames = scanout.takeBack(resource, memory);
      read = frames == null ? read : frames;
      if (kept != null && kept.resource() == resource) {
        resource.setView(i, kept); // its place on the display stays
        scanout.set(kept, memory);
      }
    }
    if (resource.backing() != null) {
      resources.addRanges(-resource.backing().count());
      resource.setBacking(null);
    }
    if (read == null) {
      return GpuProtocol.OK;
    }
    long deadline = System.nanoTime() + TAKE_BACK_LIMIT;
    boolean waits =
        answers.untilFree(
            request.head(), request.chain(), request.answer(), request.isFenced(), read, deadline);
    return waits ? Answers.LATER : GpuProtocol.OK;
  }
}
