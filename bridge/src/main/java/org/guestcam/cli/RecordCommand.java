// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.guestcam.Pace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code guestcam record}: a source into a file. */
@Command(
    name = "record",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Record what SOURCE shows into FILE, until SOURCE ends or a signal comes.",
      "A picture is written when it changes, so that a still screen takes little room.",
      "The file can be played however the recording ended."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam record qemu:myguest guest.mkv",
      "  guestcam record --duration 1h --segment 10m qemu:myguest guest.mp4",
      "      guest-00000.mp4, guest-00001.mp4 and so on",
      "  guestcam record --encoder ffv1 pattern: exact.mkv",
      "      without loss: every pixel as the guest drew it"
    })
final class RecordCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @ParentCommand private Main main;
  @Mixin private RunOptions run;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "FILE",
      description = "NAME.mkv, NAME.mp4 or NAME.webm; is replaced if it exists.")
  private String file;

  @Option(
      names = "--encoder",
      paramLabel = "NAME",
      description = {
        "va-h264, nvenc-h264, v4l2-h264, x264, openh264, svt-av1, vp8, or ffv1 (without loss).",
        "Default: the first of them that this machine has, but ffv1."
      })
  private String encoder;

  @Option(
      names = "--fps",
      paramLabel = "N",
      description = "At most N pictures a second; with --constant always N.")
  private String fps;

  @Option(
      names = "--constant",
      description = "A constant rate: repeat the last picture while nothing changes.")
  private boolean constant;

  @Option(
      names = "--segment",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "A new file after so long: NAME-00000.mkv, NAME-00001.mkv and so on.")
  private Duration segment;

  @Option(
      names = "--on-resize",
      paramLabel = "scale|new",
      description = {
        "What a change of the guest's mode does: scale its pictures into the size of the",
        "first (default), or begin a new file: NAME-002.mkv and so on."
      })
  private String onResize = "scale";

  @Override
  public Integer call() throws IOException {
    Pace pace;
    try {
      pace = pace();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    return run.carry(spec, main, source, endpoint(), pace);
  }

  private Pace pace() {
    if (!constant) {
      return new Pace.OnChange(fps == null ? 0 : Pace.parseRate(fps), Pace.DEFAULT_KEEPALIVE_NANOS);
    }
    return fps == null ? new Pace.OfSource() : new Pace.Fixed(Pace.parseRate(fps));
  }

  private String endpoint() {
    if (file.indexOf('?') >= 0) {
      throw new ParameterException(
          spec.commandLine(), "FILE: '" + file + "' has a question mark in its name");
    }
    StringBuilder text = new StringBuilder("file:" + file + "?resize=" + encoded(onResize));
    text.append("&rate=").append(constant ? "constant" : "variable");
    if (encoder != null) {
      text.append("&encoder=").append(encoded(encoder));
    }
    if (segment != null) {
      if (segment.toSeconds() < 1) {
        throw new ParameterException(
            spec.commandLine(), "--segment: less than a second is too short");
      }
      text.append("&segment=").append(segment.toSeconds());
    }
    return text.toString();
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }
}
