// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.guestcam.Pace;
import org.guestcam.frame.PixelFormat;
import org.guestcam.gst.ConvertedSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
      "  guestcam run --format YUYV qemu:myguest v4l2:/dev/video10",
      "      in the colours of a webcam, which browsers want",
      "  guestcam run --require-zero-copy --json --duration 10s pattern: v4l2:/dev/video10",
      "      for ten seconds, only if no pixel is copied, with numbers for programs"
    })
final class RunCommand implements Callable<Integer> {
  private static final String ON_CHANGE = "change";
  private static final String AS_IT_IS = "auto";

  @Spec private CommandSpec spec;
  @ParentCommand private Main main;
  @Mixin private RunOptions run;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "SINK",
      description =
          "v4l2:/dev/videoN (see 'guestcam devices'), gst:PIPELINE, pipewire:NAME or file:NAME.mkv.")
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
      names = "--format",
      paramLabel = "FORMAT",
      description = {
        "Convert pictures to YUYV, NV12, I420 or another format that SINK's readers want, with",
        "GStreamer; auto (default): as the guest draws them. Browsers want YUYV or NV12."
      })
  private String format = AS_IT_IS;

  @Option(
      names = "--converter",
      paramLabel = "NAME",
      description = {
        "What converts for --format: cpu, or an element of GStreamer that takes and makes",
        "dma-bufs. auto (default): vapostproc or v4l2convert where there is one, else the CPU."
      })
  private String converter;

  @Override
  public Integer call() throws IOException {
    Pace pace = pace();
    if (format.equals(AS_IT_IS)) {
      if (converter != null) {
        throw new ParameterException(
            spec.commandLine(),
            "--converter '" + converter + "' goes with --format, as in '--format YUYV'");
      }
      return run.carry(spec, main, source, sink, pace);
    }
    PixelFormat wanted = wanted();
    String by = converter == null ? AS_IT_IS : converter;
    return run.carry(
        spec,
        main,
        source,
        sink,
        pace,
        (opened, requireZeroCopy) -> new ConvertedSource(opened, wanted, by, requireZeroCopy));
  }

  private PixelFormat wanted() {
    try {
      return PixelFormat.named(format);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--format: " + e.getMessage(), e);
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
}
