// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.abi.Uapi;

/**
 * virtio-gpu's pixel formats, which are named in memory order. All have 32 bits. A scanout is the
 * lowest plane, so that its alpha means nothing.
 */
final class GpuFormat {
  /** Bytes of a pixel. */
  static final int BYTES = 4;

  private static final int B8G8R8A8 = Uapi.VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM();
  private static final int B8G8R8X8 = Uapi.VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM();
  private static final int A8R8G8B8 = Uapi.VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM();
  private static final int X8R8G8B8 = Uapi.VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM();
  private static final int R8G8B8A8 = Uapi.VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM();
  private static final int X8B8G8R8 = Uapi.VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM();
  private static final int A8B8G8R8 = Uapi.VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM();
  private static final int R8G8B8X8 = Uapi.VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM();

  private GpuFormat() {}

  /** Whether there is such a format; from the guest. */
  static boolean exists(int format) {
    return scanout(format) != null
        || format == A8R8G8B8
        || format == X8R8G8B8
        || format == X8B8G8R8
        || format == A8B8G8R8;
  }

  /** How a scanout of it is shown; or null where no camera has such a format. */
  static PixelFormat scanout(int format) {
    if (format == B8G8R8X8 || format == B8G8R8A8) {
      return PixelFormat.XRGB8888;
    }
    return format == R8G8B8X8 || format == R8G8B8A8 ? PixelFormat.XBGR8888 : null;
  }

  /**
   * Whether a pointer's picture may have it: B, G, R, A. Linux says B8G8R8X8 of all its buffers,
   * and means alpha where it is a pointer.
   */
  static boolean isCursor(int format) {
    return format == B8G8R8A8 || format == B8G8R8X8;
  }
}
