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

/** A Wayland desktop without a screen, plain green, and its screenshots. */
final class Weston implements AutoCloseable {
  private static final String SOCKET = "wayland-test";

  /** Each is a program of its own, so that this is a minute even on a fast machine. */
  private static final int LOOKS = 500;

  private static final String CONFIGURATION =
      """
      [shell]
      panel-position=none
      background-color=0xff00ff00
      animation=none
      close-animation=none
      startup-animation=none
      locking=false
      """;

  private final Process process;
  private final Path directory;
  private final int width;
  private final int height;

  private Weston(Process process, Path directory, int width, int height) {
    this.process = process;
    this.directory = directory;
    this.width = width;
    this.height = height;
  }

  /**
   * Starts it and waits until it serves programs.
   *
   * @param directory where its socket, log and screenshots lie
   * @param opengl whether it draws by OpenGL, which llvmpipe does with the processor, or by pixman
   */
  static Weston start(Path directory, int width, int height, boolean opengl) throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    Files.writeString(directory.resolve("weston.ini"), CONFIGURATION);
    Matcher version = Pattern.compile("weston (\\d+)").matcher(Command.run("weston", "--version"));
    assertTrue(version.find());
    boolean old = Integer.parseInt(version.group(1)) < 12;
    String renderer = opengl ? "gl" : "pixman";
    ProcessBuilder builder =
        new ProcessBuilder(
            "weston",
            "--config=" + directory.resolve("weston.ini"),
            "--debug", // or nobody may take screenshots
            "--idle-time=0",
            "--backend=headless-backend.so",
            (old ? "--use-" : "--renderer=") + renderer,
            "--shell=desktop-shell.so",
            "--width=" + width,
            "--height=" + height,
            "--socket=" + SOCKET);
    builder.environment().put("XDG_RUNTIME_DIR", directory.toString());
    Process process =
        builder
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("weston.log").toFile())
            .start();
    Weston started = new Weston(process, directory, width, height);
    for (int i = 0; started.screenshot() != 0; i++) {
      if (i == LOOKS || !process.isAlive()) {
        started.close();
        throw new AssertionError("Weston does not begin:\n" + started.log());
      }
    }
    return started;
  }

  /** What programs need to find it. */
  Map<String, String> environment() {
    return Map.of("XDG_RUNTIME_DIR", directory.toString(), "WAYLAND_DISPLAY", SOCKET);
  }

  private String log() throws IOException {
    return Files.readString(directory.resolve("weston.log"));
  }

  private int screenshot() {
    return Command.of(
            "env",
            "-C",
            directory.toString(),
            "XDG_RUNTIME_DIR=" + directory,
            "WAYLAND_DISPLAY=" + SOCKET,
            "weston-screenshooter")
        .status();
  }

  /** What is on the screen now: its pixels, blue, green, red. */
  private byte[] pixels() throws IOException {
    assertEquals(0, screenshot());
    Path shot = directory.resolve("shot.png");
    try (var files = Files.newDirectoryStream(directory, "wayland-screenshot-*.png")) {
      for (Path file : files) {
        Files.move(file, shot, StandardCopyOption.REPLACE_EXISTING);
      }
    }
    try (Recording screen = Recording.byFfmpeg(shot, PixelFormat.RGB888, width, height)) {
      return Files.readAllBytes(screen.file());
    }
  }

  /** The part of the screen that is not its background, if it has that size; or null. */
  private Recording window(int wide, int high) throws IOException {
    byte[] pixels = pixels();
    int left = width;
    int top = height;
    int right = -1;
    int bottom = -1;
    for (int y = 0, at = 0; y < height; y++) {
      for (int x = 0; x < width; x++, at += 3) {
        if (pixels[at] != 0 || pixels[at + 1] != (byte) 0xff || pixels[at + 2] != 0) {
          left = Math.min(left, x);
          right = Math.max(right, x);
          top = Math.min(top, y);
          bottom = y;
        }
      }
    }
    if (right - left + 1 != wide || bottom - top + 1 != high) {
      return null;
    }
    byte[] window = new byte[3 * wide * high];
    for (int y = 0; y < high; y++) {
      int from = 3 * ((top + y) * width + left);
      System.arraycopy(pixels, from, window, 3 * wide * y, 3 * wide);
    }
    return Recording.of(Files.write(directory.resolve("window.raw"), window), 1);
  }

  /**
   * Waits for the test picture in a window of that size, and compares every pixel.
   *
   * @return the picture's number
   */
  long awaitPicture(ShowExample guest, int wide, int high) throws IOException {
    for (int i = 0; i < LOOKS && process.isAlive() && guest.isAlive(); i++) {
      try (Recording window = window(wide, high)) {
        // While it begins the window is black, or its first picture is not all there.
        if (window != null && window.showsPicture(PixelFormat.RGB888, wide, high)) {
          return window.requireExact(PixelFormat.RGB888, wide, high).getFirst();
        }
      }
    }
    throw new AssertionError("the guest is not on the screen:\n" + log() + guest.log());
  }

  /** Two pictures, one after the other. */
  void requireMoving(ShowExample guest, int wide, int high) throws IOException {
    long first = awaitPicture(guest, wide, high);
    long later = first;
    for (int i = 0; i < LOOKS && later == first; i++) {
      later = awaitPicture(guest, wide, high);
    }
    assertTrue(later > first, "the picture stands still at " + first);
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
