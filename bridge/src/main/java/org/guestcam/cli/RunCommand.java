// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.guestcam.Bridge;
import org.guestcam.JsonStatus;
import org.guestcam.Pace;
import org.guestcam.StatusLine;
import org.guestcam.StatusReporter;
import org.guestcam.StatusView;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.SinkRefusedException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code guestcam run}: carries frames from a source to a sink until somebody ends it. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Show what SOURCE shows on SINK, until SOURCE ends or a signal comes.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam run 'pattern:?size=1280x720&fps=30' v4l2:/dev/video10",
      "      a test picture as a camera, at its own rate",
      "  guestcam run --rate change --max-rate 60 'pattern:?fps=5' v4l2:/dev/video10",
      "      each frame as it comes, at most 60 a second",
      "  guestcam run --require-zero-copy --json --duration 10s pattern: v4l2:/dev/video10",
      "      for ten seconds, only if no pixel is copied, with numbers for programs"
    })
final class RunCommand implements Callable<Integer> {
  private static final String ON_CHANGE = "change";
  private static final Path STDERR = Path.of("/proc/self/fd/2");

  @Spec private CommandSpec spec;
  @ParentCommand private Main main;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "SINK",
      description = "v4l2:/dev/videoN; see 'guestcam devices'.")
  private String sink;

  @Option(
      names = "--rate",
      paramLabel = "N|change",
      description = {
        "N: frames a second, as 30, 29.97 or 30000/1001; the last one is repeated",
        "while nothing changes. change: each frame as it comes.",
        "Default: the source's own rate, else 30."
      })
  private String rate;

  @Option(
      names = "--max-rate",
      paramLabel = "N",
      description = "With --rate change: at most N new frames a second.")
  private String maxRate;

  @Option(
      names = "--keepalive",
      paramLabel = "TIME",
      converter = Durations.class,
      description = {
        "With --rate change: repeat the last frame when nothing came for so long;",
        "0 for never. Default: 1s."
      })
  private Duration keepalive;

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

  @Override
  public Integer call() throws IOException {
    Pace pace = pace();
    if (frames < 0) {
      throw new ParameterException(spec.commandLine(), "--frames: " + frames + " is negative");
    }
    Endpoints endpoints = new Endpoints(spec);
    endpoints.requireSink(sink);
    FrameSource opened = endpoints.source(source);
    try (Bridge bridge =
        new Bridge(
            opened,
            milliHertz ->
                endpoints.sink(sink, new FrameSinkProvider.Options(requireZeroCopy, milliHertz)),
            pace,
            new Bridge.Limits(frames, duration.toNanos()))) {
      main.cleanStop().onSignal(bridge::stop);
      carry(bridge);
      return ExitCode.DONE;
    } catch (SinkRefusedException e) {
      if (requireZeroCopy) {
        throw new RefusedCopyException(e);
      }
      throw e;
    }
  }

  @SuppressWarnings("try") // the reporter works beside it
  private void carry(Bridge bridge) throws IOException {
    try (StatusReporter _ = new StatusReporter(bridge.stats(), view())) {
      bridge.run();
    }
  }

  private Pace pace() {
    try {
      if (ON_CHANGE.equals(rate)) {
        return new Pace.OnChange(
            maxRate == null ? 0 : Pace.parseRate(maxRate),
            keepalive == null ? Pace.DEFAULT_KEEPALIVE_NANOS : keepalive.toNanos());
      }
      if (maxRate != null || keepalive != null) {
        throw new IllegalArgumentException("--max-rate and --keepalive go with --rate change");
      }
      return rate == null ? new Pace.OfSource() : new Pace.Fixed(Pace.parseRate(rate));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private StatusView view() {
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
