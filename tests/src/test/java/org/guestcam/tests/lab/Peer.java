// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.NetworkInterface;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A program at the other end of a connection, whose output tells how far it is. */
final class Peer implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;
  private final Path errors;

  private Peer(Process process, Path errors) {
    this.process = process;
    this.errors = errors;
    output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  static Peer start(String... words) {
    try {
      Path errors = Files.createTempFile("peer", ".err");
      return new Peer(new ProcessBuilder(words).redirectError(errors.toFile()).start(), errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** ffmpeg, which says a line of each frame that it has decoded. */
  static Peer watching(String... input) {
    String[] words = new String[input.length + 6];
    System.arraycopy(new String[] {"ffmpeg", "-v", "error"}, 0, words, 0, 3);
    System.arraycopy(input, 0, words, 3, input.length);
    System.arraycopy(new String[] {"-f", "framecrc", "-"}, 0, words, 3 + input.length, 3);
    return start(words);
  }

  /** The next line that it says. */
  String line() {
    try {
      String line = output.readLine();
      if (line == null) {
        throw new AssertionError("it says nothing more: " + Files.readString(errors));
      }
      return line;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for a line that it says, or for the first frame that {@link #watching} says. */
  void await(String wanted) {
    while (!line().startsWith(wanted)) {}
  }

  /** Sends it a signal by name, as STOP. */
  void signal(String name) {
    Command.run("kill", "-" + name, Long.toString(process.pid()));
  }

  /** A VM begins without its loopback interface. */
  static void requireLoopback() throws IOException {
    NetworkInterface loopback =
        NetworkInterface.getByName("lo"); // of those that are down some miss
    if (loopback == null || !loopback.isUp()) {
      Command.run("busybox", "ip", "link", "set", "lo", "up");
    }
  }

  @Override
  public void close() {
    try {
      process.destroyForcibly().waitFor();
      Files.deleteIfExists(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
