// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Providers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code guestcam xen}: what only guests of Xen need. */
@Command(
    name = "xen",
    mixinStandardHelpOptions = true,
    description = "Guests of Xen: give a running one a display.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = XenCommand.Attach.class)
final class XenCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  /** {@code guestcam xen attach}: writes the toolstack's part of xenstore. */
  @Command(
      name = "attach",
      mixinStandardHelpOptions = true,
      description =
          "Give the running DOMAIN a display, as vdispl=[...] in its configuration does at its"
              + " start. Show it with 'guestcam run xen:DOMAIN ...'.",
      footerHeading = "%nExamples:%n",
      footer = {"  guestcam xen attach myguest --connector id0:1280x720"})
  static final class Attach implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "DOMAIN", description = "A name or a number.")
    private String domain;

    @Option(
        names = "--connector",
        paramLabel = "ID:WIDTHxHEIGHT",
        required = true,
        description = "A screen, in pixels; may be repeated.")
    private List<String> connectors;

    @Option(
        names = "--be-alloc",
        description = "Lend the guest memory of this host instead of mapping the guest's.")
    private boolean backendAllocates;

    @Override
    public Integer call() throws IOException {
      try {
        Endpoint endpoint = Endpoint.parse("xen:" + domain);
        String attached = Providers.source(endpoint).attach(endpoint, connectors, backendAllocates);
        spec.commandLine().getOut().println(attached);
        return ExitCode.DONE;
      } catch (IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), e.getMessage());
      }
    }
  }
}
