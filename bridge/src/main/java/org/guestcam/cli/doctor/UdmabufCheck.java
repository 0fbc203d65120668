// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.util.ArrayList;
import java.util.List;

/** /dev/udmabuf: makes dma-bufs of a guest's memory, which the main job stands on. */
public final class UdmabufCheck implements Check {
  private static final String PART = "udmabuf";
  static final String NODE = "/dev/udmabuf";
  private static final String PARAMETERS = "/sys/module/udmabuf/parameters/";

  private static final long PAGE = 4096;
  private static final long MIB = 1 << 20;
  private static final long FULL_HD = 1920L * 1080 * 4;
  private static final long ULTRA_HD = 3840L * 2160 * 4;

  @Override
  public Finding look(Host host) {
    if (!host.exists(NODE)) {
      return noNode(host);
    }
    if (!host.mayUse(NODE)) {
      return Finding.missing(
              PART,
              NODE + " is there, but this user may not open it",
              "A guest's memory cannot become dma-bufs; pictures would have to be copied.",
              "sudo usermod -aG kvm \"$USER\"   # then log in again; Debian gives it to group kvm")
          .blocking();
    }
    long ranges = parameter(host, "list_limit", 1024);
    long mib = parameter(host, "size_limit_mb", 64);
    String found = NODE + ", list_limit " + ranges + ", size_limit_mb " + mib;
    List<String> meaning = new ArrayList<>();
    List<String> remedy = new ArrayList<>();
    if (ranges < pages(ULTRA_HD)) {
      meaning.add(
          String.format(
              "A buffer may have %d ranges of pages. Wholly scattered, 1080p has %d and 4K %d;"
                  + " most guests' buffers lie in few ranges.",
              ranges, pages(FULL_HD), pages(ULTRA_HD)));
      remedy.add(raise("list_limit", pages(ULTRA_HD)));
    }
    if (mib * MIB < ULTRA_HD) {
      meaning.add(
          String.format(
              "A buffer may have %d MiB; 1080p has %d and 4K %d.",
              mib, mib(FULL_HD), mib(ULTRA_HD)));
      remedy.add(raise("size_limit_mb", mib(ULTRA_HD)));
    }
    return remedy.isEmpty()
        ? Finding.ok(PART, found, "Enough for any 4K buffer.")
        : Finding.limited(PART, found, String.join("\n", meaning), String.join("\n", remedy));
  }

  private static Finding noNode(Host host) {
    String found = "no " + NODE + " (kernel " + host.kernelRelease() + ")";
    String meaning = "A guest's memory cannot become dma-bufs; pictures would have to be copied.";
    if (host.isModuleAvailable("udmabuf")) {
      return Finding.missing(PART, found, meaning, "sudo modprobe udmabuf").blocking();
    }
    return Finding.missing(
            PART,
            found,
            meaning
                + "\nThe kernel was built without CONFIG_UDMABUF, or this is a container without"
                + " the node.\nDebian 13's kernel has it, Debian 12's (6.1) has not.",
            "sudo apt-get install -t bookworm-backports linux-image-amd64"
                + "   # Debian 12, with backports enabled; then reboot")
        .blocking();
  }

  private static long parameter(Host host, String name, long kernelDefault) {
    return host.read(PARAMETERS + name)
        .filter(text -> text.matches("\\d{1,10}"))
        .map(Long::parseLong)
        .orElse(kernelDefault);
  }

  private static long pages(long bytes) {
    return Math.ceilDiv(bytes, PAGE);
  }

  private static long mib(long bytes) {
    return Math.ceilDiv(bytes, MIB);
  }

  private static String raise(String parameter, long value) {
    return "echo " + value + " | sudo tee " + PARAMETERS + parameter;
  }
}
