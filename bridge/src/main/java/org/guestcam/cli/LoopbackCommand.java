// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import org.guestcam.frame.HostLacksException;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.LoopbackCamera;
import org.guestcam.uapi.LoopbackControl;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code guestcam loopback}: the cameras of our own module, guestcam_loopback. */
@Command(
    name = "loopback",
    mixinStandardHelpOptions = true,
    description = "Add, remove and list the cameras of the kernel module guestcam_loopback.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      LoopbackCommand.Add.class,
      LoopbackCommand.Remove.class,
      LoopbackCommand.Listing.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  sudo guestcam loopback add 'Windows 11'",
      "  sudo guestcam loopback list",
      "  sudo guestcam loopback remove 'Windows 11'"
    })
final class LoopbackCommand implements Callable<Integer> {
  private static final String LOAD = "sudo modprobe guestcam_loopback devices=0";

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing: add, remove or list");
  }

  private static LoopbackControl open() throws IOException {
    try {
      return LoopbackControl.open();
    } catch (ErrnoException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ENODEV) || e.is(Errno.ENXIO)) {
        throw new HostLacksException(
            "there is no "
                + LoopbackControl.DEVICE
                + ": guestcam_loopback is not loaded; load it: "
                + LOAD
                + " (docs/loopback-module.md says how to build it)",
            e);
      }
      if (e.is(Errno.EACCES) || e.is(Errno.EPERM)) {
        throw new HostLacksException(
            "no right to open " + LoopbackControl.DEVICE + ": cameras are root's to make; use sudo",
            e);
      }
      throw e;
    }
  }

  private static String line(LoopbackCamera camera) {
    StringBuilder text = new StringBuilder();
    text.append(camera.id()).append("  ").append(camera.name());
    text.append("  producer /dev/video").append(camera.outputNr());
    text.append("  readers /dev/video").append(camera.captureNr());
    for (LoopbackCamera.Option option : LoopbackCamera.Option.values()) {
      if (camera.options().contains(option)) {
        text.append("  ").append(lower(option));
      }
    }
    if (camera.idle() != LoopbackCamera.Idle.NONE) {
      text.append("  idle ").append(lower(camera.idle()));
    }
    text.append(camera.users() == 0 ? "  unused" : "  in use");
    return text.toString();
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  /** {@code guestcam loopback add}. */
  @Command(
      name = "add",
      mixinStandardHelpOptions = true,
      description = "Make a camera: a node for the producer, and one for readers.")
  static final class Add implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "NAME",
        defaultValue = "",
        description = "As programs show it, at most 31 bytes (default: 'guestcam N').")
    private String name;

    @Option(
        names = "--output-nr",
        paramLabel = "N",
        defaultValue = "-1",
        description = "/dev/videoN for the producer (default: the first that is free).")
    private int output;

    @Option(
        names = "--capture-nr",
        paramLabel = "N",
        defaultValue = "-1",
        description = "/dev/videoN for readers (default: the first that is free).")
    private int capture;

    @Option(
        names = "--idle",
        paramLabel = "WHAT",
        defaultValue = "none",
        description =
            "What readers see without a producer: none, last (the last frame), picture (a dark"
                + " one). Default: none.")
    private String idle;

    @Option(
        names = "--multiplanar",
        description = "The producer's node speaks the multi-planar API.")
    private boolean multiplanar;

    @Option(
        names = "--lossless",
        description = "No reader misses a frame: the producer waits for the slowest.")
    private boolean lossless;

    @Option(
        names = "--protected",
        description = "Readers can neither write into the pictures nor export them.")
    private boolean guarded;

    @Option(
        names = "--max-readers",
        paramLabel = "N",
        defaultValue = "0",
        description = "Readers with buffers at a time (default: the module's limit).")
    private int maxReaders;

    @Option(
        names = "--reader-timeout",
        paramLabel = "TIME",
        converter = Durations.class,
        description =
            "How long a reader may keep a frame that a newer one replaced, as 500ms or 5s; 0 for"
                + " ever (default: the module's).")
    private Duration readerTimeout;

    @Override
    public Integer call() throws IOException {
      LoopbackCamera wish = wish();
      LoopbackCamera made;
      try (LoopbackControl control = open()) {
        made = control.create(wish);
      } catch (ErrnoException e) {
        throw explain(e, wish);
      }
      PrintWriter out = spec.commandLine().getOut();
      out.println(line(made));
      out.flush();
      return ExitCode.DONE;
    }

    private LoopbackCamera wish() {
      if (name.getBytes(StandardCharsets.UTF_8).length > LoopbackCamera.MAX_NAME) {
        throw wrong(
            "NAME: '" + name + "' is longer than " + LoopbackCamera.MAX_NAME + " bytes of UTF-8");
      }
      requireAtLeast("--output-nr", output, -1);
      requireAtLeast("--capture-nr", capture, -1);
      requireAtLeast("--max-readers", maxReaders, 0);
      Set<LoopbackCamera.Option> options = EnumSet.noneOf(LoopbackCamera.Option.class);
      if (multiplanar) {
        options.add(LoopbackCamera.Option.MULTIPLANAR);
      }
      if (lossless) {
        options.add(LoopbackCamera.Option.LOSSLESS);
      }
      if (guarded) {
        options.add(LoopbackCamera.Option.PROTECTED);
      }
      int timeout = -1;
      if (readerTimeout != null) {
        if (readerTimeout.compareTo(Duration.ofHours(1)) > 0) {
          throw wrong("--reader-timeout: at most 1h");
        }
        timeout = (int) readerTimeout.toMillis();
      }
      return new LoopbackCamera(
          0, output, capture, options, idle(), 0, 0, maxReaders, timeout, 0, name);
    }

    private LoopbackCamera.Idle idle() {
      for (LoopbackCamera.Idle value : LoopbackCamera.Idle.values()) {
        if (lower(value).equals(idle)) {
          return value;
        }
      }
      throw wrong("--idle: '" + idle + "' is none of none, last, picture");
    }

    private void requireAtLeast(String option, int value, int least) {
      if (value < least) {
        throw wrong(option + ": " + value + " is less than " + least);
      }
    }

    private static IOException explain(ErrnoException e, LoopbackCamera wish) {
      if (e.is(Errno.EEXIST)) {
        return new IOException(
            "/dev/video"
                + wish.outputNr()
                + " or /dev/video"
                + wish.captureNr()
                + " is there already; 'guestcam devices' lists them",
            e);
      }
      if (e.is(Errno.ENOSPC)) {
        return new IOException("the module makes no more cameras; remove one", e);
      }
      return e;
    }

    private ParameterException wrong(String message) {
      return new ParameterException(spec.commandLine(), message);
    }
  }

  /** {@code guestcam loopback remove}. */
  @Command(
      name = "remove",
      mixinStandardHelpOptions = true,
      description = "Remove cameras that nobody uses.")
  static final class Remove implements Callable<Integer> {
    @Parameters(
        arity = "1..*",
        paramLabel = "CAMERA",
        description = "Its name, its id, or one of its nodes (/dev/videoN).")
    private List<String> cameras;

    @Override
    public Integer call() throws IOException {
      try (LoopbackControl control = open()) {
        for (String wanted : cameras) {
          LoopbackCamera camera = find(control.list(), wanted);
          try {
            control.remove(camera.id());
          } catch (ErrnoException e) {
            if (e.is(Errno.EBUSY)) {
              throw new IOException(busy(camera), e);
            }
            throw e;
          }
        }
      }
      return ExitCode.DONE;
    }

    private static String busy(LoopbackCamera camera) {
      String nodes = "/dev/video" + camera.outputNr() + " /dev/video" + camera.captureNr();
      return "camera '"
          + camera.name()
          + "' is in use; 'sudo fuser -v "
          + nodes
          + "' tells by whom";
    }

    /** A name goes before an id: a camera may be called 7. */
    private static LoopbackCamera find(List<LoopbackCamera> all, String wanted) throws IOException {
      List<LoopbackCamera> named =
          all.stream().filter(camera -> camera.name().equals(wanted)).toList();
      if (named.isEmpty()) {
        named =
            all.stream()
                .filter(
                    camera ->
                        wanted.equals(Integer.toString(camera.id()))
                            || wanted.equals("/dev/video" + camera.outputNr())
                            || wanted.equals("/dev/video" + camera.captureNr()))
                .toList();
      }
      if (named.isEmpty()) {
        throw new IOException(
            "there is no camera '" + wanted + "'; 'guestcam loopback list' lists those there are");
      }
      if (named.size() > 1) {
        throw new IOException(named.size() + " cameras are called '" + wanted + "'; give the id");
      }
      return named.getFirst();
    }
  }

  /** {@code guestcam loopback list}. */
  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "List the cameras, with their nodes.")
  static final class Listing implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(names = "--json", description = "For programs: an array of objects.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      List<LoopbackCamera> cameras;
      try (LoopbackControl control = open()) {
        cameras = control.list();
      }
      if (json) {
        JsonText.print(
            spec,
            array -> {
              array.writeStartArray();
              for (LoopbackCamera camera : cameras) {
                write(array, camera);
              }
              array.writeEndArray();
            });
        return ExitCode.DONE;
      }
      PrintWriter out = spec.commandLine().getOut();
      if (cameras.isEmpty()) {
        out.println("No camera; 'guestcam loopback add NAME' makes one.");
      }
      cameras.forEach(camera -> out.println(line(camera)));
      out.flush();
      return ExitCode.DONE;
    }

    private static void write(JsonGenerator json, LoopbackCamera camera) throws IOException {
      json.writeStartObject();
      json.writeNumberField("id", camera.id());
      json.writeStringField("name", camera.name());
      json.writeStringField("output", "/dev/video" + camera.outputNr());
      json.writeStringField("capture", "/dev/video" + camera.captureNr());
      JsonText.strings(
          json, "options", camera.options().stream().sorted().map(LoopbackCommand::lower).toList());
      json.writeStringField("idle", lower(camera.idle()));
      json.writeNumberField("max_width", camera.maxWidth());
      json.writeNumberField("max_height", camera.maxHeight());
      json.writeNumberField("max_readers", Integer.toUnsignedLong(camera.maxReaders()));
      json.writeNumberField("reader_timeout_ms", camera.readerTimeoutMillis());
      json.writeNumberField("users", camera.users());
      json.writeEndObject();
    }
  }
}
