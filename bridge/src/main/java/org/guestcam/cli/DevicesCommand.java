// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.guestcam.v4l2.DeviceProbe;
import org.guestcam.v4l2.DeviceReport;
import org.guestcam.v4l2.MemoryType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code guestcam devices}: the V4L2 nodes and what they take. */
@Command(
    name = "devices",
    mixinStandardHelpOptions = true,
    description = "List the V4L2 devices of this host, and how pixels get into each.",
    footerHeading = "%nExamples:%n",
    footer = {"  guestcam devices", "  guestcam devices --json"})
final class DevicesCommand implements Callable<Integer> {
  /** Asks the host for its nodes. */
  @FunctionalInterface
  interface Probe {
    /** Every node there is. */
    List<DeviceReport> all() throws IOException;
  }

  @Spec private CommandSpec spec;
  private final Probe probe;

  @Option(names = "--json", description = "For programs: an array of objects.")
  private boolean json;

  DevicesCommand() {
    this(DeviceProbe::all);
  }

  DevicesCommand(Probe probe) {
    this.probe = probe;
  }

  @Override
  public Integer call() throws IOException {
    List<DeviceReport> devices = probe.all();
    if (json) {
      JsonText.print(
          spec,
          array -> {
            array.writeStartArray();
            for (DeviceReport device : devices) {
              write(array, device);
            }
            array.writeEndArray();
          });
      return ExitCode.DONE;
    }
    PrintWriter out = spec.commandLine().getOut();
    if (devices.isEmpty()) {
      out.println("No V4L2 device (/dev/videoN) here; 'guestcam doctor' says how to get one.");
    }
    for (DeviceReport device : devices) {
      print(out, device);
    }
    out.flush();
    return ExitCode.DONE;
  }

  private static void print(PrintWriter out, DeviceReport device) {
    if (device.driver().isEmpty()) {
      out.println(device.path() + "  " + device.problem());
      return;
    }
    out.println(device.path() + "  " + device.card() + " (" + device.driver() + ")");
    List<String> roles = new ArrayList<>();
    if (device.output()) {
      roles.add("output, " + (device.multiplanar() ? "multi-planar" : "single-planar"));
    }
    if (device.capture()) {
      roles.add("capture");
    }
    out.println("  " + (roles.isEmpty() ? "no video queue" : String.join("; ", roles)));
    if (device.output()) {
      out.println("  takes    " + memory(device));
      out.println("  formats  " + String.join(" ", device.formats()));
    }
    if (device.problem() != null) {
      out.println("  problem  " + device.problem());
    }
  }

  private static String memory(DeviceReport device) {
    if (device.memoryTypes().isEmpty()) {
      return "unknown";
    }
    String names =
        device.memoryTypes().stream()
            .sorted()
            .map(MemoryType::name)
            .collect(Collectors.joining(" "));
    return names
        + (device.memoryTypes().stream().anyMatch(MemoryType::isZeroCopy) ? "" : " (copies only)");
  }

  private static void write(JsonGenerator json, DeviceReport device) throws IOException {
    json.writeStartObject();
    json.writeStringField("path", device.path().toString());
    json.writeStringField("driver", device.driver());
    json.writeStringField("card", device.card());
    json.writeBooleanField("output", device.output());
    json.writeBooleanField("capture", device.capture());
    json.writeBooleanField("multiplanar", device.multiplanar());
    JsonText.strings(
        json, "memory", device.memoryTypes().stream().sorted().map(MemoryType::name).toList());
    JsonText.strings(json, "formats", device.formats());
    json.writeStringField("problem", device.problem());
    json.writeEndObject();
  }
}
