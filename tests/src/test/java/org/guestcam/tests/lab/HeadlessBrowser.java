// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Chromium with a page open, which is asked by its debugging protocol. */
final class HeadlessBrowser implements AutoCloseable {
  private static final JsonFactory JSON = new JsonFactory();
  private static final long LIMIT_SECONDS = 300;
  private static final String LISTENING = "DevTools listening on ws://";

  private final Process process;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final HttpClient http = HttpClient.newHttpClient();
  private final WebSocket page;

  private HeadlessBrowser(Process process, Path log) throws IOException, InterruptedException {
    this.process = process;
    String address = address(log);
    String pages =
        http.send(
                HttpRequest.newBuilder(URI.create("http://" + address + "/json/list")).build(),
                HttpResponse.BodyHandlers.ofString())
            .body();
    page =
        http.newWebSocketBuilder()
            .buildAsync(URI.create(field(pages, "webSocketDebuggerUrl")), new Listener())
            .join();
  }

  /**
   * Chromium by itself, without a GPU and without a sandbox (below root there is none); {@link
   * #end} ends it.
   *
   * @param more the page, and options before it
   */
  static Process start(Path profile, Path log, String... more) throws IOException {
    List<String> words =
        new ArrayList<>(
            List.of(
                "chromium-headless-shell",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile));
    words.addAll(List.of(more));
    return new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }

  /** Opens a page; it may not have loaded when this returns. */
  static HeadlessBrowser open(String url, Path directory) throws IOException, InterruptedException {
    Path log = directory.resolve("chromium.txt");
    Process process = start(directory.resolve("profile"), log, url);
    try {
      return new HeadlessBrowser(process, log);
    } catch (IOException | InterruptedException | RuntimeException | AssertionError e) {
      end(process);
      throw e;
    }
  }

  private String address(Path log) throws IOException, InterruptedException {
    for (long i = 0; i < LIMIT_SECONDS * 10; i++) {
      String said = Files.readString(log);
      int at = said.indexOf(LISTENING);
      int slash = at < 0 ? -1 : said.indexOf('/', at + LISTENING.length());
      if (slash > 0) {
        return said.substring(at + LISTENING.length(), slash);
      }
      if (process.waitFor(100, TimeUnit.MILLISECONDS)) {
        break;
      }
    }
    throw new AssertionError("Chromium did not begin: " + Files.readString(log));
  }

  /** The first string of that name. */
  private static String field(String json, String name) throws IOException {
    try (JsonParser parser = JSON.createParser(json)) {
      for (JsonToken token; (token = parser.nextToken()) != null; ) {
        if (token == JsonToken.VALUE_STRING && name.equals(parser.currentName())) {
          return parser.getText();
        }
      }
    }
    throw new AssertionError("no " + name + " in " + json);
  }

  /** What a JavaScript expression, or its promise, comes to: a string. */
  String evaluate(String expression) throws IOException, InterruptedException {
    StringWriter message = new StringWriter();
    try (JsonGenerator out = JSON.createGenerator(message)) {
      out.writeStartObject();
      out.writeNumberField("id", 1);
      out.writeStringField("method", "Runtime.evaluate");
      out.writeObjectFieldStart("params");
      out.writeStringField("expression", expression);
      out.writeBooleanField("awaitPromise", true);
      out.writeBooleanField("returnByValue", true);
      out.writeEndObject();
      out.writeEndObject();
    }
    page.sendText(message.toString(), true).join();
    String answer = answers.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw new AssertionError("the browser does not answer");
    }
    return field(answer, "value");
  }

  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      text.append(data);
      if (last) {
        answers.add(text.toString());
        text.setLength(0);
      }
      socket.request(1);
      return null;
    }
  }

  /** Ends one, with all that it started. */
  static void end(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().onExit().join();
  }

  @Override
  public void close() {
    page.abort();
    http.shutdownNow();
    end(process);
  }
}
