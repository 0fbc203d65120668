// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Kernel modules that turn pictures into cameras: loaded, or there to be loaded. */
public final class LoopbackModulesCheck implements Check {
  private static final String PART = "loopback modules";

  private static final Map<String, String> LOAD =
      Map.of(
          "guestcam_loopback", "sudo modprobe guestcam_loopback",
          "v4l2loopback", "sudo modprobe v4l2loopback exclusive_caps=1 card_label=guestcam",
          "vivid",
              "sudo modprobe vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=3"
                  + " num_outputs=1 output_types=1");

  /** The best first. */
  private static final List<String> MODULES = List.of("guestcam_loopback", "v4l2loopback", "vivid");

  @Override
  public Finding look(Host host) {
    List<String> found = new ArrayList<>();
    List<String> remedy = new ArrayList<>();
    boolean loaded = false;
    for (String module : MODULES) {
      if (host.isModuleLoaded(module)) {
        loaded = true;
        found.add(module + " loaded");
      } else if (host.isModuleAvailable(module)) {
        found.add(module + " available");
        remedy.add(LOAD.get(module));
      } else {
        found.add("no " + module);
      }
    }
    String summary = String.join(", ", found);
    if (loaded) {
      return Finding.ok(PART, summary, "");
    }
    if (!remedy.isEmpty()) {
      return Finding.limited(
          PART, summary, "One of them, loaded, makes a camera.", String.join("\n", remedy));
    }
    if (!host.exists(host.moduleDirectory())) {
      return Finding.missing(
          PART,
          summary,
          "There is no "
              + host.moduleDirectory()
              + ": this is a container, or a kernel without modules.\n"
              + "Its host must load one and pass the device on.",
          "");
    }
    return Finding.missing(
        PART,
        summary,
        "v4l2loopback makes a camera, with one copy a frame.",
        "sudo apt-get install v4l2loopback-dkms linux-headers-amd64\n" + LOAD.get("v4l2loopback"));
  }
}
