// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A guest on a Wayland desktop: Weston, drawing with the CPU, and its screenshots. */
@Timeout(1200)
class WaylandTest {
  private static final int WIDTH = 320;
  private static final int HEIGHT = 240;

  @TempDir private Path directory;

  @Test
  @Tag("gst")
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
  @Tag("gst")
  void glimagesinkShowsEveryPixel() throws IOException, InterruptedException {
    byOpenGl("pattern:?size=320x240&fps=10", Map.of());
  }

  @Test
  @Tag("lab")
  @Tag("desktop")
  void openGlReadsTheGuestsDmaBufs() throws IOException, InterruptedException {
    // A texture of the dma-buf itself, and not one that each picture is copied into.
    String said =
        byOpenGl("pattern:?size=320x240&fps=2&memory=dmabuf", Map.of("GST_DEBUG", "glupload:6"));
    assertTrue(said.contains("uploader from None to DirectDmabuf"), said);
    assertTrue(said.contains("memory of dma-bufs, copied 0 B"), said);
  }

  private String byOpenGl(String source, Map<String, String> more)
      throws IOException, InterruptedException {
    // Weston's pixman shows a window of OpenGL's white.
    try (Weston desktop = Weston.start(directory, 2 * WIDTH, 2 * HEIGHT, true)) {
      Map<String, String> environment = new HashMap<>(desktop.environment());
      environment.put("GST_GL_WINDOW", "wayland"); // and not an X server that is there too
      environment.putAll(more);
      try (ShowExample guest = ShowExample.start(directory, environment, "gl", source)) {
        desktop.requireMoving(guest, WIDTH, HEIGHT);
        guest.end();
        return guest.log();
      }
    }
  }
}
