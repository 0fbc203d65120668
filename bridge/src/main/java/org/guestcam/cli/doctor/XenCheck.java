// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

/** Xen: whether this is one of its domains, and whether guests' pages can be mapped. */
public final class XenCheck implements Check {
  private static final String PART = "Xen";
  private static final String GNTDEV = "/dev/xen/gntdev";
  private static final String MODULE = "/dev/guestcam-grants";

  @Override
  public Finding look(Host host) {
    boolean xen = host.read("/sys/hypervisor/type").filter("xen"::equals).isPresent();
    if (!xen) {
      return Finding.missing(
          PART, "this is no domain of Xen", "Needed only for guests of Xen.", "");
    }
    String type = host.read("/sys/hypervisor/guest_type").orElse("unknown");
    boolean tools = host.exists("/proc/xen/capabilities");
    String found =
        "a domain of Xen, type "
            + type
            + (host.read("/proc/xen/capabilities").filter(c -> c.contains("control_d")).isPresent()
                ? ", dom0"
                : "");
    if (!host.exists(GNTDEV)) {
      return Finding.limited(
          PART,
          found + ", no " + GNTDEV,
          "Pages that guests grant cannot be mapped.",
          "sudo modprobe xen-gntdev" + (tools ? "" : "\nsudo mount -t xenfs xenfs /proc/xen"));
    }
    if (!host.mayUse(GNTDEV)) {
      return Finding.limited(
          PART, found + ", no rights for " + GNTDEV, "Only root may map granted pages.", "sudo -i");
    }
    if (host.exists(MODULE)) {
      return Finding.ok(PART, found + ", " + GNTDEV + ", guestcam_grants", "");
    }
    return "PV".equals(type)
        ? Finding.ok(
            PART,
            found + ", " + GNTDEV,
            "Guests' pages are copied: in an x86 PV domain nothing else is sound.")
        : Finding.ok(
            PART,
            found + ", " + GNTDEV,
            "With guestcam_grants guests' pages would be dma-bufs, for every device and without a"
                + " copy: docs/grants-module.md.");
  }
}
