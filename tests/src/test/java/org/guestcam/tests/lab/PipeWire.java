// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** A desktop's PipeWire with its session manager, of its own, in a directory of the test. */
final class PipeWire implements AutoCloseable {
  /** Each look is a program of its own; emulated, the daemon takes some of them to begin. */
  private static final int LOOKS = 300;

  private final Path directory;
  private final List<Process> processes = new ArrayList<>();

  private PipeWire(Path directory) {
    this.directory = directory;
  }

  /** Starts it; sockets lie in {@code directory}, whose path must be short. */
  static PipeWire start(Path directory) throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    PipeWire started = new PipeWire(directory);
    try {
      Process bus =
          started.launch(
              "dbus-daemon",
              "--session",
              "--nofork",
              "--nopidfile",
              "--print-address=1",
              "--address=unix:path=" + directory.resolve("bus"));
      if (bus.getInputStream().read() < 0) { // it says its address when it listens
        throw new AssertionError("no D-Bus: " + started.log());
      }
      started.launch("pipewire").getInputStream().close();
      started.awaitAnswer();
      started.launch("wireplumber").getInputStream().close();
      return started;
    } catch (IOException | AssertionError e) {
      started.close();
      throw e;
    }
  }

  /** What programs need to find it. */
  List<String> environment() {
    return List.of(
        "XDG_RUNTIME_DIR=" + directory,
        "XDG_CONFIG_HOME=" + directory,
        "XDG_STATE_HOME=" + directory,
        "DBUS_SESSION_BUS_ADDRESS=unix:path=" + directory.resolve("bus"));
  }

  /** A command of its desktop. */
  Command of(String... words) {
    return Command.of(withEnvironment(words).toArray(String[]::new));
  }

  /** What it has to offer. */
  String nodes() {
    return of("pw-cli", "ls", "Node").output();
  }

  /** Waits until there is a node of that name. */
  void awaitNode(String name) {
    for (int i = 0; !nodes().contains("node.name = \"" + name + "\""); i++) {
      if (i == LOOKS) {
        throw new AssertionError("no node " + name + ": " + nodes());
      }
    }
  }

  private List<String> withEnvironment(String... words) {
    List<String> all = new ArrayList<>();
    all.add("env");
    all.addAll(environment());
    all.addAll(List.of(words));
    return all;
  }

  private Process launch(String... words) throws IOException {
    Process process =
        new ProcessBuilder(withEnvironment(words))
            .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile()))
            .start();
    processes.add(process);
    return process;
  }

  private void awaitAnswer() throws IOException {
    for (int i = 0; i < LOOKS; i++) {
      if (of("pw-cli", "info", "0").status() == 0) {
        return;
      }
    }
    throw new AssertionError("PipeWire does not answer: " + log());
  }

  private String log() throws IOException {
    return Files.readString(directory.resolve("log"));
  }

  @Override
  public void close() {
    for (Process process : processes.reversed()) {
      process.destroyForcibly();
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }
}
