// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.guestcam.frame.HostLacksException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code guestcam vhost-user-gpu}: {@code run} as libvirt and others start a vhost-user program
 * (QEMU's {@code docs/interop/vhost-user.rst}, "Backend program conventions").
 */
@Command(
    name = "vhost-user-gpu",
    mixinStandardHelpOptions = true,
    description =
        "Be the display device of a guest, started as libvirt starts a vhost-user program.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam vhost-user-gpu --print-capabilities",
      "  guestcam vhost-user-gpu --socket-path=/run/guestcam/vm1.sock --sink v4l2:/dev/video10",
      "",
      "Where no --sink is given, the first line of " + VhostUserGpuCommand.SINK_FILE + " names it."
    })
final class VhostUserGpuCommand implements Callable<Integer> {
  /** Where the host's administrator says which camera shows the guests that libvirt starts. */
  static final String SINK_FILE = "/etc/guestcam/vhost-user-gpu.sink";

  @Spec private CommandSpec spec;

  @Option(
      names = "--print-capabilities",
      description = "Print what this device can do, as JSON, and end.")
  private boolean printCapabilities;

  @Option(names = "--socket-path", paramLabel = "PATH", description = "Listen there for QEMU.")
  private String socketPath;

  @Option(names = "--fd", paramLabel = "N", description = "QEMU is connected on this descriptor.")
  private Integer fd;

  @Option(names = "--sink", paramLabel = "SINK", description = "What shows the guest.")
  private String sink;

  @Option(
      names = "--parameters",
      paramLabel = "NAME=VALUE&...",
      description = "Parameters of the source, as modes=1280x720&tear-free.")
  private String parameters = "";

  @Override
  public Integer call() throws IOException {
    if (printCapabilities) {
      // No render-node and no virgl: neither is a feature of this device. libvirt wants the list.
      spec.commandLine().getOut().println("{\"type\": \"gpu\", \"features\": []}");
      spec.commandLine().getOut().flush();
      return ExitCode.DONE;
    }
    if ((socketPath == null) == (fd == null)) {
      throw new ParameterException(
          spec.commandLine(), "one of --socket-path and --fd is needed, and only one");
    }
    String source =
        "vhost-user-gpu:"
            + (fd == null ? socketPath : "fd:" + fd)
            + (parameters.isEmpty() ? "" : "?" + parameters);
    return spec.commandLine().getParent().execute("run", source, sink == null ? ofHost() : sink);
  }

  private static String ofHost() throws IOException {
    Path file = Path.of(SINK_FILE);
    if (Files.isReadable(file)) {
      List<String> lines = Files.readAllLines(file);
      if (!lines.isEmpty() && !lines.getFirst().isBlank()) {
        return lines.getFirst().strip();
      }
    }
    throw new HostLacksException(
        "no --sink is given, and "
            + SINK_FILE
            + " names none; write one there, as v4l2:/dev/video10");
  }
}
