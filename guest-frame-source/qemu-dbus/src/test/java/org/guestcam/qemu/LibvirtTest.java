// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest of libvirt's own daemon in session mode. */
@Tag("qemu")
class LibvirtTest {
  private static final String NAME = "libvirt-guest";
  private static final String UUID = "21212121-2222-3333-4444-555555555555";

  @TempDir private Path directory;
  private LibvirtSession session;

  @BeforeEach
  void open() throws IOException {
    session = new LibvirtSession(directory);
  }

  @AfterEach
  void endDaemon() throws IOException {
    session.close();
  }

  private Path domain(String graphics) throws IOException {
    Path disk = BootSector.STILL.writeTo(directory.resolve("disk.img"));
    Files.setPosixFilePermissions(disk, PosixFilePermissions.fromString("rw-rw-rw-"));
    return Files.writeString(
        directory.resolve("domain.xml"),
        """
        <domain type='qemu'>
          <name>%s</name>
          <uuid>%s</uuid>
          <memory unit='MiB'>32</memory>
          <os><type arch='x86_64' machine='pc'>hvm</type></os>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='raw'/><source file='%s'/><target dev='hda' bus='ide'/>
            </disk>
            %s
            <video><model type='vga'/></video>
          </devices>
        </domain>
        """
            .formatted(NAME, UUID, disk, graphics));
  }

  @Test
  void aDomainOnANamedBusIsShown() throws Exception {
    Path socket = directory.resolve("bus.sock");
    Process bus = TestBus.start(directory, socket);
    try {
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rwxrwxrwx"));
      String address = "unix:path=" + socket;
      session.virsh(
          "create", domain("<graphics type='dbus' address='" + address + "'/>").toString());
      try {
        QemuProvider provider = new QemuProvider();
        Endpoint named = Endpoint.parse("qemu:" + NAME + "?bus=" + address);
        String details = provider.describe(named);
        assertTrue(
            details.startsWith("'" + NAME + "', UUID " + UUID + ", video0, graphic, "), details);
        FrameCollector frames = new FrameCollector();
        try (FrameSource source = provider.open(named)) {
          source.start(frames);
          frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= 200);
          Path dump = directory.resolve("screen.png");
          session.virsh("screenshot", NAME, dump.toString());
          BufferedImage image = ImageIO.read(dump.toFile());
          int[] pixels =
              image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
          for (int i = 0; i < pixels.length; i++) {
            pixels[i] &= 0xffffff;
          }
          assertEquals(new Picture(image.getWidth(), image.getHeight(), pixels), frames.picture());
        }
      } finally {
        session.virsh("destroy", NAME);
      }
    } finally {
      bus.destroyForcibly().waitFor();
    }
  }

  /** Only the daemon's own user may use that bus: guestcam runs as it, in a process of its own. */
  @Test
  void theBusThatLibvirtStartsIsFound() throws Exception {
    Path disk = domain("<graphics type='dbus'/>");
    session.virsh("create", disk.toString());
    try {
      String found = session.asUser(javaCommand());
      assertTrue(found.startsWith("qemu:" + NAME + "/0?bus=unix:path=" + session.runtime()), found);
      assertTrue(found.contains(UUID + ", video0, graphic, "), found);
      assertTrue(found.contains("pictures by Scanout"), found);
      assertTrue(found.endsWith("\n200 colours and more\n"), found);
    } finally {
      session.virsh("destroy", NAME);
    }
  }

  /** What the test above runs. */
  static final class User {
    private User() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] arguments) throws Exception {
      QemuProvider provider = new QemuProvider();
      for (String endpoint : provider.available()) {
        System.out.println(endpoint + " " + provider.describe(Endpoint.parse(endpoint)));
      }
      FrameCollector frames = new FrameCollector();
      String guest = "qemu:" + NAME + "?bus=libvirt";
      try (FrameSource source = provider.open(Endpoint.parse(guest))) {
        source.start(frames);
        frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= 200);
        System.out.println("200 colours and more");
      }
    }
  }

  private List<String> javaCommand() throws IOException {
    List<String> command = new ArrayList<>(session.java());
    command.add(User.class.getName());
    return command;
  }
}
