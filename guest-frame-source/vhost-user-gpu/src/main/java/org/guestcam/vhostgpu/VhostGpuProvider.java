// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;

/** Makes sources of guests that draw through guestcam: {@code vhost-user-gpu:/path/to.sock}. */
public final class VhostGpuProvider implements FrameSourceProvider {
  /** Made by {@link java.util.ServiceLoader}. */
  public VhostGpuProvider() {}

  @Override
  public String scheme() {
    return "vhost-user-gpu";
  }

  @Override
  public String usage() {
    return "vhost-user-gpu:/path/to.sock - a guest of QEMU with -device vhost-user-gpu-pci, which"
        + " connects to that socket (also: connect, scanout=N, modes=WxH,..., tear-free, wait,"
        + " off=hold|blank, cursor=hide|blend|meta, window, fence-limit=MILLISECONDS)";
  }

  @Override
  public List<String> available() {
    return List.of(); // a guest comes to us
  }

  @Override
  public FrameSource open(Endpoint endpoint) {
    return new VhostGpuSource(VhostGpuOptions.parse(endpoint));
  }
}
