// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.vgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Linux guest of a real QEMU, emulated: the lab's kernel, and tests/vhost-user-gpu/guest.
 * Commands go to it over its second serial port, and to QEMU over QMP.
 */
final class KmsGuest implements AutoCloseable {
  private final Process process;
  private final Path directory;
  private final SocketChannel commands;
  private final BufferedReader answers;
  private final SocketChannel qmp;
  private final BufferedReader events;

  private KmsGuest(Process process, Path directory) throws IOException {
    this.process = process;
    this.directory = directory;
    qmp = connect(directory.resolve("qmp.sock"));
    events = reader(qmp);
    commands = connect(directory.resolve("commands.sock"));
    answers = reader(commands);
    events.readLine(); // the greeting
    qmp("{\"execute\":\"qmp_capabilities\"}");
  }

  /**
   * Boots it, and waits until it takes commands.
   *
   * @param devices the display, as QEMU's options
   */
  static KmsGuest boot(Path directory, String... devices) throws IOException {
    KmsGuest guest = start(directory, devices);
    guest.awaitLine("@ready");
    return guest;
  }

  private static KmsGuest start(Path directory, String... devices) throws IOException {
    Files.createDirectories(directory);
    Path images = Path.of(System.getProperty("guestcam.guest"));
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
                "console=ttyS0 loglevel=3 panic=-1 mitigations=off nokaslr nowatchdog"
                    + " no_timer_check tsc=reliable vt.global_cursor_default=0",
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

  private static BufferedReader reader(SocketChannel channel) {
    return new BufferedReader(
        new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
  }

  /** QEMU makes its sockets when it gets to it. */
  private static SocketChannel connect(Path path) throws IOException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        channel.connect(UnixDomainSocketAddress.of(path));
        return channel;
      } catch (IOException e) {
        channel.close();
        if (System.nanoTime() > until) {
          throw e;
        }
        Thread.onSpinWait();
      }
    }
  }

  /** Runs a command of QMP; its answer's line. */
  String qmp(String command) throws IOException {
    write(qmp, command);
    for (String line; (line = events.readLine()) != null; ) {
      if (!line.contains("\"event\"")) {
        return line;
      }
    }
    throw new IOException("QEMU has gone");
  }

  private static void write(SocketChannel to, String line) throws IOException {
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + "\n");
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /** Runs a shell command in the guest; what it printed. Fails where it fails. */
  List<String> run(String command) throws IOException {
    write(commands, command);
    List<String> output = new ArrayList<>();
    for (String line; (line = answers.readLine()) != null; ) {
      if (line.startsWith("@done ")) {
        assertEquals("@done 0", line, command + ": " + output);
        return output;
      }
      output.add(line);
    }
    throw new IOException("the guest has gone: " + output);
  }

  /** Begins a shell command that goes on until {@link #finish}; returns at this line of its. */
  void begin(String command, String line) throws IOException {
    write(commands, command);
    awaitLine(line);
  }

  /** Gives a line to what runs in the guest. */
  void line(String text) throws IOException {
    write(commands, text);
  }

  /** Gives what {@link #begin} began the line that it waits for. */
  void finish() throws IOException {
    write(commands, "");
    awaitLine("@done 0");
  }

  /** Waits for a line that the guest prints. */
  void awaitLine(String wanted) throws IOException {
    for (String line; (line = answers.readLine()) != null; ) {
      if (line.equals(wanted)) {
        return;
      }
    }
    throw new IOException(
        "the guest has gone; its console: " + Files.readString(directory.resolve("console.txt")));
  }

  /** Waits until the guest, which was reset, takes commands again. */
  void awaitReady() throws IOException {
    awaitLine("@ready");
  }

  /** Restarts the guest, and waits until it takes commands again. */
  void reboot() throws IOException {
    write(commands, "reboot -f");
    awaitLine("@ready");
  }

  /** What QEMU itself shows: a portable pixmap of 8 bits. */
  byte[] screendump() throws IOException {
    Path file = directory.resolve("screen.ppm");
    String answer =
        qmp("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"" + file + "\"}}");
    assertEquals("{\"return\": {}}", answer);
    return Files.readAllBytes(file);
  }

  /** Kills QEMU, as a crash does. */
  void kill() {
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
    commands.close();
    qmp.close();
  }
}
