// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest on a Wayland desktop: Weston without a screen, drawing with the CPU, and its screenshots.
 * The window is as large as the output, so that a screenshot is the guest's picture.
 */
@Tag("gst")
@Timeout(600)
class WaylandTest {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 240;
  private static final String SOCKET = "wayland-test";

  /** Each is a program of its own, so that this is a minute even on a fast machine. */
  private static final int SCREENSHOTS = 500;

  @TempDir private Path directory;

  private Command onDesktop(String... words) {
    String[] all = new String[words.length + 5];
    all[0] = "env";
    all[1] = "-C";
    all[2] = directory.toString();
    all[3] = "XDG_RUNTIME_DIR=" + directory;
    all[4] = "WAYLAND_DISPLAY=" + SOCKET;
    System.arraycopy(words, 0, all, 5, words.length);
    return Command.of(all);
  }

  private Process weston() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    Matcher version = Pattern.compile("weston (\\d+)").matcher(Command.run("weston", "--version"));
    assertTrue(version.find());
    boolean old = Integer.parseInt(version.group(1)) < 12;
    ProcessBuilder builder =
        new ProcessBuilder(
            "weston",
            "--no-config",
            "--debug", // or nobody may take screenshots
            "--idle-time=0",
            "--backend=headless-backend.so",
            old ? "--use-pixman" : "--renderer=pixman",
            "--shell=desktop-shell.so",
            "--width=" + WIDTH,
            "--height=" + HEIGHT,
            "--socket=" + SOCKET);
    builder.environment().put("XDG_RUNTIME_DIR", directory.toString());
    return builder
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("weston.log").toFile())
        .start();
  }

  /** The number of the next picture of the guest on the screen, every pixel of which is right. */
  private long awaitPicture(Process weston, Process guest) throws IOException {
    for (int i = 0; i < SCREENSHOTS && weston.isAlive() && guest.isAlive(); i++) {
      assertEquals(0, onDesktop("weston-screenshooter").status());
      Path shot = directory.resolve("shot.png");
      try (var files = Files.newDirectoryStream(directory, "wayland-screenshot-*.png")) {
        for (Path file : files) {
          Files.move(file, shot, StandardCopyOption.REPLACE_EXISTING);
        }
      }
      try (Recording screen = Recording.byFfmpeg(shot, PixelFormat.RGB888, WIDTH, HEIGHT)) {
        assertEquals(1, screen.frames());
        // Before the window is there the screen shows the desktop.
        if (screen.showsPicture(PixelFormat.RGB888, WIDTH, HEIGHT)) {
          return screen.requireExact(PixelFormat.RGB888, WIDTH, HEIGHT).getFirst();
        }
      }
    }
    throw new AssertionError(
        "the guest is not on the screen:\n"
            + Files.readString(directory.resolve("weston.log"))
            + Files.readString(directory.resolve("guest.log")));
  }

  /** A program that the example runs as guestcam: the build under test. */
  private Path guestcam() throws IOException {
    Path script = directory.resolve("guestcam");
    Files.writeString(
        script,
        "#!/bin/sh\nexec "
            + Path.of(System.getProperty("java.home"), "bin", "java")
            + " --enable-native-access=ALL-UNNAMED -ea:org.guestcam... -cp '"
            + System.getProperty("java.class.path")
            + "' org.guestcam.cli.Main \"$@\"\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    return script;
  }

  @Test
  void theExampleShowsEveryPixel() throws IOException, InterruptedException {
    Process weston = weston();
    Process guest = null;
    try {
      for (int i = 0; onDesktop("weston-screenshooter").status() != 0; i++) {
        assertTrue(i < SCREENSHOTS && weston.isAlive(), "Weston does not begin");
      }
      // Memory in pieces: of a file's middle waylandsink 1.22 makes a wrong wl_shm buffer.
      ProcessBuilder builder =
          new ProcessBuilder(
              Path.of("../examples/display/show.sh").toAbsolutePath().toString(),
              "wayland",
              "pattern:?size=320x240&fps=10&layout=scattered");
      builder
          .environment()
          .putAll(
              Map.of(
                  "GUESTCAM",
                  guestcam().toString(),
                  "XDG_RUNTIME_DIR",
                  directory.toString(),
                  "WAYLAND_DISPLAY",
                  SOCKET));
      guest =
          builder
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("guest.log").toFile())
              .start();
      long first = awaitPicture(weston, guest);
      long later = first;
      for (int i = 0; i < SCREENSHOTS && later == first; i++) {
        later = awaitPicture(weston, guest);
      }
      assertTrue(later > first, "the picture stands still at " + first);
      Command.run("kill", "-TERM", Long.toString(guest.pid()));
      assertEquals(0, guest.waitFor(), () -> "guestcam failed");
    } finally {
      weston.destroyForcibly().waitFor();
      if (guest != null) {
        guest.destroyForcibly().waitFor();
      }
    }
  }
}
