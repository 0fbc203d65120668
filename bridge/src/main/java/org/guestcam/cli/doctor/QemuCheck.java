// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** QEMU's system emulators: they run guests, and the demo's VM. */
public final class QemuCheck implements Check {
  private static final String PART = "QEMU";
  private static final String PREFIX = "qemu-system-";

  @Override
  public Finding look(Host host) {
    List<Path> programs = host.programs(PREFIX);
    if (programs.isEmpty()) {
      return Finding.missing(
          PART,
          "no " + PREFIX + "* on the PATH",
          "Needed for guests of QEMU, and for the demo's VM.",
          "sudo apt-get install qemu-system-x86");
    }
    String version = host.firstLine(programs.getFirst(), "--version");
    return Finding.ok(
        PART,
        programs.stream().map(p -> p.getFileName().toString()).collect(Collectors.joining(", "))
            + (version.isEmpty() ? "" : ": " + version),
        "");
  }
}
