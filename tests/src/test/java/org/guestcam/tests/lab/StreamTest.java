// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code guestcam stream}, and ffmpeg or GStreamer as the other end. */
@Tag("gst")
@Timeout(300)
class StreamTest {
  private static final String SOURCE = "pattern:?size=320x240&fps=20";
  private static final String FRAMES = "10";

  @TempDir private Path directory;

  private static int freePort() throws IOException {
    try (ServerSocket any = new ServerSocket(0);
        DatagramSocket alsoUdp = new DatagramSocket(any.getLocalPort())) {
      return alsoUdp.getLocalPort();
    }
  }

  private int pictures() throws IOException {
    try (var files = Files.list(directory)) {
      return (int) files.filter(file -> file.toString().endsWith(".png")).count();
    }
  }

  private String[] decode(String... input) {
    String[] command = new String[input.length + 6];
    System.arraycopy(new String[] {"ffmpeg", "-v", "error"}, 0, command, 0, 3);
    System.arraycopy(input, 0, command, 3, input.length);
    System.arraycopy(
        new String[] {"-frames:v", FRAMES, directory.resolve("%02d.png").toString()},
        0,
        command,
        3 + input.length,
        3);
    return command;
  }

  @Test
  void hlsIsPlayed() throws IOException {
    try (Guestcam stream = Guestcam.run("stream", "--duration", "8s", SOURCE, "hls:" + directory)) {
      assertEquals(0, stream.awaitEnd(), stream::errors);
    }
    Command.run(decode("-i", directory.resolve("live.m3u8").toString()));
    assertEquals(10, pictures());
  }

  @Test
  void srtIsPlayedByWhoCalls() throws IOException {
    int port = freePort();
    try (Guestcam stream =
        Guestcam.start("stream", "--json", SOURCE, "srt://:" + port + "?mode=listener")) {
      stream.awaitFrames(1);
      Command.run(decode("-i", "srt://127.0.0.1:" + port));
      assertEquals(10, pictures());
      stream.signal("TERM");
      assertEquals(0, stream.awaitEnd(), stream::errors);
    }
  }

  @Test
  void aCalledSrtServerThatGoesEndsTheStreamWithItsName() throws IOException {
    int port = freePort();
    String url = "srt://127.0.0.1:" + port;
    try (Peer server = Peer.watching("-i", url + "?mode=listener")) {
      while (!Files.readString(Path.of("/proc/net/udp")).contains(String.format(":%04X", port))) {
        Thread.onSpinWait();
      }
      try (Guestcam stream = Guestcam.start("stream", SOURCE, url)) {
        server.await("0,");
        server.signal("KILL");
        assertEquals(1, stream.awaitEnd(), stream::errors);
        assertTrue(stream.errors().contains("the stream to " + url + " ended"), stream::errors);
      }
    }
  }

  @Test
  void rtpIsPlayed() throws IOException {
    int port = freePort();
    Path sdp =
        Files.writeString(
            directory.resolve("rtp.sdp"),
            """
            v=0
            o=- 0 0 IN IP4 127.0.0.1
            s=guest
            c=IN IP4 127.0.0.1
            t=0 0
            m=video %d RTP/AVP 96
            a=rtpmap:96 H264/90000
            """
                .formatted(port));
    try (Guestcam stream = Guestcam.start("stream", SOURCE, "rtp://127.0.0.1:" + port)) {
      Command.run(decode("-protocol_whitelist", "file,rtp,udp", "-i", sdp.toString()));
      assertEquals(10, pictures());
      stream.signal("TERM");
      assertEquals(0, stream.awaitEnd(), stream::errors);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1,Could not open resource,rtsp://127.0.0.1:9/x",
    "1,srt://127.0.0.1:9 ended,srt://127.0.0.1:9",
    "3,whipclientsink,whip://127.0.0.1/x",
    "2,names no port,rtp://127.0.0.1",
    "2,names no port,srt://127.0.0.1",
    "2,there is no directory,hls:/nonexistent",
    "2,begins with none of,http://127.0.0.1/x"
  })
  void whatIsWrongIsSaid(int status, String words, String url) {
    try (Guestcam done = Guestcam.run("stream", "--duration", "60s", SOURCE, url)) {
      done.requireEnd(status, words);
    }
  }
}
