// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code examples/display/show.sh} as a user runs it. */
final class ShowExample implements AutoCloseable {
  private final Process process;
  private final Path log;

  private ShowExample(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** Starts it; its log and guestcam lie in {@code directory}. */
  static ShowExample start(Path directory, Map<String, String> environment, String... arguments)
      throws IOException {
    List<String> words = new ArrayList<>();
    words.add(Examples.path("display/show.sh").toString());
    words.addAll(List.of(arguments));
    Path log = directory.resolve("guest.log");
    ProcessBuilder builder =
        new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("GUESTCAM", Examples.guestcam(directory).toString());
    builder.environment().putAll(environment);
    return new ShowExample(builder.start(), log);
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** What it has said so far. */
  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends it a signal by name, as STOP. */
  void signal(String name) {
    Command.run("kill", "-" + name, Long.toString(process.pid()));
  }

  /** Ends it as a user does, which must succeed. */
  void end() throws InterruptedException {
    signal("TERM");
    assertEquals(0, process.waitFor(), this::log);
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
