// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** QEMU's system emulators: they run guests, and the demo's VM. */
public final class QemuCheck implements Check {
  private static final String PART = "QEMU";

  /** How the names of QEMU's system emulators begin. */
  static final String PREFIX = "qemu-system-";

  @Override
  public Finding look(Host host) {
    List<Path> programs = host.programs(PREFIX);
    if (programs.isEmpty()) {
      return none(PART, "Needed for guests of QEMU, and for the demo's VM.");
    }
    String version = host.firstLine(programs.getFirst(), "--version");
    return Finding.ok(
        PART,
        programs.stream().map(p -> p.getFileName().toString()).collect(Collectors.joining(", "))
            + (version.isEmpty() ? "" : ": " + version),
        "");
  }

  /** What a part that {@code needs} QEMU says where there is none. */
  static Finding none(String part, String needs) {
    return Finding.missing(
        part, "no " + PREFIX + "* on the PATH", needs, "sudo apt-get install qemu-system-x86");
  }
}
