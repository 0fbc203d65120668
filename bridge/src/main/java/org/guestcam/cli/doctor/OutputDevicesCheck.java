// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;
import org.guestcam.v4l2.DeviceReport;
import org.guestcam.v4l2.MemoryType;

/** V4L2 output devices, and how pixels get into each. */
public final class OutputDevicesCheck implements Check {
  /** Asks the host for its nodes. */
  @FunctionalInterface
  public interface Probe {
    /** Every node there is. */
    List<DeviceReport> all() throws IOException;
  }

  private static final String PART = "V4L2 output";

  private static final String LOAD_VIVID =
      "sudo modprobe vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=3"
          + " num_outputs=1 output_types=1   # a test device that takes dma-bufs";

  private final Probe probe;

  /** Looks at what {@code probe} finds. */
  public OutputDevicesCheck(Probe probe) {
    this.probe = probe;
  }

  @Override
  public Finding look(Host host) {
    List<DeviceReport> devices;
    try {
      devices = probe.all();
    } catch (IOException e) {
      return Finding.missing(PART, "the devices cannot be listed: " + e.getMessage(), "", "")
          .blocking();
    }
    List<DeviceReport> closed =
        devices.stream().filter(d -> d.driver().isEmpty() && d.problem() != null).toList();
    List<DeviceReport> outputs = devices.stream().filter(DeviceReport::output).toList();
    if (outputs.isEmpty() && !closed.isEmpty()) {
      return Finding.missing(
              PART,
              closed.stream().map(DeviceReport::problem).collect(Collectors.joining("; ")),
              "There are video devices, but this user cannot open them.",
              "sudo usermod -aG video \"$USER\"   # then log in again")
          .blocking();
    }
    if (outputs.isEmpty()) {
      return Finding.missing(
              PART,
              devices.isEmpty()
                  ? "no /dev/videoN"
                  : "none of the " + devices.size() + " video devices is an output",
              "There is nothing here that pictures could be put into.",
              LOAD_VIVID)
          .blocking();
    }
    String found = outputs.stream().map(OutputDevicesCheck::line).collect(Collectors.joining("; "));
    if (outputs.stream().anyMatch(d -> d.memoryTypes().contains(MemoryType.DMABUF))) {
      return Finding.ok(PART, found, "A guest's pages go into a device without a copy.");
    }
    return Finding.limited(
            PART,
            found,
            "No device takes dma-bufs: guestcam copies the damaged rows of each frame."
                + "\nA busy device cannot be asked; stop its other user and look again.",
            LOAD_VIVID)
        .blocking();
  }

  private static String line(DeviceReport device) {
    String memory =
        device.memoryTypes().stream()
            .sorted()
            .map(MemoryType::name)
            .collect(Collectors.joining(" "));
    return device.path()
        + " ("
        + device.driver()
        + ") "
        + (device.problem() != null ? device.problem() : "takes " + memory);
  }
}
