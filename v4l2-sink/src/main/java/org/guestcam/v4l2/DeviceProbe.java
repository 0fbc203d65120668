// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.guestcam.frame.Fourcc;
import org.guestcam.uapi.ErrnoException;

/** Asks the V4L2 nodes of this host what they are and what they take. */
public final class DeviceProbe {
  private static final Path DEV = Path.of("/dev");

  private DeviceProbe() {}

  /** Every /dev/videoN, by number. A node that cannot be opened is reported with its problem. */
  public static List<DeviceReport> all() throws IOException {
    List<Path> nodes = new ArrayList<>();
    try (Stream<Path> entries = Files.list(DEV)) {
      entries
          .filter(path -> path.getFileName().toString().matches("video\\d+"))
          .sorted(Comparator.comparingInt(DeviceProbe::number))
          .forEach(nodes::add);
    }
    return nodes.stream().map(DeviceProbe::of).toList();
  }

  private static int number(Path node) {
    return Integer.parseInt(node.getFileName().toString().substring("video".length()));
  }

  /** One node; never throws for what the device says. */
  public static DeviceReport of(Path node) {
    try (VideoDevice device = VideoDevice.open(node)) {
      Set<MemoryType> memoryTypes = EnumSet.noneOf(MemoryType.class);
      List<String> formats = new ArrayList<>();
      String problem = null;
      if (device.isOutput()) {
        try {
          memoryTypes.addAll(device.supportedMemory());
          device.enumerateFormats().forEach(fourcc -> formats.add(Fourcc.name(fourcc)));
        } catch (ErrnoException e) {
          problem = e.getMessage();
        }
      }
      return new DeviceReport(
          node,
          device.driver(),
          device.card(),
          device.isOutput(),
          device.isCapture(),
          device.isMultiplanar(),
          memoryTypes,
          formats,
          problem);
    } catch (IOException e) {
      return new DeviceReport(
          node, "", "", false, false, false, Set.of(), List.of(), e.getMessage());
    }
  }
}
