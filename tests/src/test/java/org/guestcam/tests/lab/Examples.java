// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** The programs of examples/, and guestcam for those that start it. */
final class Examples {
  private Examples() {}

  /** One of them: copied beside the tests by tests/lab/run, or in the source tree. */
  static Path path(String name) {
    Path shared = Path.of("/share/examples");
    return (Files.isDirectory(shared) ? shared : Path.of("../examples"))
        .resolve(name)
        .toAbsolutePath();
  }

  /** Makes a program in {@code directory} that is guestcam: the build under test. */
  static Path guestcam(Path directory) {
    try {
      Path script = directory.resolve("guestcam");
      Files.writeString(
          script,
          "#!/bin/sh\nexec "
              + Path.of(System.getProperty("java.home"), "bin", "java")
              + " --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -ea:org.guestcam... -cp '"
              + System.getProperty("java.class.path")
              + "' org.guestcam.cli.Main \"$@\"\n");
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
      return script;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
