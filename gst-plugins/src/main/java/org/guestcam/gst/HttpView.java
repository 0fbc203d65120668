// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import org.guestcam.frame.FrameLayout;

/**
 * A page that shows the guest, and its pictures as the parts of one endless answer (MJPEG,
 * multipart/x-mixed-replace), which every browser shows in an img. While nobody watches, nothing is
 * encoded. A viewer gets the newest picture when it has taken the one before, so a slow one misses
 * pictures, and nothing waits for it.
 *
 * <p>Encoding is GStreamer's; HTTP is the JDK's, on a virtual thread for each viewer.
 */
final class HttpView implements PipelineSink.Plan {
  private static final int MOST_VIEWERS = 16;
  private static final String BOUNDARY = "guestcam-picture";

  /**
   * A page elsewhere can have its own name point to this machine, and read what it finds here: but
   * not in the name of a number, or of localhost.
   */
  private static final Pattern OWN_HOST =
      Pattern.compile("(localhost|[0-9.]+|\\[[0-9A-Fa-f:.]+])(:\\d+)?");

  private final InetSocketAddress address;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final PictureBoard board = new PictureBoard();
  private int viewers;

  /**
   * Listens at once.
   *
   * @throws IOException where it cannot
   */
  HttpView(InetSocketAddress address) throws IOException {
    this.address = address;
    try {
      server = HttpServer.create(address, 0);
    } catch (IOException e) {
      throw new IOException("cannot listen on " + where() + ": " + e.getMessage(), e);
    }
    server.setExecutor(threads);
    server.createContext("/", exchange -> answer(exchange, this::page));
    server.createContext("/pictures", exchange -> answer(exchange, this::pictures));
    server.start();
  }

  private String where() {
    return address.getAddress().getHostAddress() + " port " + address.getPort();
  }

  private interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  private static void answer(HttpExchange exchange, Answer answer) throws IOException {
    try (exchange) {
      String host = exchange.getRequestHeaders().getFirst("Host");
      if (host == null || !OWN_HOST.matcher(host).matches()) {
        refuse(exchange, 403, "guestcam is asked for by its address, or as localhost");
        return;
      }
      if (!exchange.getRequestMethod().equals("GET")) {
        refuse(exchange, 405, "there is nothing but GET");
        return;
      }
      exchange.getResponseHeaders().set("Cross-Origin-Resource-Policy", "same-origin");
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      answer.to(exchange);
    }
  }

  private static void refuse(HttpExchange exchange, int status, String words) throws IOException {
    byte[] body = (words + "\n").getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  private void page(HttpExchange exchange) throws IOException {
    if (!exchange.getRequestURI().getPath().equals("/")) {
      refuse(exchange, 404, "there is / and /pictures");
      return;
    }
    try (InputStream page = HttpView.class.getResourceAsStream("view.html")) {
      byte[] body = page.readAllBytes();
      exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private void pictures(HttpExchange exchange) throws IOException {
    if (!come()) {
      refuse(exchange, 503, "there are " + MOST_VIEWERS + " viewers already");
      return;
    }
    PictureBoard.Picture shown = null;
    try {
      exchange
          .getResponseHeaders()
          .set("Content-Type", "multipart/x-mixed-replace; boundary=" + BOUNDARY);
      exchange.sendResponseHeaders(200, 0);
      OutputStream out = exchange.getResponseBody();
      out.write(("--" + BOUNDARY + "\r\n").getBytes(StandardCharsets.US_ASCII));
      for (long last = 0; (shown = board.awaitNewer(last)) != null; ) {
        last = shown.number();
        // The boundary behind it at once: a browser shows a part when it sees its end.
        out.write(
            ("Content-Type: image/jpeg\r\nContent-Length: " + shown.length() + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.write(shown.bytes(), 0, shown.length());
        out.write(("\r\n--" + BOUNDARY + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.flush();
        board.giveBack(shown);
        shown = null;
      }
    } finally {
      if (shown != null) {
        board.giveBack(shown);
      }
      go();
    }
  }

  private synchronized boolean come() {
    if (viewers == MOST_VIEWERS) {
      return false;
    }
    viewers++;
    return true;
  }

  private synchronized void go() {
    viewers--;
  }

  @Override
  public synchronized boolean wanted() {
    return viewers > 0;
  }

  @Override
  public String description() {
    return "the page at " + where();
  }

  @Override
  public int milliHertz() {
    return 0;
  }

  @Override
  public String pipeline(FrameLayout first, int part) {
    // JPEG's colours use all of 0 to 255, and jpegenc does not see to that.
    return Encoder.conversion()
        + "video/x-raw,format=I420,colorimetry=(string)1:4:0:0 ! "
        + "queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 leaky=downstream ! "
        + "jpegenc quality=90 ! appsink name="
        + PipelineSink.PICTURES
        + " sync=false max-buffers=1 drop=true";
  }

  @Override
  public PictureBoard pictures() {
    return board;
  }

  @Override
  public boolean startsAnew() {
    return false;
  }

  @Override
  public void close() {
    board.close();
    server.stop(0);
    threads.shutdownNow();
  }
}
