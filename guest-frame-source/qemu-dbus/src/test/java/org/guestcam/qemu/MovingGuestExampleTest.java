// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** examples/qemu-moving-guest.sh does what it says. */
@Tag("qemu")
@Timeout(240)
class MovingGuestExampleTest {
  @TempDir private Path directory;

  @Test
  void theGuestsScreenMoves() throws Exception {
    FrameCollector frames = new FrameCollector();
    Path script = Path.of("../../examples/qemu-moving-guest.sh");
    try (WatchService watch = directory.getFileSystem().newWatchService()) {
      directory.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
      Process guest =
          new ProcessBuilder("bash", script.toString(), directory.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      Path socket = directory.resolve("qmp.sock");
      try (FrameSource source =
          new QemuProvider().open(Endpoint.parse("qemu:unix:" + socket + "?wait"))) {
        while (!socket.toFile().exists()) {
          WatchKey key = watch.poll(1, TimeUnit.SECONDS);
          if (key != null) {
            key.reset();
          }
        }
        source.start(frames);
        frames.await("colours", f -> f.picture() != null && f.picture().colours() > 100);
        long from = frames.frames();
        frames.await("movement", f -> f.frames() > from + 30 && f.picture().colours() > 100);
      } finally {
        guest.destroyForcibly().waitFor();
      }
    }
  }
}
