// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code gst:PIPELINE}: any pipeline that takes pictures, in the language of gst-launch-1.0. */
public final class PipelineSinkProvider implements FrameSinkProvider {
  @Override
  public String scheme() {
    return "gst";
  }

  @Override
  public String usage() {
    return "gst:PIPELINE - a GStreamer pipeline without its source, as 'gst:videoconvert ! autovideosink'";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    if (endpoint.rest().isBlank()) {
      throw new IllegalArgumentException(
          "'gst:' names no pipeline; write one, as in 'gst:videoconvert ! autovideosink'");
    }
    return PipelineSink.open(new Given(endpoint.rest(), options.milliHertz()));
  }

  /** What the user wrote. */
  private record Given(String pipeline, int milliHertz) implements PipelineSink.Plan {
    @Override
    public String description() {
      return "gst:" + pipeline;
    }

    @Override
    public String pipeline(FrameLayout first, int part) {
      return pipeline;
    }

    @Override
    public boolean startsAnew() {
      return false;
    }
  }
}
