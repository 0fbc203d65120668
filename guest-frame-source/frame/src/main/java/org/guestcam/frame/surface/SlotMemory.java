// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import java.io.IOException;
import org.guestcam.frame.FrameLayout;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Udmabuf;
import org.guestcam.uapi.UdmabufRefusedException;

/** Where buffers of our own come from: dma-bufs where this host makes them, else shared memory. */
public final class SlotMemory {
  private String whyNoDmaBufs; // null as long as there are some
  private int nextId;

  /** Buffers whose ids count from {@code firstId}. */
  public SlotMemory(int firstId) {
    this.nextId = firstId;
  }

  /**
   * A black picture, which the caller retires.
   *
   * @param onFree runs when its frame is released, on any thread
   */
  public CopiedSlot allocate(FrameLayout layout, Runnable onFree) throws IOException {
    if (whyNoDmaBufs == null) {
      try (Udmabuf udmabuf = Udmabuf.open()) {
        return CopiedSlot.allocate(nextId++, layout, udmabuf, onFree);
      } catch (ErrnoException | UdmabufRefusedException e) {
        whyNoDmaBufs = e.getMessage();
      }
    }
    return CopiedSlot.allocate(nextId++, layout, null, onFree);
  }

  /** Why buffers are shared memory and not dma-bufs; or null. */
  public String whyNoDmaBufs() {
    return whyNoDmaBufs;
  }

  /** The id that another one's first buffer may have. */
  public int nextId() {
    return nextId;
  }
}
