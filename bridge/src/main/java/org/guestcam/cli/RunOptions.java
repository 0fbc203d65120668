// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.guestcam.Bridge;
import org.guestcam.JsonStatus;
import org.guestcam.Pace;
import org.guestcam.SourceCopiesException;
import org.guestcam.StatusLine;
import org.guestcam.StatusReporter;
import org.guestcam.StatusView;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.SinkRefusedException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What every command that carries frames can be told, and the carrying itself. */
final class RunOptions {
  private static final Path STDERR = Path.of("/proc/self/fd/2");

  @Option(
      names = "--require-zero-copy",
      description = "End with exit code 3 rather than copy pixels with the CPU.")
  private boolean requireZeroCopy;

  @Option(
      names = "--duration",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "Stop after so long: 500ms, 10s, 2m, 1h.")
  private Duration duration = Duration.ZERO;

  @Option(
      names = "--frames",
      paramLabel = "N",
      description = "Stop after N new frames; repetitions do not count.")
  private long frames;

  @Option(
      names = "--json",
      description = "One JSON object a second on stdout instead of the status line.")
  private boolean json;

  /** What a command does to a source before its frames are carried. */
  @FunctionalInterface
  interface Filter {
    /**
     * A source in the place of {@code opened}, which it takes over unless it throws.
     *
     * @param requireZeroCopy whether it must not copy pixels
     */
    FrameSource apply(FrameSource opened, boolean requireZeroCopy) throws IOException;
  }

  /**
   * Carries frames until an end.
   *
   * @return the exit code
   */
  int carry(CommandSpec spec, Main main, String source, String sink, Pace pace) throws IOException {
    return carry(spec, main, source, sink, pace, (opened, _) -> opened);
  }

  /** As the other, with a source that is changed. */
  int carry(CommandSpec spec, Main main, String source, String sink, Pace pace, Filter filter)
      throws IOException {
    if (frames < 0) {
      throw new ParameterException(spec.commandLine(), "--frames: " + frames + " is negative");
    }
    Endpoints endpoints = new Endpoints(spec);
    endpoints.requireSink(sink);
    FrameSource opened = filtered(endpoints.source(source), filter);
    try (Bridge bridge =
        new Bridge(
            opened,
            milliHertz ->
                endpoints.sink(sink, new FrameSinkProvider.Options(requireZeroCopy, milliHertz)),
            pace,
            new Bridge.Limits(frames, duration.toNanos()))) {
      if (requireZeroCopy) {
        bridge.refuseCopies();
      }
      main.cleanStop().onSignal(bridge::stop);
      run(spec, bridge);
      return ExitCode.DONE;
    } catch (SourceCopiesException e) {
      throw new RefusedCopyException(e);
    } catch (SinkRefusedException e) {
      if (requireZeroCopy) {
        throw new RefusedCopyException(e);
      }
      throw e;
    }
  }

  private FrameSource filtered(FrameSource opened, Filter filter) throws IOException {
    try {
      return filter.apply(opened, requireZeroCopy);
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  @SuppressWarnings("try") // the reporter works beside it
  private void run(CommandSpec spec, Bridge bridge) throws IOException {
    try (StatusReporter _ = new StatusReporter(bridge.stats(), view(spec))) {
      bridge.run();
    }
  }

  private StatusView view(CommandSpec spec) {
    return json
        ? new JsonStatus(spec.commandLine().getOut())
        : new StatusLine(spec.commandLine().getErr(), isTerminal(STDERR));
  }

  /** Java's Console speaks of stdin and stdout only; Linux shows what a descriptor is. */
  private static boolean isTerminal(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().matches("/dev/(pts/\\d+|tty.*|console)");
    } catch (IOException e) {
      return false;
    }
  }
}
