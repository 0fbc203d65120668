// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.guestcam.Pace;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A device whose queue promises DMABUF and then takes contiguous memory only, as real capture and
 * display hardware without an IOMMU does: vivid with allocators=1 answers QBUF with EFAULT.
 */
@Tag("lab")
@Tag("contig")
class ContiguousOnlyTest {
  private static final String SCATTERED =
      "pattern:?size=640x480&fps=20&layout=scattered&memory=dmabuf";

  @Test
  void scatteredPagesAreCopiedAndTheReasonNamed() throws IOException {
    Vivid vivid = Vivid.connected();
    try (Flow flow = Flow.start(SCATTERED, vivid.sink())) {
      flow.awaitFrames(4);
      assertTrue(flow.path().startsWith("MMAP copy"), flow.path());
      vivid.follow("XR24", PixelFormat.XRGB8888, 640, 480);
      try (Recording recording = Recording.byV4l2Ctl(vivid.capture(), 3)) {
        assertEquals(3, recording.requireExact(PixelFormat.XRGB8888, 640, 480).size());
      }
    }
  }

  @Test
  void whereCopiesAreForbiddenTheRefusalSaysWhatTheDeviceAnswered() throws IOException {
    Vivid vivid = Vivid.connected();
    try (Flow flow = Flow.start(SCATTERED, vivid.sink(), new Pace.OfSource(), true)) {
      Throwable end = flow.awaitEnd();
      assertTrue(end instanceof HostLacksException, String.valueOf(end));
      assertTrue(
          end.getMessage().contains("DMABUF was tried and answered EFAULT"), end.getMessage());
    }
  }
}
