// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest of libvirt's own daemon in session mode. That mode is for ordinary users: where the test
 * runs as root, the daemon runs as nobody.
 */
@Tag("qemu")
class LibvirtTest {
  private static final String NAME = "libvirt-guest";
  private static final String UUID = "21212121-2222-3333-4444-555555555555";

  @TempDir private Path directory;
  private boolean root;
  private Path runtime;

  @BeforeEach
  void makeHome() throws Exception {
    root = "root".equals(System.getProperty("user.name"));
    runtime = directory.resolve("run");
    for (Path path : List.of(directory, directory.resolve("home"), runtime)) {
      Files.createDirectories(path);
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      if (root) {
        Files.setOwner(
            path,
            path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
      }
    }
  }

  /** The daemon would wait two minutes for another connection; it is the socket's owner. */
  @AfterEach
  void endDaemon() throws Exception {
    for (String daemon : List.of("libvirtd", "virtlogd")) {
      Path pid = runtime.resolve("libvirt/" + daemon + ".pid");
      if (Files.exists(pid)) {
        ProcessHandle process =
            ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElse(null);
        if (process != null && process.destroy()) {
          process.onExit().get(60, TimeUnit.SECONDS);
        }
      }
    }
  }

  private String virsh(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("virsh", "-q", "-c", "qemu:///session"));
    command.addAll(List.of(words));
    return asUser(command);
  }

  /** Runs a program to its end, as the daemon's user: what it says. */
  private String asUser(List<String> words) throws Exception {
    List<String> command = new ArrayList<>();
    if (root) {
      command.addAll(
          List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"));
    }
    command.addAll(words);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    File output = directory.resolve("output").toFile();
    builder.redirectOutput(output); // not a pipe: the daemon that it starts would keep that open
    Map<String, String> environment = builder.environment();
    environment.put("HOME", directory.resolve("home").toString());
    environment.put("XDG_RUNTIME_DIR", runtime.toString());
    environment
        .keySet()
        .removeIf(name -> name.matches("XDG_(CACHE|CONFIG|DATA)_HOME|(LIBVIRT|DBUS)_.*"));
    int status = builder.start().waitFor();
    String said = Files.readString(output.toPath(), StandardCharsets.UTF_8);
    assertEquals(0, status, said);
    return said;
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
      virsh("create", domain("<graphics type='dbus' address='" + address + "'/>").toString());
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
          virsh("screenshot", NAME, dump.toString());
          BufferedImage image = ImageIO.read(dump.toFile());
          int[] pixels =
              image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
          for (int i = 0; i < pixels.length; i++) {
            pixels[i] &= 0xffffff;
          }
          assertEquals(new Picture(image.getWidth(), image.getHeight(), pixels), frames.picture());
        }
      } finally {
        virsh("destroy", NAME);
      }
    } finally {
      bus.destroyForcibly().waitFor();
    }
  }

  /** Only the daemon's own user may use that bus: guestcam runs as it, in a process of its own. */
  @Test
  void theBusThatLibvirtStartsIsFound() throws Exception {
    Path disk = domain("<graphics type='dbus'/>");
    virsh("create", disk.toString());
    try {
      String found = asUser(javaCommand());
      assertTrue(found.startsWith("qemu:" + NAME + "/0?bus=unix:path=" + runtime), found);
      assertTrue(found.contains(UUID + ", video0, graphic, "), found);
      assertTrue(found.contains("pictures by Scanout"), found);
      assertTrue(found.endsWith("\n200 colours and more\n"), found);
    } finally {
      virsh("destroy", NAME);
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
    // Copied: the daemon's user may not be able to read the build's directory.
    List<String> classPath = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path from = Path.of(entry);
      if (Files.exists(from)) {
        Path to = directory.resolve("class-path/" + classPath.size() + from.getFileName());
        copy(from, to);
        classPath.add(to.toString());
      }
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        String.join(File.pathSeparator, classPath),
        User.class.getName());
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : all.toList()) {
        Path copy = to.resolve(from.relativize(one).toString());
        Files.createDirectories(copy.getParent());
        if (!Files.isDirectory(one)) {
          Files.copy(one, copy);
        }
      }
    }
  }
}
