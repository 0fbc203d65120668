// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.FrameSourceProvider;

/** Makes test pictures: {@code pattern:?size=1280x720&fps=30}. */
public final class PatternProvider implements FrameSourceProvider {
  /** Made by {@link java.util.ServiceLoader}. */
  public PatternProvider() {}

  @Override
  public String scheme() {
    return "pattern";
  }

  @Override
  public String usage() {
    return "pattern:?size=1280x720&fps=30&format=XR24 - a moving test picture in a guest's pages"
        + " (also: modes, buffers, layout=linear|scattered, run, memory=auto|dmabuf|shm|unsealed,"
        + " stride, frames, stop)";
  }

  @Override
  public List<String> available() {
    return List.of("pattern:?size=1280x720&fps=30");
  }

  @Override
  public FrameSource open(Endpoint endpoint) {
    return new PatternSource(PatternOptions.parse(endpoint));
  }
}
