// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest on a system bus: a dbus-daemon with the policy that Debian's has, which forbids what is
 * not allowed, and with the policy file of docs/qemu.md. Where the bus is, is said by
 * DBUS_SYSTEM_BUS_ADDRESS, so that guestcam runs in a process of its own.
 */
@Tag("qemu")
class SystemBusTest {
  @TempDir private Path directory;

  private String say(String policy) throws Exception {
    Path socket = directory.resolve("system.sock");
    Path configuration =
        Files.writeString(
            directory.resolve("system.conf"),
            """
            <busconfig>
              <type>system</type>
              <listen>unix:path=%s</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow user="*"/>
                <deny own="*"/>
                <deny send_type="method_call"/>
                <allow send_type="signal"/>
                <allow send_requested_reply="true" send_type="method_return"/>
                <allow send_requested_reply="true" send_type="error"/>
                <allow receive_type="method_call"/>
                <allow receive_type="method_return"/>
                <allow receive_type="error"/>
                <allow receive_type="signal"/>
                <allow send_destination="org.freedesktop.DBus"/>
              </policy>
              <policy user="%s"><allow own="org.qemu"/></policy>
              %s
            </busconfig>
            """
                .formatted(socket, System.getProperty("user.name"), policy));
    Process bus = TestBus.startWith(configuration, directory.resolve("bus.log"));
    try (QemuProcess qemu =
        QemuProcess.boot(
            "qemu-system-x86_64",
            directory.resolve("guest"),
            BootSector.STILL,
            "dbus,addr=unix:path=" + socket,
            "-vga",
            "std",
            "-name",
            "public")) {
      assertTrue(qemu.execute("{\"execute\":\"query-status\"}").contains("running"));
      Path output = directory.resolve("output");
      ProcessBuilder user =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin/java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  User.class.getName())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile());
      user.environment().put("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=" + socket);
      user.environment().remove("DBUS_SESSION_BUS_ADDRESS");
      int status = user.start().waitFor();
      String said = Files.readString(output, StandardCharsets.UTF_8);
      assertEquals(0, status, said);
      return said;
    } finally {
      bus.destroyForcibly().waitFor();
    }
  }

  @Test
  void aGuestThereIsShown() throws Exception {
    String said =
        say(
            "<policy user='"
                + System.getProperty("user.name")
                + "'><allow send_destination='org.qemu'/></policy>");
    assertTrue(said.contains("qemu:public/0?bus=system"), said);
    assertTrue(said.endsWith("200 colours and more\n"), said);
  }

  @Test
  void whomThePolicyKeepsOutIsToldSo() throws Exception {
    String said = say("");
    assertTrue(said.contains("the bus's policy does not let this user call it"), said);
    assertTrue(said.contains("send_destination=\"org.qemu\""), said);
  }

  /** guestcam's process. */
  static final class User {
    private User() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) throws Exception {
      QemuProvider provider = new QemuProvider();
      try {
        awaitName();
        FrameCollector frames = new FrameCollector();
        try (FrameSource source = provider.open(Endpoint.parse("qemu:public?bus=system"))) {
          source.start(frames);
          frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= 200);
          System.out.println(provider.available());
          System.out.println("200 colours and more");
        }
      } catch (IOException e) {
        System.out.println(e.getMessage());
      }
    }

    /** QEMU takes its name some time after it can be asked; the bus's replies set the pace. */
    private static void awaitName() throws IOException {
      QemuOptions options = QemuOptions.parse(new Endpoint("qemu", "?bus=system"));
      try (GuestLink link = GuestLink.open(options, _ -> {}, () -> {})) {
        while (link.guests().isEmpty()) {
          Thread.onSpinWait();
        }
      }
    }
  }
}
