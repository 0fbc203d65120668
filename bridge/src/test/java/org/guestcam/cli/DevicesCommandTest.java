// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.guestcam.v4l2.DeviceReport;
import org.guestcam.v4l2.MemoryType;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class DevicesCommandTest {
  static final DeviceReport VIVID =
      new DeviceReport(
          Path.of("/dev/video1"),
          "vivid",
          "vivid",
          true,
          false,
          true,
          EnumSet.of(MemoryType.MMAP, MemoryType.DMABUF),
          List.of("XR24", "NV12"),
          null);
  static final DeviceReport LOOPBACK =
      new DeviceReport(
          Path.of("/dev/video2"),
          "v4l2 loopback",
          "Dummy",
          true,
          true,
          false,
          EnumSet.of(MemoryType.WRITE, MemoryType.MMAP),
          List.of("BGR4"),
          null);
  static final DeviceReport FORBIDDEN =
      new DeviceReport(
          Path.of("/dev/video3"),
          "",
          "",
          false,
          false,
          false,
          Set.of(),
          List.of(),
          "open on /dev/video3: EACCES (Permission denied)");

  private static String output(List<DeviceReport> devices, String... args) {
    StringWriter out = new StringWriter();
    int code =
        new CommandLine(new DevicesCommand(() -> devices))
            .setOut(new PrintWriter(out))
            .execute(args);
    assertEquals(0, code);
    return out.toString();
  }

  @Test
  void saysWhatEachDeviceTakes() {
    assertEquals(
        """
        /dev/video1  vivid (vivid)
          output, multi-planar
          takes    DMABUF MMAP
          formats  XR24 NV12
        /dev/video2  Dummy (v4l2 loopback)
          output, single-planar; capture
          takes    MMAP WRITE (copies only)
          formats  BGR4
        /dev/video3  open on /dev/video3: EACCES (Permission denied)
        """,
        output(List.of(VIVID, LOOPBACK, FORBIDDEN)));
  }

  @Test
  void saysWhereToLookWhenThereIsNone() {
    assertTrue(output(List.of()).contains("guestcam doctor"));
  }

  @Test
  void speaksJson() {
    String json = output(List.of(VIVID), "--json");
    assertTrue(json.contains("\"memory\" : [ \"DMABUF\", \"MMAP\" ]"), json);
    assertTrue(json.contains("\"problem\" : null"), json);
  }
}
