// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.guestcam.cli.doctor.Check;
import org.guestcam.cli.doctor.Finding;
import org.guestcam.cli.doctor.GStreamerCheck;
import org.guestcam.cli.doctor.Host;
import org.guestcam.cli.doctor.JvmCheck;
import org.guestcam.cli.doctor.LoopbackModulesCheck;
import org.guestcam.cli.doctor.OutputDevicesCheck;
import org.guestcam.cli.doctor.QemuCheck;
import org.guestcam.cli.doctor.UdmabufCheck;
import org.guestcam.cli.doctor.VhostGpuCheck;
import org.guestcam.cli.doctor.XenCheck;
import org.guestcam.v4l2.DeviceProbe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code guestcam doctor}: what this host can do, and what would make it do more. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = {
      "Say what this host can do, what it lacks, and the command that mends it.",
      "",
      "Changes nothing and loads nothing. Ends with 0 when the main job can run here (a",
      "guest's pages, as dma-bufs, to a V4L2 device), else with 3."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  guestcam doctor", "  guestcam doctor --json"})
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  private final Host host;
  private final List<Check> checks;

  @Option(names = "--json", description = "For programs: an object with the findings.")
  private boolean json;

  DoctorCommand() {
    this(
        Host.real(),
        List.of(
            new JvmCheck(),
            new UdmabufCheck(),
            new OutputDevicesCheck(DeviceProbe::all),
            new LoopbackModulesCheck(),
            new GStreamerCheck(),
            new QemuCheck(),
            new VhostGpuCheck(),
            new XenCheck()));
  }

  DoctorCommand(Host host, List<Check> checks) {
    this.host = host;
    this.checks = checks;
  }

  @Override
  public Integer call() throws IOException {
    List<Finding> findings = checks.stream().map(check -> check.look(host)).toList();
    boolean mainJob = findings.stream().noneMatch(Finding::blocksMainJob);
    if (json) {
      printJson(findings, mainJob);
    } else {
      print(findings, mainJob);
    }
    return mainJob ? ExitCode.DONE : ExitCode.HOST_LACKS;
  }

  private void print(List<Finding> findings, boolean mainJob) {
    PrintWriter out = spec.commandLine().getOut();
    for (Finding finding : findings) {
      out.printf("%-8s %s: %s%n", mark(finding), finding.part(), finding.found());
      indent(out, "", finding.meaning());
      indent(out, "$ ", finding.remedy());
    }
    out.println();
    out.println(
        mainJob
            ? "The main job can run here: a guest's pages go to a V4L2 device without a copy."
            : "The main job cannot run here without a copy; what is marked 'missing!' is in its"
                + " way. 'guestcam demo' shows it in a VM.");
    out.flush();
  }

  private static String mark(Finding finding) {
    return switch (finding.state()) {
      case OK -> "ok";
      case LIMITED -> finding.blocksMainJob() ? "limited!" : "limited";
      case MISSING -> finding.blocksMainJob() ? "missing!" : "missing";
    };
  }

  private static void indent(PrintWriter out, String prefix, String text) {
    text.lines().forEach(line -> out.println("         " + prefix + line));
  }

  private void printJson(List<Finding> findings, boolean mainJob) throws IOException {
    JsonText.print(
        spec,
        object -> {
          object.writeStartObject();
          object.writeBooleanField("main_job", mainJob);
          object.writeArrayFieldStart("findings");
          for (Finding finding : findings) {
            object.writeStartObject();
            object.writeStringField("part", finding.part());
            object.writeStringField("state", finding.state().name().toLowerCase(Locale.ROOT));
            object.writeStringField("found", finding.found());
            object.writeStringField("meaning", finding.meaning());
            object.writeStringField("remedy", finding.remedy());
            object.writeBooleanField("blocks_main_job", finding.blocksMainJob());
            object.writeEndObject();
          }
          object.writeEndArray();
          object.writeEndObject();
        });
  }
}
