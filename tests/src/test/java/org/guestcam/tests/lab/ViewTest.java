// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code guestcam view}: its page in a real browser, and viewers that do not behave. */
@Tag("gst")
@Timeout(600)
class ViewTest {
  private static final int FRAMES = 5;

  @TempDir private Path directory;

  private static int freePort() throws IOException {
    try (ServerSocket any = new ServerSocket(0)) {
      return any.getLocalPort();
    }
  }

  /**
   * What the page's img shows now: 'UPPER LOWER SIZE DARKEST LIGHTEST', or '-' for no picture.
   * Upper and lower are the two stamps of the test picture; what they are drawn with tells whether
   * black is 0 and white 255.
   */
  private static String look() throws IOException {
    String stamp;
    try (InputStream script = ViewTest.class.getResourceAsStream("stamp.js")) {
      String all = new String(script.readAllBytes(), StandardCharsets.UTF_8);
      stamp = all.substring(all.indexOf("function stamp"), all.indexOf("const canvas"));
    }
    return "new Promise((done) => setTimeout(() => {"
        + stamp
        + """
          const img = document.getElementById("guest");
          if (!img?.naturalWidth) return done("-");
          const canvas = document.createElement("canvas");
          canvas.width = img.naturalWidth;
          canvas.height = img.naturalHeight;
          const context = canvas.getContext("2d");
          context.drawImage(img, 0, 0);
          const picture = context.getImageData(0, 0, canvas.width, canvas.height);
          const block = picture.width < 320 ? 4 : 8;
          const lower = (picture.height - 5 * block) & ~1;
          const row = picture.data.subarray(4 * (block + 2) * picture.width, 4 * (block + 3) * picture.width);
          const greens = row.filter((_, i) => i % 4 === 1).subarray(block, 37 * block);
          done([stamp(picture, block, block), stamp(picture, block, lower),
            `${canvas.width}x${canvas.height}`, Math.min(...greens), Math.max(...greens)].join(" "));
        }, 50))
        """;
  }

  @Test
  void aBrowserShowsTheGuestAndItsModes() throws IOException, InterruptedException {
    int port = freePort();
    String look = look();
    try (Guestcam view =
        Guestcam.start(
            "view",
            "--json",
            "pattern:?modes=640x480@40,320x240@40&fps=10",
            "--http",
            Integer.toString(port))) {
      view.awaitFrames(1);
      try (HeadlessBrowser browser =
          HeadlessBrowser.open("http://127.0.0.1:" + port + "/", directory)) {
        List<Long> numbers = new ArrayList<>();
        Set<String> sizes = new TreeSet<>();
        while (numbers.size() < FRAMES || sizes.size() < 2) {
          String seen = browser.evaluate(look);
          if (seen.equals("-")) {
            continue; // it has not begun
          }
          String[] words = seen.split(" ", -1);
          assertEquals(words[0], words[1], "the picture is torn or damaged: " + seen);
          long number = Long.parseLong(words[0]);
          if (numbers.isEmpty() || number != numbers.getLast()) {
            assertTrue(
                numbers.isEmpty() || number > numbers.getLast(), number + " after " + numbers);
            numbers.add(number);
          }
          sizes.add(words[2]);
          assertTrue(Integer.parseInt(words[3]) < 8, "black is not 0: " + seen);
          // The row's bits may all be 0.
          int lightest = Integer.parseInt(words[4]);
          assertTrue(lightest < 8 || lightest > 247, "white is not 255: " + seen);
        }
        assertEquals(Set.of("320x240", "640x480"), sizes);
      }
      view.signal("TERM");
      assertEquals(0, view.awaitEnd(), view::errors);
    }
  }

  private static Socket ask(int port, String host, String path) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket
        .getOutputStream()
        .write(
            ("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private static String line(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c; (c = in.read()) != '\n'; ) {
      assertTrue(c >= 0, "it ended behind " + line);
      line.append((char) c);
    }
    return line.toString().strip();
  }

  /** Reads until so many pictures have begun. */
  private static void awaitPictures(Socket viewer, int count) throws IOException {
    InputStream in = viewer.getInputStream();
    for (int seen = 0; seen < count; ) {
      if (line(in).startsWith("Content-Type: image/jpeg")) {
        seen++;
      }
    }
  }

  @Test
  void aViewerThatHangsHoldsUpNobodyAndStrangersAreRefused() throws IOException {
    int port = freePort();
    String address = "127.0.0.1:" + port;
    try (Guestcam view =
        Guestcam.start("view", "--json", "pattern:?size=1280x720&fps=20", "--http", address)) {
      view.awaitFrames(1);
      try (Socket elsewhere = ask(port, "guest.example", "/pictures");
          Socket page = ask(port, "localhost:" + port, "/");
          Socket hangs = ask(port, address, "/pictures");
          Socket reads = ask(port, address, "/pictures")) {
        assertEquals("HTTP/1.1 403 Forbidden", line(elsewhere.getInputStream()));
        assertEquals("HTTP/1.1 200 OK", line(page.getInputStream()));
        assertEquals("HTTP/1.1 200 OK", line(hangs.getInputStream()));
        awaitPictures(reads, 100); // many times what the socket of the other holds
        List<Socket> more = new ArrayList<>();
        try {
          for (int i = 2; i < 16; i++) {
            Socket viewer = ask(port, address, "/pictures");
            more.add(viewer);
            assertEquals("HTTP/1.1 200 OK", line(viewer.getInputStream()));
          }
          try (Socket last = ask(port, address, "/pictures")) {
            assertEquals("HTTP/1.1 503 Service Unavailable", line(last.getInputStream()));
          }
        } finally {
          for (Socket viewer : more) {
            viewer.close();
          }
        }
        awaitPictures(reads, 5);
        view.signal("TERM");
        assertEquals(0, view.awaitEnd(), view::errors);
      }
    }
  }

  @Test
  void aPortThatIsTakenOrNoneIsSaid() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Guestcam done =
            Guestcam.run("view", "pattern:", "--http", Integer.toString(taken.getLocalPort()))) {
      assertEquals(1, done.awaitEnd(), done::errors);
      assertTrue(
          done.errors().contains("cannot listen on 127.0.0.1 port " + taken.getLocalPort()),
          done::errors);
    }
    try (Guestcam done = Guestcam.run("view", "pattern:", "--http", "localhost")) {
      assertEquals(2, done.awaitEnd(), done::errors);
      assertTrue(done.errors().contains("'localhost' is no [ADDRESS:]PORT"), done::errors);
    }
  }
}
