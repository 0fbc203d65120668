// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.Callable;
import org.guestcam.Pace;
import org.guestcam.frame.Endpoint;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code guestcam stream}: a source to a server, or to who listens. */
@Command(
    name = "stream",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Stream what SOURCE shows to URL as H.264, until SOURCE ends or a signal comes.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam stream qemu:vm1 rtsp://localhost:8554/vm1",
      "      to an RTSP server that takes streams",
      "  guestcam stream qemu:vm1 rtsp-server:8554/vm1",
      "      as an RTSP server: ffplay rtsp://127.0.0.1:8554/vm1 shows it",
      "  guestcam stream qemu:vm1 'srt://:7001?mode=listener'",
      "      ffplay srt://HOST:7001 shows it",
      "  guestcam stream qemu:vm1 rtp://192.0.2.7:5004",
      "  guestcam stream qemu:vm1 hls:/var/www/vm1",
      "      vm1/live.m3u8 and its segments, for any web server"
    })
final class StreamCommand implements Callable<Integer> {
  private static final Set<String> SCHEMES =
      Set.of("rtsp", "rtsp-server", "srt", "rtp", "hls", "whip");

  @Spec private CommandSpec spec;
  @ParentCommand private Main main;
  @Mixin private RunOptions run;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "URL",
      description = "rtsp:, rtsp-server:, srt:, rtp:, hls: or whip:.")
  private String url;

  @Option(
      names = "--fps",
      paramLabel = "N",
      description = "Always N pictures a second. Default: the source's own rate, else 30.")
  private String fps;

  @Override
  public Integer call() throws IOException {
    try {
      if (!SCHEMES.contains(Endpoint.parse(url).scheme())) {
        throw new IllegalArgumentException(
            "URL: '" + url + "' begins with none of rtsp:, rtsp-server:, srt:, rtp:, hls:, whip:");
      }
      Pace pace = fps == null ? new Pace.OfSource() : new Pace.Fixed(Pace.parseRate(fps));
      return run.carry(spec, main, source, url, pace);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
