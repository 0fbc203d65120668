// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code unixfd:}, with GStreamer's own unixfdsrc in another process, which is 1.24 or newer. */
@Tag("lab")
@Tag("gst-lab")
@Timeout(1200)
class UnixFdTest {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 240;
  private static final String SOURCE = "pattern:?size=320x240&fps=30&memory=dmabuf";

  private static Recording read(Path socket, int frames) throws IOException {
    Path raw = Files.createTempFile(Path.of("/tmp"), "unixfd", ".raw");
    Command.run(
        "gst-launch-1.0",
        "-q",
        "unixfdsrc",
        "socket-path=" + socket,
        "num-buffers=" + frames,
        "!",
        "filesink",
        "location=" + raw);
    return Recording.of(raw, frames);
  }

  @Test
  void anotherProcessReadsTheGuestsOwnPagesToTheLastPixel() throws IOException {
    Path socket = Path.of("/tmp/exact.video");
    try (Flow flow = Flow.start(SOURCE, "unixfd:" + socket).awaitFrames(1)) {
      assertTrue(flow.path().startsWith("dma-bufs"), flow.path());
      for (int reader = 0; reader < 3; reader++) {
        try (Recording recording = read(socket, 20)) {
          List<Long> numbers = recording.requireExact(PixelFormat.XRGB8888, WIDTH, HEIGHT);
          assertEquals(20, numbers.size());
        }
      }
      assertEquals(0, flow.copiedBytes());
    }
    assertTrue(Files.notExists(socket), "the socket is taken away");
  }

  @Test
  void aReaderThatStallsOrDiesHoldsUpNobody() throws Exception {
    Path socket = Path.of("/tmp/stall.video");
    try (Flow flow = Flow.start(SOURCE, "unixfd:" + socket).awaitFrames(1)) {
      Process reader =
          new ProcessBuilder(
                  "gst-launch-1.0",
                  "-q",
                  "unixfdsrc",
                  "socket-path=" + socket,
                  "!",
                  "identity",
                  "name=seen",
                  "dump=true",
                  "!",
                  "fakesink")
              .redirectErrorStream(true)
              .start();
      try {
        // It has its first frame when it says anything.
        assertTrue(reader.getInputStream().read() >= 0);
        Command.run("kill", "-STOP", Long.toString(reader.pid()));
        flow.awaitFrames(flow.taken() + 200);
        try (Recording other = read(socket, 10)) {
          other.requireExact(PixelFormat.XRGB8888, WIDTH, HEIGHT);
        }
        Command.run("kill", "-KILL", Long.toString(reader.pid()));
        flow.awaitFrames(flow.taken() + 30);
      } finally {
        reader.destroyForcibly().waitFor();
      }
      flow.stop();
      assertNull(flow.awaitEnd());
    }
  }
}
