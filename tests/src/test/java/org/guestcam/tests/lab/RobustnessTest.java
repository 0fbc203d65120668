// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Consumers, producers and devices that go away. */
@Tag("lab")
@Tag("robust")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RobustnessTest {
  private static final String SOURCE = "pattern:?size=640x480&fps=20&memory=dmabuf";
  private static final int BYTES = 640 * 480 * 4;
  private static final Path DRIVER = Path.of("/sys/bus/platform/drivers/vivid");
  private Vivid vivid;

  @BeforeEach
  void connect() {
    vivid = Vivid.connected();
  }

  @Test
  @Order(1)
  void aConsumerThatIsKilledTwentyTimes() throws Exception {
    try (Flow flow = Flow.start(SOURCE, vivid.sink())) {
      flow.awaitFrames(3);
      vivid.follow("XR24", PixelFormat.XRGB8888, 640, 480);
      for (int i = 0; i < 20; i++) {
        Process reader =
            new ProcessBuilder(
                    "v4l2-ctl", "-d", vivid.capture().toString(), "--stream-mmap", "--stream-to=-")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (InputStream frames = reader.getInputStream()) {
          assertEquals(BYTES, frames.readNBytes(BYTES).length, "consumer " + i + " got no frame");
        } finally {
          reader.destroyForcibly().waitFor();
        }
        flow.awaitFrames(flow.taken() + 2);
      }
      try (Recording after = Recording.byV4l2Ctl(vivid.capture(), 3)) {
        assertEquals(3, after.requireExact(PixelFormat.XRGB8888, 640, 480).size());
      }
      assertEquals(0, flow.copiedBytes());
    }
  }

  @Test
  @Order(2)
  void aConsumerThatStalls() throws Exception {
    try (Flow flow = Flow.start(SOURCE, vivid.sink())) {
      flow.awaitFrames(3);
      vivid.follow("XR24", PixelFormat.XRGB8888, 640, 480);
      Process reader =
          new ProcessBuilder(
                  "v4l2-ctl", "-d", vivid.capture().toString(), "--stream-mmap", "--stream-to=-")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (InputStream frames = reader.getInputStream()) {
        assertEquals(BYTES, frames.readNBytes(BYTES).length);
        // It is blocked in its pipe from here on: the camera goes on all the same.
        flow.awaitFrames(flow.taken() + 40);
      } finally {
        reader.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  @Order(3)
  void guestcamThatIsKilledLeavesTheDeviceUsable() throws Exception {
    for (int i = 0; i < 2; i++) {
      Process guestcam =
          new ProcessBuilder("guestcam", "run", SOURCE, vivid.sink(), "--json")
              .redirectInput(new File("/dev/null"))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      try (BufferedReader lines = guestcam.inputReader()) {
        awaitOutput(lines);
      } finally {
        guestcam.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
      }
      assertEquals(128 + 9, guestcam.exitValue());
      try (Flow flow = Flow.start(SOURCE, vivid.sink())) {
        flow.awaitFrames(5);
      }
    }
  }

  /** Reads guestcam's JSON lines up to one that tells of frames that went out. */
  private static void awaitOutput(BufferedReader lines) throws IOException {
    String line;
    do {
      line = lines.readLine();
      assertNotNull(line, "guestcam ended before a frame went out");
    } while (line.contains("\"frames_out\":0,"));
  }

  @Test
  @Order(4)
  void aStopBySignalIsClean() throws Exception {
    for (String signal : List.of("INT", "TERM")) {
      Process guestcam =
          new ProcessBuilder("guestcam", "run", SOURCE, vivid.sink(), "--json")
              .redirectInput(new File("/dev/null"))
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String last = null;
      try (BufferedReader lines = guestcam.inputReader()) {
        awaitOutput(lines);
        Command.run("kill", "-" + signal, Long.toString(guestcam.pid()));
        for (String line; (line = lines.readLine()) != null; ) {
          last = line;
        }
      }
      assertTrue(guestcam.waitFor(60, TimeUnit.SECONDS), "guestcam goes on after SIG" + signal);
      assertEquals(0, guestcam.exitValue());
      assertNotNull(last);
      assertTrue(last.contains("\"final\":true"), last);
      assertTrue(last.contains("DMABUF"), last);
    }
  }

  @Test
  @Order(5)
  void modesThatChangeWhileItRuns() throws Exception {
    try (Flow flow =
        Flow.start(
            "pattern:?modes=640x480@15,800x600@15,1280x720@15&fps=20&memory=dmabuf",
            vivid.sink())) {
      for (int round = 0; round < 2; round++) {
        flow.awaitPath("DMABUF 640x480");
        flow.awaitPath("DMABUF 800x600");
        flow.awaitPath("DMABUF 1280x720");
      }
      assertEquals(0, flow.copiedBytes());
    }
  }

  @Test
  @Order(6)
  void memoryThatIsNoDmaBufGoesInAsUserPointers() throws Exception {
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=20&memory=shm", vivid.sink())) {
      flow.awaitFrames(3);
      assertTrue(flow.path().startsWith("USERPTR"), flow.path());
      vivid.follow("XR24", PixelFormat.XRGB8888, 640, 480);
      try (Recording recording = Recording.byV4l2Ctl(vivid.capture(), 5)) {
        assertEquals(5, recording.requireExact(PixelFormat.XRGB8888, 640, 480).size());
      }
      assertEquals(0, flow.copiedBytes());
    }
  }

  @Test
  @Order(7)
  void aDeviceThatIsRemoved() throws Exception {
    try (Flow flow = Flow.start(SOURCE, vivid.sink())) {
      flow.awaitFrames(5);
      Files.writeString(DRIVER.resolve("unbind"), "vivid.0");
      Throwable end = flow.awaitEnd();
      assertNotNull(end, "the flow ended without an error");
      assertTrue(
          end.getMessage().contains(vivid.output().toString())
              && end.getMessage().contains("is gone"),
          end.getMessage());
    } finally {
      Files.writeString(DRIVER.resolve("bind"), "vivid.0");
    }
    vivid = Vivid.connected();
    try (Flow flow = Flow.start(SOURCE, vivid.sink())) {
      flow.awaitFrames(3);
    }
  }
}
