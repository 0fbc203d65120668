// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The program guestcam in a process of its own, for what signals and exit codes do. */
final class Guestcam implements AutoCloseable {
  private static final Pattern FRAMES = Pattern.compile("\"frames_out\":(\\d+)");
  private static final long LIMIT_SECONDS = 600;

  private final Process process;
  private final BufferedReader numbers;
  private final Path errors;

  private Guestcam(Process process, Path errors) {
    this.process = process;
    this.errors = errors;
    this.numbers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  /** Starts it; {@code --json} is the caller's to add. */
  static Guestcam start(List<String> environment, String... arguments) {
    try {
      List<String> command =
          new ArrayList<>(
              List.of(
                  // A shell's background jobs have SIGINT ignored, and so would what they start.
                  "env",
                  "--default-signal=INT",
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-XX:+UseSerialGC",
                  "-ea:org.guestcam...",
                  "-cp",
                  System.getProperty("java.class.path"),
                  "org.guestcam.cli.Main"));
      command.addAll(List.of(arguments));
      Path errors = Files.createTempFile("guestcam", ".err");
      ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
      for (String pair : environment) {
        int equals = pair.indexOf('=');
        builder.environment().put(pair.substring(0, equals), pair.substring(equals + 1));
      }
      return new Guestcam(builder.start(), errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Guestcam start(String... arguments) {
    return start(List.of(), arguments);
  }

  /** Runs it to its end; its exit code, with {@link #errors} to read. */
  static Guestcam run(String... arguments) {
    Guestcam done = start(arguments);
    done.awaitEnd();
    return done;
  }

  /** Waits until it says that so many new frames went out. */
  Guestcam awaitFrames(long frames) {
    try {
      for (String line; (line = numbers.readLine()) != null; ) {
        Matcher count = FRAMES.matcher(line);
        if (count.find() && Long.parseLong(count.group(1)) >= frames) {
          return this;
        }
      }
      throw new AssertionError("guestcam ended early: " + errors());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends it a signal by name, as TERM. */
  Guestcam signal(String name) {
    Command.run("kill", "-" + name, Long.toString(process.pid()));
    return this;
  }

  /** Waits for its end; the exit code. */
  int awaitEnd() {
    try {
      Thread drain =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (numbers.readLine() != null) {}
                    } catch (IOException e) {
                      throw new UncheckedIOException(e);
                    }
                  });
      assertTrue(process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS), () -> "no end: " + errors());
      drain.join();
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits for its end, which must have this exit code, and say these words. */
  void requireEnd(int status, String words) {
    assertEquals(status, awaitEnd(), this::errors);
    assertTrue(errors().contains(words), this::errors);
  }

  /** Its stderr so far. */
  String errors() {
    try {
      return Files.readString(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor();
      Files.deleteIfExists(errors);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
