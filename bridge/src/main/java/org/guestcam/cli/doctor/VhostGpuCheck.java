// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** vhost-user-gpu: whether a guest of this host's QEMU can have guestcam as its display device. */
public final class VhostGpuCheck implements Check {
  private static final String PART = "vhost-user-gpu";
  private static final String KVM = "/dev/kvm";
  private static final Pattern VERSION = Pattern.compile("version (\\d{1,3})\\.(\\d{1,3})");

  /** The first QEMU that starts the device without KVM. */
  private static final int WITHOUT_KVM = 8;

  @Override
  public Finding look(Host host) {
    List<Path> programs = host.programs(QemuCheck.PREFIX);
    if (programs.isEmpty()) {
      return QemuCheck.none(PART, "Needed only for guests whose display device is guestcam.");
    }
    Matcher version = VERSION.matcher(host.firstLine(programs.getFirst(), "--version"));
    boolean known = version.find();
    boolean kvm = host.mayUse(KVM);
    boolean dmaBufs = host.mayUse(UdmabufCheck.NODE);
    String found =
        (known ? "QEMU " + version.group(1) + "." + version.group(2) : "a QEMU of unknown version")
            + (kvm ? ", KVM" : ", no KVM")
            + (dmaBufs ? ", udmabuf" : ", no udmabuf");
    if (known && Integer.parseInt(version.group(1)) < WITHOUT_KVM && !kvm) {
      return Finding.limited(
          PART,
          found,
          "QEMU before 8.0 starts this device only with KVM, and this user may not open "
              + KVM
              + ".",
          host.exists(KVM)
              ? "sudo usermod -aG kvm \"$USER\"   # then log in again"
              : "sudo apt-get install -t bookworm-backports qemu-system-x86   # Debian 12");
    }
    return dmaBufs
        ? Finding.ok(
            PART,
            found,
            "A guest's buffers become dma-bufs, where its memory is memory-backend-memfd,share=on.")
        : Finding.limited(
            PART,
            found,
            "A guest's buffers are shown as shared memory (USERPTR), or are copied: a dma-buf of"
                + " them takes "
                + UdmabufCheck.NODE
                + ".",
            "see udmabuf above");
  }
}
