// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A dbus-daemon of a test's own: the host's session may have services, and none is wanted. */
final class TestBus {
  private TestBus() {}

  /**
   * Starts one, which lets every user in.
   *
   * @param directory for its configuration and its log
   * @param socket where it listens from now on
   * @return the daemon, for the caller to end
   */
  static Process start(Path directory, Path socket) throws IOException {
    Path configuration =
        Files.writeString(
            directory.resolve("bus.conf"),
            """
            <busconfig>
              <type>session</type>
              <listen>unix:path=%s</listen>
              <policy context="default">
                <allow user="*"/>
                <allow send_destination="*" eavesdrop="true"/>
                <allow eavesdrop="true"/>
                <allow own="*"/>
              </policy>
            </busconfig>
            """
                .formatted(socket));
    return startWith(configuration, directory.resolve("bus.log"));
  }

  /** Starts one with a configuration of its own; the caller ends it. */
  static Process startWith(Path configuration, Path log) throws IOException {
    Process bus =
        new ProcessBuilder(
                "dbus-daemon", "--nofork", "--print-address", "--config-file=" + configuration)
            .redirectError(log.toFile())
            .start();
    BufferedReader output =
        new BufferedReader(new InputStreamReader(bus.getInputStream(), StandardCharsets.UTF_8));
    assertTrue(output.readLine() != null, () -> "dbus-daemon does not start");
    return bus;
  }
}
