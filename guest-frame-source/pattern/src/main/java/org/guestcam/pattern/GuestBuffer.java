// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Mapping;

/**
 * A buffer from both sides: as the guest draws it, through its page table, and as the host hands it
 * on.
 *
 * <p>Owned by the source. {@link #retire} gives up both sides; the host's lives on until the last
 * frame that shows it is released.
 */
final class GuestBuffer {
  private final Buffer buffer;
  private final Mapping guestSide;

  /** Takes both over. Of shared memory the guest's mapping is the host's too. */
  GuestBuffer(Buffer buffer, Mapping guestSide) {
    this.buffer = buffer;
    this.guestSide = guestSide;
  }

  /** As the host hands it on. */
  Buffer buffer() {
    return buffer;
  }

  /** As the guest sees it; valid until {@link #retire}. */
  MemorySegment pixels() {
    return guestSide.segment();
  }

  /** Goes before the guest's first write into a free buffer. For every frame: allocates nothing. */
  void beginDrawing() throws ErrnoException {
    if (buffer.isDmaBuf()) {
      int r = buffer.dmaBuf().beginCpuAccess(DmaBuf.WRITE);
      if (r < 0) {
        throw new ErrnoException("DMA_BUF_IOCTL_SYNC (start)", buffer.toString(), -r);
      }
    }
  }

  /** Goes behind its last one. */
  void endDrawing() throws ErrnoException {
    if (buffer.isDmaBuf()) {
      int r = buffer.dmaBuf().endCpuAccess(DmaBuf.WRITE);
      if (r < 0) {
        throw new ErrnoException("DMA_BUF_IOCTL_SYNC (end)", buffer.toString(), -r);
      }
    }
  }

  /** The guest has done with it and will not draw any more; called once. */
  void retire() {
    // Asked before the drop: behind it the buffer may be closed.
    boolean ownMapping = buffer.isDmaBuf();
    buffer.drop();
    if (ownMapping) {
      guestSide.close();
    }
  }
}
