// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.util.Optional;
import java.util.function.Supplier;
import org.guestcam.uapi.GrantDevice;

/** Xen: whether this is one of its domains, and whether guests' pages can be mapped. */
public final class XenCheck implements Check {
  private static final String PART = "Xen";
  private static final String GNTDEV = "/dev/xen/gntdev";
  private static final String GNTALLOC = "/dev/xen/gntalloc";
  private static final String MODULE = "/dev/guestcam-grants";

  private final Supplier<Optional<Boolean>> makesDmaBufs;
  private final boolean arm;

  /** Looks at this machine's gntdev. */
  public XenCheck() {
    this(GrantDevice::makesDmaBufs, System.getProperty("os.arch").equals("aarch64"));
  }

  /**
   * For tests.
   *
   * @param makesDmaBufs whether gntdev has the dma-buf calls
   * @param arm whether this is an arm64 machine
   */
  public XenCheck(Supplier<Optional<Boolean>> makesDmaBufs, boolean arm) {
    this.makesDmaBufs = makesDmaBufs;
    this.arm = arm;
  }

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
    boolean dmaBufs = makesDmaBufs.get().orElse(false);
    boolean module = host.exists(MODULE) && !"PV".equals(type);
    found +=
        ", "
            + GNTDEV
            + (dmaBufs ? " with dma-bufs" : " without dma-bufs")
            + (host.exists(MODULE) ? ", guestcam_grants" : "");
    boolean gntalloc = host.exists(GNTALLOC);
    String routes =
        guestAllocates(type, dmaBufs, module) + "\n" + hostAllocates(dmaBufs || module, gntalloc);
    return dmaBufs || module
        ? Finding.ok(PART, found, routes)
        : Finding.limited(
            PART,
            found,
            routes,
            (gntalloc ? "" : "sudo modprobe xen-gntalloc, for be-alloc=1\n")
                + "guestcam_grants (docs/grants-module.md; not in an x86 PV domain), or a kernel"
                + " with CONFIG_XEN_GNTDEV_DMABUF=y");
  }

  private String guestAllocates(String type, boolean dmaBufs, boolean module) {
    if (module) {
      return "be-alloc=0: the guest's pages are dma-bufs of guestcam_grants, for every device and"
          + " without a copy.";
    }
    if (!arm && !type.equals("PVH") && !type.equals("HVM")) {
      return "be-alloc=0: one copy a frame, by the hypervisor (route=copy). On x86 gntdev cannot"
          + " export a guest's pages, and mapped ones corrupt a PV dom0 when they are queued.";
    }
    return "be-alloc=0: the guest's pages are mapped, without a copy (route=map)"
        + (arm && dmaBufs ? ", or exported as dma-bufs for devices with DMA (route=export)." : ".");
  }

  private String hostAllocates(boolean dmaBufs, boolean gntalloc) {
    if (!dmaBufs && !gntalloc) {
      return "be-alloc=1: does not work; this kernel's gntdev grants no dma-bufs, and xen-gntalloc"
          + " is not loaded.";
    }
    return "be-alloc=1: the host's memory is lent to the guest, without a copy"
        + (dmaBufs ? "" : ", as pages of xen-gntalloc, which are no dma-bufs")
        + (arm ? "." : "; not for PV guests, whose programs cannot map it.");
  }
}
