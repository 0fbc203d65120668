// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A host as the checks see it: files below a root directory, and programs on a search path. Tests
 * give it a directory of their own.
 */
public final class Host {
  private static final long PROGRAM_SECONDS = 10;

  private final Path root;
  private final List<Path> searchPath;

  /** A host whose files lie below {@code root}. */
  public Host(Path root, List<Path> searchPath) {
    this.root = root;
    this.searchPath = searchPath;
  }

  /** This host, with the PATH of this process. */
  public static Host real() {
    String path = System.getenv("PATH");
    return new Host(
        Path.of("/"),
        Arrays.stream((path == null ? "" : path).split(":"))
            .filter(Predicate.not(String::isEmpty))
            .map(Path::of)
            .toList());
  }

  private Path at(String absolute) {
    return root.resolve(absolute.substring(1));
  }

  /** Whether there is a file or directory. */
  boolean exists(String absolute) {
    return Files.exists(at(absolute));
  }

  /** Whether this process may read and write a file. */
  boolean mayUse(String absolute) {
    return Files.isReadable(at(absolute)) && Files.isWritable(at(absolute));
  }

  /** A small file's text without white space around it; empty where it cannot be read. */
  Optional<String> read(String absolute) {
    try {
      return Optional.of(Files.readString(at(absolute)).strip());
    } catch (IOException e) {
      return Optional.empty(); // what cannot be read is as good as absent to a check
    }
  }

  /** The running kernel's release, as {@code uname -r}; empty where it cannot be read. */
  String kernelRelease() {
    return read("/proc/sys/kernel/osrelease").orElse("");
  }

  /** Where the running kernel's modules lie. */
  String moduleDirectory() {
    return "/lib/modules/" + kernelRelease();
  }

  /** Whether a module is in the running kernel, loaded or built in. */
  boolean isModuleLoaded(String module) {
    return exists("/sys/module/" + module);
  }

  /** Whether modprobe would find a module for the running kernel. */
  boolean isModuleAvailable(String module) {
    return hasModule(moduleDirectory() + "/modules.dep", module)
        || hasModule(moduleDirectory() + "/modules.builtin", module);
  }

  private boolean hasModule(String list, String module) {
    // In lists, as in file names, '-' and '_' are the same to modprobe.
    return read(list)
        .map(text -> text.replace('-', '_'))
        .filter(text -> text.contains("/" + module + ".ko"))
        .isPresent();
  }

  /** The first program of that name on the search path. */
  Optional<Path> program(String name) {
    return searchPath.stream()
        .map(directory -> directory.resolve(name))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** All programs whose name begins so, each name once. */
  List<Path> programs(String prefix) {
    return searchPath.stream()
        .filter(Files::isDirectory)
        .flatMap(directory -> startingWith(directory, prefix).stream())
        .map(path -> path.getFileName().toString())
        .distinct()
        .sorted()
        .flatMap(name -> program(name).stream())
        .toList();
  }

  private static List<Path> startingWith(Path directory, String prefix) {
    try (Stream<Path> all = Files.list(directory)) {
      return all.filter(path -> path.getFileName().toString().startsWith(prefix)).toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of();
    }
  }

  /** The first line that a program prints, "" where it fails or takes longer than ten seconds. */
  String firstLine(Path program, String argument) {
    try {
      Process process =
          new ProcessBuilder(program.toString(), argument)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try (InputStream out = process.getInputStream()) {
        if (!process.waitFor(PROGRAM_SECONDS, TimeUnit.SECONDS)) {
          return "";
        }
        return new String(out.readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .findFirst()
            .orElse("");
      } finally {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }
}
