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

/** Commands for a guest of tests/vhost-user-gpu/guest, over its second serial port. */
class GuestShell implements AutoCloseable {
  private final Path console;
  private final SocketChannel commands;
  private final BufferedReader answers;

  /**
   * Connects to the port.
   *
   * @param socket that QEMU listens on, or will
   * @param console the file that the first serial port is written into
   */
  GuestShell(Path socket, Path console) throws IOException {
    this.console = console;
    commands = connect(socket);
    answers = reader(commands);
  }

  static BufferedReader reader(SocketChannel channel) {
    return new BufferedReader(
        new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
  }

  /** QEMU makes its sockets when it gets to it. */
  static SocketChannel connect(Path path) throws IOException {
    long until = System.nanoTime() + TimeUnit.MINUTES.toNanos(4);
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

  static void write(SocketChannel to, String line) throws IOException {
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + "\n");
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  /** Runs a shell command in the guest; what it printed. Fails where it fails. */
  public List<String> run(String command) throws IOException {
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
  public void begin(String command, String line) throws IOException {
    write(commands, command);
    awaitLine(line);
  }

  /** Gives a line to what runs in the guest. */
  public void line(String text) throws IOException {
    write(commands, text);
  }

  /** Gives what {@link #begin} began the line that it waits for. */
  public void finish() throws IOException {
    write(commands, "");
    awaitLine("@done 0");
  }

  /** Waits for a line that the guest prints; a command that fails meanwhile fails this. */
  public void awaitLine(String wanted) throws IOException {
    List<String> output = new ArrayList<>();
    for (String line; (line = answers.readLine()) != null; ) {
      if (line.equals(wanted)) {
        return;
      }
      output.add(line);
      if (line.startsWith("@done ") && !line.equals("@done 0")) {
        throw new IOException("a command failed before '" + wanted + "' came: " + output);
      }
    }
    throw new IOException("the guest has gone; its console: " + Files.readString(console));
  }

  @Override
  public void close() throws IOException {
    commands.close();
  }
}
