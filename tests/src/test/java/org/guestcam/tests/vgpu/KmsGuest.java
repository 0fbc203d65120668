// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.qemu.Picture;

/**
 * A Linux guest of a real QEMU, emulated: the lab's kernel, and tests/vhost-user-gpu/guest.
 * Commands go to it over its second serial port, and to QEMU over QMP.
 */
public final class KmsGuest extends GuestShell {
  /** What the guest's kernel is told. */
  static final String KERNEL_LINE =
      "console=ttyS0 loglevel=3 panic=-1 mitigations=off nokaslr nowatchdog"
          + " no_timer_check tsc=reliable vt.global_cursor_default=0";

  private final Process process;
  private final Path directory;
  private final SocketChannel qmp;
  private final BufferedReader events;

  private KmsGuest(Process process, Path directory) throws IOException {
    super(directory.resolve("commands.sock"), directory.resolve("console.txt"));
    this.process = process;
    this.directory = directory;
    qmp = connect(directory.resolve("qmp.sock"));
    events = reader(qmp);
    events.readLine(); // the greeting
    qmp("{\"execute\":\"qmp_capabilities\"}");
  }

  /**
   * QEMU's options for a guest whose display is served at a socket; {@code more} follows its path.
   */
  public static String[] servedAt(Path socket, String... more) {
    return new String[] {
      "-chardev",
      "socket,id=gpu,path=" + socket + String.join("", more),
      "-device",
      "vhost-user-gpu-pci,chardev=gpu"
    };
  }

  /**
   * Boots it, and waits until it takes commands.
   *
   * @param devices the display, as QEMU's options
   */
  public static KmsGuest boot(Path directory, String... devices) throws IOException {
    KmsGuest guest = start(directory, devices);
    guest.awaitLine("@ready");
    return guest;
  }

  /** Where the guest's kernel and initrd are: vmlinuz and initrd. */
  static Path images() {
    return Path.of(System.getProperty("guestcam.guest"));
  }

  private static KmsGuest start(Path directory, String... devices) throws IOException {
    Files.createDirectories(directory);
    Path images = images();
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("guestcam.qemu"),
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-machine",
                "q35,memory-backend=ram",
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                "max,la57=off",
                "-m",
                "512",
                "-object",
                "memory-backend-memfd,id=ram,size=512M,share=on",
                "-kernel",
                images.resolve("vmlinuz").toString(),
                "-initrd",
                images.resolve("initrd").toString(),
                "-append",
                KERNEL_LINE,
                "-serial",
                "file:" + directory.resolve("console.txt"),
                "-chardev",
                "socket,id=commands,server=on,wait=off,path=" + directory.resolve("commands.sock"),
                "-serial",
                "chardev:commands",
                "-qmp",
                "unix:" + directory.resolve("qmp.sock") + ",server=on,wait=off"));
    command.addAll(List.of(devices));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("qemu.txt").toFile())
            .start();
    try {
      return new KmsGuest(process, directory);
    } catch (IOException e) {
      process.destroyForcibly();
      throw new IOException(Files.readString(directory.resolve("qemu.txt")), e);
    }
  }

  /** Runs a command of QMP; its answer's line. */
  public String qmp(String command) throws IOException {
    write(qmp, command);
    for (String line; (line = events.readLine()) != null; ) {
      if (!line.contains("\"event\"")) {
        return line;
      }
    }
    throw new IOException("QEMU has gone");
  }

  /** Waits until the guest, which was reset, takes commands again. */
  public void awaitReady() throws IOException {
    awaitLine("@ready");
  }

  /** Restarts the guest, and waits until it takes commands again. */
  public void reboot() throws IOException {
    line("reboot -f");
    awaitLine("@ready");
  }

  /** What QEMU itself shows. */
  Picture screendump() throws IOException {
    Path file = directory.resolve("screen.ppm");
    String answer =
        qmp("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"" + file + "\"}}");
    assertEquals("{\"return\": {}}", answer);
    return Picture.ofPpm(Files.readAllBytes(file));
  }

  /** Kills QEMU, as a crash does. */
  public void kill() {
    process.destroyForcibly();
    boolean interrupted = false;
    while (process.isAlive()) {
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    kill();
    super.close();
    qmp.close();
  }
}
