// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
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

/** {@code guestcam view}: a source in a browser. */
@Command(
    name = "view",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Show SOURCE in a browser: guestcam serves a page, until SOURCE ends or a signal comes.",
      "A picture is sent when it changes, and only while somebody watches."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam view qemu:vm1 --http 8080",
      "      http://127.0.0.1:8080/ in a browser of this machine shows it",
      "  guestcam view qemu:vm1 --http 0.0.0.0:8080",
      "      for everybody who reaches this machine: there is no password"
    })
final class ViewCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @ParentCommand private Main main;
  @Mixin private RunOptions run;

  @Parameters(index = "0", paramLabel = "SOURCE", description = "See 'guestcam sources'.")
  private String source;

  @Option(
      names = "--http",
      required = true,
      paramLabel = "[ADDRESS:]PORT",
      description = "Where to listen; at 127.0.0.1 unless an address is given.")
  private String where;

  @Option(
      names = "--fps",
      paramLabel = "N",
      description = "At most N pictures a second. Default: 30.")
  private String fps = "30";

  @Override
  public Integer call() throws IOException {
    Pace pace;
    try {
      pace = new Pace.OnChange(Pace.parseRate(fps), Pace.DEFAULT_KEEPALIVE_NANOS);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    return run.carry(spec, main, source, "http:" + where, pace);
  }
}
