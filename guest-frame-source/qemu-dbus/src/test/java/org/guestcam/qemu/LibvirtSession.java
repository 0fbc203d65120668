// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * libvirt's own daemon in session mode, which virsh starts. That mode is for ordinary users: where
 * the test runs as root, the daemon runs as nobody.
 */
public final class LibvirtSession implements AutoCloseable {
  private final Path directory;
  private final boolean root = "root".equals(System.getProperty("user.name"));

  /** A session without a daemon yet; its files are put into {@code directory}. */
  public LibvirtSession(Path directory) throws IOException {
    this.directory = directory;
    for (Path path : List.of(directory, home(), runtime())) {
      Files.createDirectories(path);
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      if (root) {
        Files.setOwner(
            path,
            path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
      }
    }
  }

  /** The user's own files. */
  public Path home() {
    return directory.resolve("home");
  }

  /** The user's sockets. */
  public Path runtime() {
    return directory.resolve("run");
  }

  /** The daemon would wait two minutes for another connection; it is the socket's owner. */
  @Override
  public void close() throws IOException {
    for (String daemon : List.of("libvirtd", "virtlogd")) {
      Path pid = runtime().resolve("libvirt/" + daemon + ".pid");
      if (Files.exists(pid)) {
        ProcessHandle process =
            ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElse(null);
        if (process != null && process.destroy()) {
          assertFalse(process.onExit().orTimeout(4, TimeUnit.MINUTES).join().isAlive());
        }
      }
    }
  }

  /** Runs virsh, which must succeed: what it says. */
  public String virsh(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("virsh", "-q", "-c", "qemu:///session"));
    command.addAll(List.of(words));
    return asUser(command);
  }

  /** Runs a program to its end, as the daemon's user; it must succeed: what it says. */
  String asUser(List<String> words) throws Exception {
    List<String> command = new ArrayList<>();
    if (root) {
      command.addAll(
          List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"));
    }
    command.addAll(words);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    File output = directory.resolve("output").toFile();
    builder.redirectOutput(output); // not a pipe: the daemon that it starts would keep that open
    Map<String, String> environment = builder.environment();
    environment.put("HOME", home().toString());
    environment.put("XDG_RUNTIME_DIR", runtime().toString());
    environment
        .keySet()
        .removeIf(name -> name.matches("XDG_(CACHE|CONFIG|DATA)_HOME|(LIBVIRT|DBUS)_.*"));
    int status = builder.start().waitFor();
    String said = Files.readString(output.toPath(), StandardCharsets.UTF_8);
    assertEquals(0, status, said);
    return said;
  }

  /** How the daemon's user starts Java with the test's class path; a main class is missing yet. */
  public List<String> java() throws IOException {
    // Copied: the daemon's user may not be able to read the build's directory.
    List<String> classPath = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path from = Path.of(entry);
      if (Files.exists(from)) {
        Path to = directory.resolve("class-path/" + classPath.size() + from.getFileName());
        copy(from, to);
        classPath.add(to.toString());
      }
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        String.join(File.pathSeparator, classPath));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path one : all.toList()) {
        Path copy = to.resolve(from.relativize(one).toString());
        Files.createDirectories(copy.getParent());
        if (!Files.isDirectory(one)) {
          Files.copy(one, copy);
        }
      }
    }
  }
}
