// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi.abi;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Asks the system's C compiler what the kernel's headers say, with one small program for all
 * questions.
 */
final class CompilerProbe {

  private final Set<String> questions = new LinkedHashSet<>();

  /** Adds an integer constant expression; its text is also the name of the answer. */
  String ask(String expression) {
    questions.add(expression);
    return expression;
  }

  /** Compiles and runs the program; returns the value of each expression asked for. */
  Map<String, Long> answers(Path includeDirectory, Path scratch)
      throws IOException, InterruptedException {
    Path source = scratch.resolve("probe.c");
    Path program = scratch.resolve("probe");
    Files.writeString(source, program());
    run(
        scratch,
        "cc",
        "-std=gnu11",
        "-I",
        includeDirectory.toString(),
        "-o",
        program.toString(),
        source.toString());

    Map<String, Long> answers = new LinkedHashMap<>();
    for (String line : run(scratch, program.toString()).lines().toList()) {
      int space = line.lastIndexOf(' ');
      answers.put(line.substring(0, space), Long.parseLong(line.substring(space + 1)));
    }
    return answers;
  }

  private String program() {
    StringBuilder text =
        new StringBuilder(
            """
            #include <stddef.h>
            #include <stdio.h>
            #include "wrapper.h"

            #define SHOW(expression) printf("%s %lld\\n", name, (long long) (expression))

            int main(void) {
              const char *name;
            """);
    for (String expression : questions) {
      text.append("  name = \"").append(expression).append("\"; SHOW(").append(expression);
      text.append(");\n");
    }
    return text.append("  return 0;\n}\n").toString();
  }

  private static String run(Path scratch, String... command)
      throws IOException, InterruptedException {
    Path output = Files.createTempFile(scratch, "output", ".txt");
    Process process;
    try {
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot run " + command[0] + ": this test needs a C compiler (apt install gcc libc6-dev)",
          e);
    }
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IOException(List.of(command) + " did not end within a minute");
    }
    String text = Files.readString(output);
    if (process.exitValue() != 0) {
      throw new IOException(
          List.of(command) + " ended with status " + process.exitValue() + ":\n" + text);
    }
    return text;
  }
}
