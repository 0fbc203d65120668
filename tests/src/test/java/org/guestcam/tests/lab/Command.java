// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a program to its end: its output, or a failure that shows it. */
record Command(List<String> words, int status, String output) {
  private static final long LIMIT_SECONDS = 600;

  /** Runs it and wants status 0. */
  static String run(String... words) {
    Command done = of(words);
    if (done.status != 0) {
      throw new AssertionError(
          String.join(" ", words) + " ended with " + done.status + ":\n" + done.output);
    }
    return done.output;
  }

  /** Runs it; stdout and stderr come together. */
  static Command of(String... words) {
    try {
      Process process =
          new ProcessBuilder(words)
              .redirectErrorStream(true)
              .redirectInput(new File("/dev/null"))
              .start();
      // A reader thread of its own, so that a program that never ends runs into the limit.
      StringBuilder output = new StringBuilder();
      Thread reader =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      output.append(
                          new String(
                              process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
                    } catch (IOException e) {
                      output.append(e);
                    }
                  });
      boolean ended = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
      }
      reader.join();
      if (!ended) {
        throw new AssertionError(String.join(" ", words) + " did not end:\n" + output);
      }
      return new Command(List.of(words), process.exitValue(), output.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
