// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.Providers;
import org.guestcam.gst.ConvertedSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The camera in a browser: Chromium opens it by the name that {@code guestcam loopback add} gave
 * it, in the page that users copy ({@code examples/browser/camera.html}), with the guest's pictures
 * as {@code --format YUYV} converts them, and the guest's frame numbers are read back from the
 * page's canvas.
 */
@Tag("lab")
@Tag("own-loopback")
class BrowserTest {
  private static final String NAME = "Windows 11 (guest)";
  private static final String QUERY = "Windows%2011%20(guest)";
  private static final int FRAMES = 5;
  private static final Path LOG = Path.of("chromium.txt");

  /** Emulated, Chromium takes a minute to its first picture. */
  private static final long LIMIT_SECONDS = 500;

  private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
  private final List<String> all = new ArrayList<>();

  @Test
  void aWebPageShowsTheGuestByItsName(@TempDir Path profile)
      throws IOException, InterruptedException {
    Command.run("busybox", "ip", "link", "set", "lo", "up");
    Command.run("guestcam", "loopback", "add", NAME, "--output-nr=40", "--capture-nr=41");
    HttpServer server = serve();
    Process browser = null;
    // A guest draws XR24, which no browser takes.
    Endpoint guest = Endpoint.parse("pattern:?size=640x480&fps=4&memory=dmabuf");
    try (Flow flow =
        Flow.start(
            new ConvertedSource(
                Providers.source(guest).open(guest), PixelFormat.YUYV, "auto", false),
            "v4l2:/dev/video40")) {
      flow.awaitFrames(2);
      browser = browse(profile, server.getAddress().getPort());
      List<Long> numbers = new ArrayList<>();
      while (numbers.size() < FRAMES) {
        String line = next(browser);
        if (line.startsWith("message ")) {
          assertEquals("message 640×480, 4 frames a second", line);
          continue;
        }
        String[] words = line.split(" ", 5);
        assertEquals("640x480", words[3]);
        assertEquals(NAME, words[4]);
        // Until its first picture is painted a video is black.
        if (numbers.isEmpty() && words[1].equals("-") && words[2].equals("-")) {
          continue;
        }
        assertEquals(words[1], words[2], "the picture is torn or damaged: " + all);
        numbers.add(Long.parseLong(words[1]));
      }
      for (int i = 1; i < FRAMES; i++) {
        assertTrue(numbers.get(i) > numbers.get(i - 1), "pictures go back: " + numbers);
      }
    } finally {
      if (browser != null) {
        HeadlessBrowser.end(browser);
      }
      server.stop(0);
    }
    Command.run("guestcam", "loopback", "remove", NAME);
  }

  /** It lets the page have the camera without a prompt. */
  private static Process browse(Path profile, int port) throws IOException {
    return HeadlessBrowser.start(
        profile,
        LOG,
        "--use-fake-ui-for-media-stream",
        "http://127.0.0.1:" + port + "/camera.html?camera=" + QUERY);
  }

  private HttpServer serve() throws IOException {
    String page = Files.readString(Path.of("examples/browser/camera.html"));
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/camera.html",
        exchange ->
            answer(
                exchange, "text/html", page.replace("</html>", "<script src=stamp.js></script>")));
    server.createContext("/stamp.js", exchange -> answer(exchange, "text/javascript", script()));
    server.createContext(
        "/seen",
        exchange -> {
          said.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          answer(exchange, "text/plain", "");
        });
    server.start();
    return server;
  }

  private static String script() throws IOException {
    try (InputStream script = BrowserTest.class.getResourceAsStream("stamp.js")) {
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void answer(HttpExchange exchange, String type, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  /** The next line that the page says. */
  private String next(Process browser) throws IOException, InterruptedException {
    String line = said.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
    if (line == null) {
      throw new AssertionError(
          "the page says nothing more after "
              + all
              + (browser.isAlive() ? "" : "; the browser has ended")
              + "\n"
              + Files.readString(LOG));
    }
    all.add(line);
    return line;
  }
}
