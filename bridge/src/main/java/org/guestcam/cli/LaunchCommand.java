// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.guestcam.gst.Launch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code guestcam launch}: gst-launch-1.0 with one element more. */
@Command(
    name = "launch",
    mixinStandardHelpOptions = true,
    description = {
      "Run a GStreamer PIPELINE in which 'guestframesrc uri=SOURCE' is an element.",
      "Ends with the stream, or in order with a signal."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam launch 'guestframesrc uri=qemu:vm1 ! videoconvert ! autovideosink'",
      "  guestcam launch 'guestframesrc uri=qemu:vm1 framerate=30/1 ! videoconvert ! x264enc !",
      "      matroskamux ! filesink location=vm1.mkv'"
    })
final class LaunchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @ParentCommand private Main main;

  @Parameters(arity = "1..*", paramLabel = "PIPELINE", description = "As gst-launch-1.0 has it.")
  private List<String> pipeline;

  @Override
  public Integer call() throws IOException {
    try (Launch launch = Launch.parse(String.join(" ", pipeline))) {
      main.cleanStop().onSignal(launch::stop);
      launch.run();
      return ExitCode.DONE;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
