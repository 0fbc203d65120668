// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an orderly end of the command that runs, with that
 * command's exit code.
 *
 * <p>Java's only public way to hear of a signal is a shutdown hook, and a JVM that a signal ends
 * returns 130 or 143 however well it tidied up. So the hook stops the command, waits until it has
 * finished and then halts with its code. A command that registered nothing to stop ends as a JVM
 * does by itself.
 */
final class CleanStop {
  private static final long PATIENCE_SECONDS = 5;

  private final CountDownLatch finished = new CountDownLatch(1);
  private volatile Runnable stop;
  private volatile int exitCode = ExitCode.FAILED;

  /** Hears of signals from now on. */
  void install() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::onShutdown, "guestcam-stop"));
  }

  /** What a signal shall do: make the command end soon; any thread, at once. */
  void onSignal(Runnable stopCommand) {
    stop = stopCommand;
  }

  /** The command has finished, and all its output is written. */
  void finished(int code) {
    exitCode = code;
    finished.countDown();
  }

  private void onShutdown() {
    Integer code = stopAndWait(PATIENCE_SECONDS);
    if (code != null) {
      Runtime.getRuntime().halt(code);
    }
  }

  /**
   * Stops the command and waits for it.
   *
   * @return its exit code; null where there is nothing to stop, or it did not end in time
   */
  Integer stopAndWait(long patienceSeconds) {
    Runnable stopCommand = stop;
    if (stopCommand == null) {
      return null;
    }
    stopCommand.run();
    try {
      return finished.await(patienceSeconds, TimeUnit.SECONDS) ? exitCode : null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }
}
