// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.arch;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.foreign.Linker;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The arrows of docs/architecture.md: bridge → {sinks, sources} → frame → linux-uapi. */
class ArchitectureTest {
  private static JavaClasses all;

  @BeforeAll
  static void read() {
    all =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(
                place -> !place.contains("-tests.jar") && !place.contains("test-classes"))
            .importPackages("org.guestcam");
    assertTrue(all.size() > 100, "only " + all.size() + " classes were found");
  }

  @Test
  void uapiKnowsNobody() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.uapi..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("org.guestcam.uapi..", "java..")
        .check(all);
  }

  @Test
  void frameKnowsOnlyUapi() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.frame..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("org.guestcam.frame..", "org.guestcam.uapi", "java..")
        .check(all);
  }

  @Test
  void aSourceKnowsNoSinkAndNoOtherSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.pattern..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.pattern..",
            "org.guestcam.frame",
            "org.guestcam.uapi",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void theQemuSourceKnowsNoSinkAndNoOtherSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.qemu..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.qemu..",
            "org.guestcam.frame..",
            "org.guestcam.uapi",
            "com.fasterxml.jackson.core..",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void theXenSourceKnowsNoSinkAndNoOtherSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.xen..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.xen..",
            "org.guestcam.frame",
            "org.guestcam.uapi",
            "jnr.ffi..",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void theVhostUserGpuSourceKnowsNoSinkAndNoOtherSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.vhostgpu..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.vhostgpu..",
            "org.guestcam.frame..",
            "org.guestcam.uapi..",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void theSinkKnowsNoSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.v4l2..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.v4l2..",
            "org.guestcam.frame",
            "org.guestcam.uapi..",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void theGStreamerSinksKnowNoSource() {
    classes()
        .that()
        .resideInAPackage("org.guestcam.gst..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "org.guestcam.gst..",
            "org.guestcam.frame..",
            "org.guestcam.uapi",
            "org.freedesktop.gstreamer..",
            "com.sun.jna",
            "com.sun.net.httpserver",
            "java..",
            "org.slf4j")
        .check(all);
  }

  @Test
  void onlyUapiAndTheGStreamerBindingsCallNativeCode() {
    noClasses()
        .that()
        .resideOutsideOfPackages("org.guestcam.uapi..", "org.guestcam.gst.ffi..")
        .should()
        .dependOnClassesThat()
        .areAssignableTo(Linker.class)
        .check(all);
  }

  @Test
  void theBridgeSeesNoKernelStructures() {
    noClasses()
        .that()
        .resideInAnyPackage("org.guestcam", "org.guestcam.cli..", "org.guestcam.frame..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.guestcam.uapi.abi..")
        .check(all);
  }
}
