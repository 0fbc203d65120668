// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;

/**
 * What was negotiated: how pictures of one layout get into the device.
 *
 * @param source the layout of the guest's pictures
 * @param format the device's format as it was read back
 * @param target the layout of the device's own buffers
 * @param memory how pictures get there
 * @param reason why nothing better is possible, for people; empty where nothing is copied
 */
record OutputPlan(
    FrameLayout source, OutputFormat format, FrameLayout target, MemoryType memory, String reason) {

  /** Whether that buffer's frames can get into the device so. */
  boolean fits(Buffer buffer) {
    return buffer.layout().equals(source) && (memory != MemoryType.DMABUF || buffer.isDmaBuf());
  }

  /** Whether the device shows another size than the guest. */
  boolean needsLetterbox() {
    return source.width() != target.width() || source.height() != target.height();
  }

  @Override
  public String toString() {
    return memory
        + (memory.isZeroCopy() ? " " : " copy ")
        + format
        + (needsLetterbox() ? " letterboxed" : "");
  }
}
