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

  private static final String OWN_IS_BETTER =
      "v4l2loopback copies each frame. guestcam's own guestcam_loopback does not: its readers map"
          + " the guest's pages (docs/loopback-module.md).";

  /** From guestcam's source tree. */
  private static final String OWN =
      "sudo apt-get install dkms linux-headers-amd64\n"
          + "make -C loopback-module deb\n"
          + "sudo apt-get install ./loopback-module/build/guestcam-loopback-dkms_*.deb\n"
          + LOAD.get("guestcam_loopback");

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
      return onlyV4l2loopback(host)
          ? Finding.limited(PART, summary, OWN_IS_BETTER, OWN)
          : Finding.ok(PART, summary, "");
    }
    if (!remedy.isEmpty()) {
      String meaning = "One of them, loaded, makes a camera.";
      if (onlyV4l2loopback(host)) {
        meaning += "\n" + OWN_IS_BETTER;
        remedy.addFirst(OWN);
      }
      return Finding.limited(PART, summary, meaning, String.join("\n", remedy));
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
        OWN_IS_BETTER,
        OWN + "\nsudo apt-get install v4l2loopback-dkms\n" + LOAD.get("v4l2loopback"));
  }

  /** Whether v4l2loopback is what this host would use: loaded or not, no better one is there. */
  private static boolean onlyV4l2loopback(Host host) {
    return isThere(host, "v4l2loopback")
        && !isThere(host, "guestcam_loopback")
        && !host.isModuleLoaded("vivid");
  }

  private static boolean isThere(Host host, String module) {
    return host.isModuleLoaded(module) || host.isModuleAvailable(module);
  }
}
