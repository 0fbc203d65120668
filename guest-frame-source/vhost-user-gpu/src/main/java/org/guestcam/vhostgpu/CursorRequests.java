// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.surface.Pointer;
import org.guestcam.vhostgpu.vhost.GuestMemory;

/** Requests of the pointer's queue. */
final class CursorRequests {
  private final ResourceTable resources;
  private final Scanout[] scanouts;

  CursorRequests(ResourceTable resources, Scanout[] scanouts) {
    this.resources = resources;
    this.scanouts = scanouts;
  }

  /** UPDATE_CURSOR and MOVE_CURSOR; false for what makes no sense, which changes nothing. */
  boolean handle(Request request, GuestMemory memory) {
    if (!request.has(GpuProtocol.CURSOR_SIZE)) {
      return false;
    }
    int type = request.type();
    int index = request.u32(GpuProtocol.CURSOR_SCANOUT);
    if (index < 0 || index >= scanouts.length) {
      return false;
    }
    Scanout scanout = scanouts[index];
    Pointer pointer = scanout.pointer();
    boolean visible = pointer.isVisible();
    if (type == GpuProtocol.UPDATE_CURSOR) {
      visible = update(request, pointer, memory);
    } else if (type != GpuProtocol.MOVE_CURSOR) {
      return false;
    }
    pointer.move(request.u32(GpuProtocol.CURSOR_X), request.u32(GpuProtocol.CURSOR_Y), visible);
    scanout.pointerChanged(memory);
    return true;
  }

  /** Takes the pointer's picture; false where there is none. */
  private boolean update(Request request, Pointer pointer, GuestMemory memory) {
    Resource resource = resources.find(request.u32(GpuProtocol.CURSOR_ID));
    if (resource == null
        || resource.backing() == null
        || resource.isBlob()
        || !GpuFormat.isCursor(resource.format())
        || resource.width() > Pointer.MAX_SIDE
        || resource.height() > Pointer.MAX_SIDE
        || resource.size() > resource.backing().size()) {
      return false;
    }
    int bytes = (int) resource.size();
    try {
      MemorySegment pixels =
          pointer.beginDefine(
              resource.width(),
              resource.height(),
              request.u32(GpuProtocol.CURSOR_HOT_X),
              request.u32(GpuProtocol.CURSOR_HOT_Y),
              bytes);
      if (!resource.backing().copy(memory, 0, pixels, 0, bytes)) {
        return false;
      }
      pointer.endDefine();
      return true;
    } catch (LayoutException e) {
      return false;
    }
  }
}
