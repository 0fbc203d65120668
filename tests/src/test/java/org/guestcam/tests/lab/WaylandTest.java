// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A guest on a Wayland desktop: Weston, drawing with the CPU, and its screenshots. */
@Tag("gst")
@Timeout(1200)
class WaylandTest {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 240;

  @TempDir private Path directory;

  @Test
  void waylandsinkShowsEveryPixel() throws IOException, InterruptedException {
    // Memory in pieces: of a file's middle waylandsink 1.22 makes a wrong wl_shm buffer.
    String source = "pattern:?size=320x240&fps=10&layout=scattered&memory=shm";
    // The window is as large as the screen.
    try (Weston desktop = Weston.start(directory, WIDTH, HEIGHT, false);
        ShowExample guest =
            ShowExample.start(directory, desktop.environment(), "wayland", source)) {
      desktop.requireMoving(guest, WIDTH, HEIGHT);
      guest.end();
    }
  }

  @Test
  void glimagesinkShowsEveryPixel() throws IOException, InterruptedException {
    // Weston's pixman shows a window of OpenGL's white.
    try (Weston desktop = Weston.start(directory, 2 * WIDTH, 2 * HEIGHT, true)) {
      Map<String, String> environment = new HashMap<>(desktop.environment());
      environment.put("GST_GL_WINDOW", "wayland"); // and not an X server that is there too
      try (ShowExample guest =
          ShowExample.start(directory, environment, "gl", "pattern:?size=320x240&fps=10")) {
        desktop.requireMoving(guest, WIDTH, HEIGHT);
        guest.end();
      }
    }
  }
}
