// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import org.guestcam.uapi.abi.Uapi;

/**
 * How pixels get into an output device's queue, the best first. The device is asked which of them
 * it takes; no list of driver names decides.
 */
public enum MemoryType {
  /** The guest's dma-buf itself is queued: nothing is copied. */
  DMABUF(Uapi.V4L2_MEMORY_DMABUF(), Uapi.V4L2_BUF_CAP_SUPPORTS_DMABUF()),
  /** A mapping of the guest's memory is queued: nothing is copied. */
  USERPTR(Uapi.V4L2_MEMORY_USERPTR(), Uapi.V4L2_BUF_CAP_SUPPORTS_USERPTR()),
  /** Damaged rows are copied into the device's own buffers. */
  MMAP(Uapi.V4L2_MEMORY_MMAP(), Uapi.V4L2_BUF_CAP_SUPPORTS_MMAP()),
  /** Whole pictures are copied by write(2). */
  WRITE(0, 0);

  private final int memory;
  private final int capability;

  MemoryType(int memory, int capability) {
    this.memory = memory;
    this.capability = capability;
  }

  /** enum v4l2_memory; 0 for {@link #WRITE}, which has no queue. */
  int memory() {
    return memory;
  }

  /** The bit of v4l2_requestbuffers.capabilities. */
  int capability() {
    return capability;
  }

  /** Whether the CPU copies no pixel on this path. */
  public boolean isZeroCopy() {
    return this == DMABUF || this == USERPTR;
  }
}
