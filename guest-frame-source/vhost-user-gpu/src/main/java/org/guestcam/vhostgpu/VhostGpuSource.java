// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;

/** One display of a guest whose virtio-gpu guestcam is. */
final class VhostGpuSource implements FrameSource {
  private final VhostGpuOptions options;
  private GpuServer server; // null before start and after close
  private Counters counters = new Counters(); // of the device, also after close

  /** A source that has not begun. */
  VhostGpuSource(VhostGpuOptions options) {
    this.options = options;
  }

  @Override
  public synchronized void start(FrameListener listener) throws IOException {
    server = GpuServer.join(options, listener);
    counters = server.counters();
  }

  /** What its device counts. */
  synchronized Counters counters() {
    return counters;
  }

  @Override
  public synchronized long tornFrames() {
    return counters.torn.sum();
  }

  @Override
  public synchronized long copiedBytes() {
    return counters.copied.sum();
  }

  @Override
  public String description() {
    return "vhost-user-gpu guest at " + options.path() + ", display " + options.scanout();
  }

  @Override
  public void close() {
    GpuServer leaving;
    synchronized (this) {
      leaving = server;
      server = null;
    }
    if (leaving != null) {
      leaving.leave(options.scanout());
    }
  }
}
