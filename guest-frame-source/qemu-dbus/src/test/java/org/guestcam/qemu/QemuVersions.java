// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.List;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The QEMUs that tests run with: the host's own, or those of {@code -Dguestcam.qemus=PATH:PATH},
 * which {@code ./verify} sets to all versions that {@code tests/lab/qemu} makes.
 */
final class QemuVersions {
  private static final String DEFAULT = "qemu-system-x86_64";

  private QemuVersions() {}

  /** The programs; a source of arguments for {@link ParameterizedClass}. */
  static List<String> all() {
    return List.of(System.getProperty("guestcam.qemus", DEFAULT).split(":"));
  }

  /** The last of them, for tests in which any will do. */
  static String newest() {
    return all().getLast();
  }

  /** A class whose tests run with each of the QEMUs. */
  @java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
  @java.lang.annotation.Target(java.lang.annotation.ElementType.TYPE)
  @ParameterizedClass
  @MethodSource("org.guestcam.qemu.QemuVersions#all")
  @interface Each {}
}
