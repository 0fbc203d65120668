// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A real QEMU without KVM, with one QMP socket for guestcam and one for the test. Tests fail where
 * qemu-system-x86_64 is not installed: {@code ./verify} installs it.
 */
public final class QemuProcess implements AutoCloseable {
  private final Process process;
  private final Path directory;
  private final SocketChannel qmp;
  private final BufferedReader answers;

  private QemuProcess(Process process, Path directory) throws IOException {
    this.process = process;
    this.directory = directory;
    this.qmp = connect(directory.resolve("test.sock"));
    this.answers =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(qmp), StandardCharsets.UTF_8));
    answers.readLine(); // the greeting
    execute("{\"execute\":\"qmp_capabilities\"}");
  }

  /**
   * Boots a guest.
   *
   * @param program qemu-system-x86_64 of some version
   * @param display of -display, as {@code dbus,p2p=yes}
   * @param devices further options
   */
  public static QemuProcess boot(
      String program, Path directory, BootSector guest, String display, String... devices)
      throws IOException {
    Files.createDirectories(directory);
    Path disk = guest.writeTo(directory.resolve("disk.img"));
    List<String> command =
        new ArrayList<>(
            List.of(
                program,
                "-machine",
                "pc,accel=tcg",
                "-nodefaults",
                "-m",
                "16",
                "-drive",
                "file=" + disk + ",format=raw,if=ide,snapshot=on",
                "-display",
                display,
                "-qmp",
                "unix:" + directory.resolve("guestcam.sock") + ",server=on,wait=off",
                "-qmp",
                "unix:" + directory.resolve("test.sock") + ",server=on,wait=off"));
    command.addAll(List.of(devices));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("qemu.log").toFile())
            .start();
    try {
      return new QemuProcess(process, directory);
    } catch (IOException e) {
      process.destroyForcibly();
      throw new IOException(Files.readString(directory.resolve("qemu.log")), e);
    }
  }

  private SocketChannel connect(Path socket) throws IOException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (true) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
      } catch (IOException e) {
        channel.close();
        if (System.nanoTime() > until || !isAliveFor(10)) {
          throw e;
        }
      }
    }
  }

  private boolean isAliveFor(int milliseconds) {
    try {
      return !process.waitFor(milliseconds, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** The endpoint of a console, from peer to peer. */
  public String endpoint(String console) {
    return "qemu:unix:" + directory.resolve("guestcam.sock") + console;
  }

  /** A command of QMP; the answer's line. */
  public String execute(String command) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap((command + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        qmp.write(bytes);
      }
      String line;
      do {
        line = answers.readLine();
        assertTrue(line != null, "QEMU closed QMP");
      } while (line.startsWith("{\"timestamp\""));
      assertTrue(line.startsWith("{\"return\""), line);
      return line;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether this QEMU can show its own memory (ScanoutMap), as it does since 9.2. */
  public boolean offersMap() {
    Matcher version =
        Pattern.compile("\"minor\": ?([0-9]+).*\"major\": ?([0-9]+)")
            .matcher(execute("{\"execute\":\"query-version\"}"));
    assertTrue(version.find());
    int minor = Integer.parseInt(version.group(1));
    int major = Integer.parseInt(version.group(2));
    return major > 9 || (major == 9 && minor >= 2);
  }

  /**
   * What QEMU itself says that a console shows.
   *
   * @param arguments further ones of the command, as {@code ,"head":1}
   */
  public Picture screendump(String arguments) throws IOException {
    Path file = directory.resolve("screen.ppm");
    execute(
        "{\"execute\":\"screendump\",\"arguments\":{\"filename\":\""
            + file
            + "\""
            + arguments
            + "}}");
    return Picture.ofPpm(Files.readAllBytes(file));
  }

  /** Kills it as a crash would. */
  public void kill() {
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    kill();
    qmp.close();
  }
}
