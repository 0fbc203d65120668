// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

/** The JVM that runs guestcam. */
public final class JvmCheck implements Check {
  @Override
  public Finding look(Host host) {
    String found = System.getProperty("java.vm.name") + " " + Runtime.version();
    if (!JvmCheck.class.getModule().isNativeAccessEnabled()) {
      return Finding.limited(
          "JVM",
          found + ", native access not enabled",
          "Java prints warnings, and a later one will refuse guestcam's calls of the kernel.",
          "java --enable-native-access=ALL-UNNAMED ...   (the launcher 'guestcam' does that)");
    }
    return Finding.ok("JVM", found, "");
  }
}
