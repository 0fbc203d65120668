// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.guestcam.frame.Mailbox;
import org.guestcam.uapi.ErrnoException;
import org.junit.jupiter.api.Test;

class StatusTest {
  private static final BridgeStats.Snapshot SNAPSHOT =
      new BridgeStats.Snapshot(
          2.5, 75, 74, 2, 1, 3, 30.04, 29.96, 5L << 20, 0, 0, "MMAP copy", 85.25, 210.5);

  private final StringWriter text = new StringWriter();
  private final PrintWriter out = new PrintWriter(text);

  @Test
  void aTerminalsLineIsRewritten() {
    StatusLine line = new StatusLine(out, true);
    line.update(SNAPSHOT);
    assertEquals(
        "\rin 30.0 fps, out 30.0 fps | repeated 2, overtaken 1, torn 3 | MMAP copy, copied 5.0 MiB"
            + " | flip to queue p50 85 us, p99 211 us\u001b[K",
        text.toString());
    assertEquals(1, line.periodSeconds());
  }

  @Test
  void aLogGetsWholeLines() {
    StatusLine line = new StatusLine(out, false);
    line.update(SNAPSHOT);
    line.finished(SNAPSHOT);
    String[] lines = text.toString().split("\n", -1);
    assertTrue(lines[0].startsWith("guestcam: in 30.0 fps"), lines[0]);
    assertTrue(lines[1].startsWith("guestcam: 74 frames in 2.5 s; in 30.0 fps"), lines[1]);
    assertEquals(10, line.periodSeconds());
  }

  @Test
  void jsonIsOneObjectALine() {
    JsonStatus json = new JsonStatus(out);
    json.update(SNAPSHOT);
    json.finished(SNAPSHOT);
    String[] lines = text.toString().split("\n", -1);
    assertEquals(
        "{\"final\":false,\"seconds\":2.5,\"frames_in\":75,\"frames_out\":74,\"repeated\":2,"
            + "\"overtaken\":1,\"torn\":3,\"fps_in\":30.04,\"fps_out\":29.96,\"copied_bytes\":5242880,"
            + "\"converted_frames\":0,\"converted_bytes\":0,"
            + "\"path\":\"MMAP copy\",\"flip_to_queue_p50_us\":85.25,"
            + "\"flip_to_queue_p99_us\":210.5}",
        lines[0]);
    assertTrue(lines[1].startsWith("{\"final\":true,"), lines[1]);
  }

  @Test
  void countsRatesSinceTheSnapshotBefore() throws ErrnoException {
    try (Mailbox mailbox = new Mailbox()) {
      BridgeStats stats = new BridgeStats(mailbox);
      long second = 1_000_000_000L;
      stats.start(second);
      for (int i = 0; i < 60; i++) {
        stats.shown(i * 1000L);
      }
      stats.repeated();
      stats.sinkSays(7, "MMAP");
      BridgeStats.Snapshot first = stats.snapshot(2 * second);
      assertEquals(61, first.fpsOut());
      assertEquals(60, first.framesOut());
      assertEquals(7, first.copiedBytes());
      assertEquals(29.5, first.p50Micros(), 1.0);
      BridgeStats.Snapshot silent = stats.snapshot(3 * second);
      assertEquals(0, silent.fpsOut());
      assertEquals(first.p99Micros(), silent.p99Micros());
      assertEquals(30.5, stats.total(3 * second).fpsOut());
    }
  }

  @Test
  void aLatencyBeyondTheScaleIsCountedAsItsEnd() throws ErrnoException {
    try (Mailbox mailbox = new Mailbox()) {
      BridgeStats stats = new BridgeStats(mailbox);
      stats.start(1);
      stats.shown(Long.MAX_VALUE);
      stats.shown(-5);
      assertEquals(60e6, stats.total(2).p99Micros(), 1e5);
    }
  }
}
