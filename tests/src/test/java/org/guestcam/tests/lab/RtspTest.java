// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RTSP both ways: guestcam as the server, and an existing server that takes the stream. */
@Tag("gst")
@Timeout(500)
class RtspTest {
  private static final String SOURCE = "pattern:?size=320x240&fps=10";

  @TempDir private Path directory;

  @BeforeAll
  static void network() throws IOException {
    Peer.requireLoopback();
  }

  private static int freePort() throws IOException {
    try (ServerSocket any = new ServerSocket(0)) {
      return any.getLocalPort();
    }
  }

  private void requireFrames(Path file, int least) {
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.XRGB8888, 320, 240)) {
      List<Long> numbers = recording.requireRising(PixelFormat.XRGB8888, 320, 240);
      assertTrue(numbers.size() >= least, numbers.toString());
    }
  }

  @Test
  void viewersShareTheServersStream() throws IOException {
    String where = freePort() + "/vm1";
    String url = "rtsp://127.0.0.1:" + where;
    try (Guestcam stream = Guestcam.start("stream", "--json", SOURCE, "rtsp-server:" + where)) {
      stream.awaitFrames(1);
      // One that hangs, and one that is killed, hold up nobody.
      try (Peer hangs = Peer.watching("-rtsp_transport", "tcp", "-i", url)) {
        hangs.await("0,");
        hangs.signal("STOP");
        Path file = directory.resolve("tcp.mkv");
        // Four seconds: a key picture comes every two.
        Command.run(
            "ffmpeg",
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-i",
            url,
            "-frames:v",
            "40",
            "-c",
            "copy",
            file.toString());
        requireFrames(file, 10);
      }
      try (Peer byUdp = Peer.watching("-rtsp_transport", "udp", "-i", url)) {
        byUdp.await("0,");
      }
      try (Peer late = Peer.watching("-rtsp_transport", "tcp", "-i", url)) {
        late.await("0,");
      }
      stream.signal("TERM");
      assertEquals(0, stream.awaitEnd(), stream::errors);
    }
  }

  @Test
  void theExampleIsWatched() throws IOException {
    int port = freePort();
    Path numbers = directory.resolve("numbers");
    Files.writeString(
        numbers, "#!/bin/sh\nexec " + Examples.guestcam(directory) + " \"$@\" --json\n");
    Files.setPosixFilePermissions(numbers, PosixFilePermissions.fromString("rwx------"));
    try (Peer example =
        Peer.start(
            "env",
            "GUESTCAM=" + numbers,
            Examples.path("stream/rtsp.sh").toString(),
            SOURCE,
            Integer.toString(port))) {
      while (!example.line().matches(".*\"frames_out\":[1-9].*")) {}
      try (Peer player =
          Peer.watching("-rtsp_transport", "tcp", "-i", "rtsp://127.0.0.1:" + port + "/guest")) {
        player.await("0,");
      }
      example.signal("TERM");
    }
  }

  /** A server of gst-rtsp-server's own, which writes what comes into a file. */
  private Peer recordServer(Path file) throws IOException {
    Path script = directory.resolve("record-server.py");
    try (InputStream in = RtspTest.class.getResourceAsStream("record-server.py")) {
      Files.write(script, in.readAllBytes());
    }
    return Peer.start("/usr/bin/python3", script.toString(), file.toString());
  }

  @Test
  void aServerRecordsTheStream() throws IOException {
    Path file = directory.resolve("recorded.mkv");
    try (Peer server = recordServer(file);
        Guestcam stream =
            Guestcam.start("stream", SOURCE, "rtsp://127.0.0.1:" + server.line() + "/vm1")) {
      server.await("recording");
      stream.signal("TERM");
      assertEquals(0, stream.awaitEnd(), stream::errors);
    }
    requireFrames(file, 10);
  }

  @Test
  void aServerThatGoesEndsTheStreamWithItsName() throws IOException {
    try (Peer server = recordServer(directory.resolve("recorded.mkv"))) {
      String url = "rtsp://127.0.0.1:" + server.line() + "/vm1";
      try (Guestcam stream = Guestcam.start("stream", SOURCE, url)) {
        server.await("recording");
        server.signal("KILL");
        assertEquals(1, stream.awaitEnd(), stream::errors);
        assertTrue(stream.errors().contains("the stream to " + url + " ended"), stream::errors);
      }
    }
  }

  @Test
  void aServerThatHangsDoesNotHoldUpTheGuest() throws IOException {
    try (Peer server = recordServer(directory.resolve("recorded.mkv"))) {
      String url = "rtsp://127.0.0.1:" + server.line() + "/vm1";
      try (Guestcam stream =
          Guestcam.start("stream", "--json", "pattern:?size=1280x720&fps=20", url)) {
        server.await("recording");
        server.signal("STOP");
        stream.awaitFrames(100).signal("TERM");
        // rtspclientsink waits for the server's answer: after five seconds guestcam does not.
        int status = stream.awaitEnd();
        assertTrue(status == 0 || status == 143, stream::errors);
      }
    }
  }

  @Test
  void aServerThatRefusesIsQuoted() throws IOException {
    try (Peer server = recordServer(directory.resolve("recorded.mkv"))) {
      String url = "rtsp://127.0.0.1:" + server.line() + "/other";
      try (Guestcam stream = Guestcam.start("stream", SOURCE, url)) {
        assertEquals(1, stream.awaitEnd(), stream::errors);
        assertTrue(stream.errors().contains("the stream to " + url + " ended"), stream::errors);
        assertTrue(stream.errors().contains("not found"), stream::errors);
      }
    }
  }

  @Test
  void aPortThatIsTakenIsSaid() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Guestcam done =
            Guestcam.run("stream", SOURCE, "rtsp-server:" + taken.getLocalPort() + "/vm1")) {
      done.requireEnd(1, "cannot listen on 127.0.0.1 port");
      assertTrue(done.errors().contains("Address already in use"), done::errors);
    }
  }

  @ParameterizedTest
  @CsvSource({"rtsp-server:8554", "rtsp-server:/vm1", "rtsp-server:99999/vm1", "rtsp-server:a:b/x"})
  void whereToListenMustBeSaid(String url) {
    try (Guestcam done = Guestcam.run("stream", SOURCE, url)) {
      done.requireEnd(2, "does not say where to listen");
    }
  }
}
