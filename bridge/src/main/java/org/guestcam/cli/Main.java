// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.guestcam.frame.HostLacksException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The program {@code guestcam}: finds the command, runs it, and turns errors into messages. */
@Command(
    name = "guestcam",
    mixinStandardHelpOptions = true,
    version = "guestcam 0.1.0",
    description = "A guest's screen as a camera: frames of a virtual machine as a video device.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      RunCommand.class,
      VhostUserGpuCommand.class,
      RecordCommand.class,
      StreamCommand.class,
      ViewCommand.class,
      LaunchCommand.class,
      SnapshotCommand.class,
      ResizeCommand.class,
      XenCommand.class,
      SourcesCommand.class,
      DevicesCommand.class,
      LoopbackCommand.class,
      DoctorCommand.class,
      DemoCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done, or stopped by a signal",
      "1:failed while running",
      "2:wrong usage",
      "3:this host lacks something; the message says what"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  guestcam doctor",
      "      what this host can do, and what to install or load",
      "  guestcam demo",
      "      boot a guest with QEMU and record its screen",
      "  guestcam run 'pattern:?size=1280x720&fps=30' v4l2:/dev/video10",
      "      a test picture as a camera"
    })
public final class Main implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Show what guestcam does, and stack traces of errors.")
  private boolean debug;

  private final CleanStop cleanStop;

  private Main(CleanStop cleanStop) {
    this.cleanStop = cleanStop;
  }

  /** Runs guestcam and ends the JVM with its exit code. */
  public static void main(String... args) {
    System.setProperty("java.awt.headless", "true");
    CleanStop cleanStop = new CleanStop();
    cleanStop.install();
    int code = commandLine(cleanStop).execute(args);
    System.out.flush();
    System.err.flush();
    cleanStop.finished(code);
    System.exit(code);
  }

  /** The command line without a JVM around it, for tests. */
  static CommandLine commandLine(CleanStop cleanStop) {
    Main main = new Main(cleanStop);
    return new CommandLine(main)
        .setExecutionStrategy(main::execute)
        .setParameterExceptionHandler(Main::wrongUsage)
        .setExecutionExceptionHandler((e, command, _) -> main.failed(e, command));
  }

  private int execute(CommandLine.ParseResult parsed) {
    if (debug) {
      // Before the first logger is made, which reads it.
      System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "debug");
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  /** Without a command there is nothing to do. */
  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  /** What a signal stops. */
  CleanStop cleanStop() {
    return cleanStop;
  }

  private static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("guestcam: " + e.getMessage());
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    err.flush();
    return ExitCode.USAGE;
  }

  private int failed(Exception e, CommandLine command) {
    if (e instanceof ParameterException wrong) {
      return wrongUsage(wrong, new String[0]);
    }
    PrintWriter err = command.getErr();
    err.println("guestcam: " + message(e));
    if (debug) {
      e.printStackTrace(err);
    }
    err.flush();
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (t instanceof HostLacksException) {
        return ExitCode.HOST_LACKS;
      }
    }
    return e instanceof RefusedCopyException ? ExitCode.HOST_LACKS : ExitCode.FAILED;
  }

  /** What happened, with its causes where they say more. */
  static String message(Throwable e) {
    if (e instanceof RuntimeException) {
      return "internal error: " + e + " (--debug shows where)";
    }
    StringBuilder text = new StringBuilder(e.getMessage() == null ? e.toString() : e.getMessage());
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      String more = cause.getMessage() == null ? cause.toString() : cause.getMessage();
      if (text.indexOf(more) < 0) {
        text.append(": ").append(more);
      }
    }
    return text.toString();
  }
}
