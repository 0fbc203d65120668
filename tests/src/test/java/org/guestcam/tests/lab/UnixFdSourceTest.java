// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One guestcam shares its guest, another records it: to the last pixel. */
@Tag("gst")
@Timeout(300)
class UnixFdSourceTest {
  @TempDir private Path directory;

  @Test
  void whatAnotherProcessSharesIsAGuest() throws IOException {
    Path socket = directory.resolve("guest.video");
    Path file = directory.resolve("shared.mkv");
    // An odd width: rows are padded as GStreamer's are only for 32 bits a pixel.
    try (Flow flow = Flow.start("pattern:?size=321x241&fps=20", "unixfd:" + socket)) {
      flow.awaitFrames(1);
      try (Guestcam done =
          Guestcam.run(
              "record",
              "--encoder",
              "ffv1",
              "--frames",
              "20",
              "unixfd:" + socket,
              file.toString())) {
        assertEquals(0, done.awaitEnd(), done::errors);
      }
      flow.awaitFrames(flow.taken() + 5);
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.RGB888, 321, 241)) {
      assertEquals(20, recording.requireExact(PixelFormat.RGB888, 321, 241).size());
    }
  }
}
