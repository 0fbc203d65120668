// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The main job once, for kernels on which not everything is run. */
@Tag("lab")
@Tag("smoke")
class SmokeTest {
  @Test
  void everyByteArrives() throws IOException {
    Vivid vivid = Vivid.connected();
    try (Flow flow =
        Flow.start("pattern:?size=1280x720&fps=20&layout=scattered&memory=dmabuf", vivid.sink())) {
      flow.awaitFrames(4);
      assertTrue(flow.path().startsWith("DMABUF"), flow.path());
      vivid.follow("XR24", PixelFormat.XRGB8888, 1280, 720);
      try (Recording recording = Recording.byV4l2Ctl(vivid.capture(), 10)) {
        assertEquals(10, recording.requireExact(PixelFormat.XRGB8888, 1280, 720).size());
      }
      assertEquals(0, flow.copiedBytes());
    }
  }
}
