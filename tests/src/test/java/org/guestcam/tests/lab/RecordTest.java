// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code guestcam record}, and ffmpeg as the reader of what it leaves. */
@Tag("gst")
@Timeout(300)
class RecordTest {
  private static final String SOURCE = "pattern:?size=320x240&fps=60";

  @TempDir private Path directory;

  @Test
  @Tag("gst-lab")
  void aLosslessRecordingHasEveryPixel() {
    Path file = directory.resolve("exact.mkv");
    try (Guestcam done =
        Guestcam.run(
            "record",
            "--encoder",
            "ffv1",
            "--frames",
            "40",
            "pattern:?size=333x241&fps=20",
            file.toString())) {
      assertEquals(0, done.awaitEnd(), done::errors);
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.RGB888, 333, 241)) {
      List<Long> numbers = recording.requireExact(PixelFormat.RGB888, 333, 241);
      assertEquals(40, new HashSet<>(numbers).size(), "each new frame once: " + numbers);
    }
  }

  @ParameterizedTest
  @CsvSource({"mkv,INT", "mkv,TERM", "mkv,KILL", "mp4,INT", "mp4,TERM", "mp4,KILL", "webm,TERM"})
  void aFileCanBePlayedHoweverItEnded(String ending, String signal) throws IOException {
    Path file = directory.resolve("guest." + ending);
    try (Guestcam recorder = Guestcam.start("record", "--json", SOURCE, file.toString())) {
      recorder.awaitFrames(90).signal(signal);
      assertEquals(signal.equals("KILL") ? 137 : 0, recorder.awaitEnd(), recorder::errors);
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.XRGB8888, 320, 240)) {
      // Of a killed one the newest second may be missing.
      int least = signal.equals("KILL") ? 30 : 90;
      assertTrue(recording.frames() >= least, recording.frames() + " frames");
    }
  }

  @Test
  void segmentsFollowEachOther() throws IOException {
    Path file = directory.resolve("long.mkv");
    try (Guestcam recorder =
        Guestcam.start("record", "--json", "--segment", "1s", SOURCE, file.toString())) {
      recorder.awaitFrames(200).signal("TERM"); // more than three seconds of at most 60 a second
      assertEquals(0, recorder.awaitEnd(), recorder::errors);
    }
    int frames = 0;
    for (String part : List.of("long-00000.mkv", "long-00001.mkv", "long-00002.mkv")) {
      try (Recording recording =
          Recording.byFfmpeg(directory.resolve(part), PixelFormat.XRGB8888, 320, 240)) {
        frames += recording.frames();
      }
    }
    assertTrue(frames >= 60, frames + " frames in the first three");
  }

  @Test
  void aChangeOfModeIsScaledOrBeginsANewFile() throws IOException {
    String source = "pattern:?modes=320x240@150,640x480@60&fps=30&frames=210";
    Path scaled = directory.resolve("scaled.mkv");
    Path parts = directory.resolve("parts.mkv");
    try (Guestcam one = Guestcam.run("record", source, scaled.toString());
        Guestcam two =
            Guestcam.run(
                "record", "--encoder", "ffv1", "--on-resize", "new", source, parts.toString())) {
      assertEquals(0, one.awaitEnd(), one::errors);
      assertEquals(0, two.awaitEnd(), two::errors);
    }
    try (Recording recording = Recording.byFfmpeg(scaled, PixelFormat.XRGB8888, 320, 240)) {
      assertTrue(recording.frames() > 30, recording.frames() + " frames of one size");
    }
    try (Recording second =
        Recording.byFfmpeg(directory.resolve("parts-002.mkv"), PixelFormat.RGB888, 640, 480)) {
      assertTrue(second.requireExact(PixelFormat.RGB888, 640, 480).size() > 5);
    }
  }

  @Test
  @Tag("gst-lab")
  void aFullDiskIsNamedAndWhatIsThereIsKept() throws IOException {
    Path file = Files.createSymbolicLink(directory.resolve("full.mkv"), Path.of("/dev/full"));
    try (Guestcam done = Guestcam.run("record", "--duration", "60s", SOURCE, file.toString())) {
      assertEquals(1, done.awaitEnd(), done::errors);
      assertTrue(done.errors().contains("is full"), done::errors);
    }
  }

  @Test
  void aGuestThatShowsNothingIsSaid() throws IOException {
    Path socket = directory.resolve("silent.sock");
    Path file = directory.resolve("nothing.mkv");
    try (ServerSocketChannel silent = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      silent.bind(UnixDomainSocketAddress.of(socket));
      try (Guestcam done =
          Guestcam.run("record", "--duration", "1s", "unixfd:" + socket, file.toString())) {
        assertEquals(1, done.awaitEnd(), done::errors);
        assertTrue(done.errors().contains("the guest showed no picture"), done::errors);
        assertTrue(done.errors().contains(file.toString()), done::errors);
      }
    }
  }

  @Test
  @Tag("gst-lab")
  void aBadPipelineIsNoCrash() {
    try (Guestcam done = Guestcam.run("run", "pattern:", "gst:nosuchelement")) {
      assertEquals(3, done.awaitEnd(), done::errors);
    }
  }

  @Test
  void launchKnowsGuestsAsAnElement() {
    Path file = directory.resolve("launched.mkv");
    String pipeline =
        "guestframesrc uri=pattern:?size=320x240&fps=20&frames=60 ! avenc_ffv1 ! matroskamux !"
            + " filesink location=";
    try (Guestcam done = Guestcam.run("launch", pipeline + file)) {
      assertEquals(0, done.awaitEnd(), done::errors);
    }
    try (Recording recording = Recording.byFfmpeg(file, PixelFormat.RGB888, 320, 240)) {
      assertTrue(recording.requireExact(PixelFormat.RGB888, 320, 240).size() > 5);
    }
    try (Guestcam done = Guestcam.run("launch", "guestframesrc uri=nosuch:x ! fakesink")) {
      assertEquals(1, done.awaitEnd(), done::errors);
      assertTrue(done.errors().contains("no source has the scheme"), done::errors);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3,'has no element ''nosuchelement''',run|pattern:|gst:nosuchelement",
    "2,cannot make a pipeline,run|pattern:|gst:fakesink ! ! fakesink",
    "2,takes no vp8,record|--encoder|vp8|pattern:|/tmp/x.mp4",
    "2,no encoder 'h266',record|--encoder|h266|pattern:|/tmp/x.mp4",
    "2,its name ends in .mkv,record|pattern:|/tmp/x.avi",
    "3,nvh264enc,record|--encoder|nvenc-h264|pattern:|/tmp/x.mkv",
    "1,there is no directory,record|pattern:|/nonexistent/x.mkv",
    "1,takes no video/x-raw,run|pattern:|gst:audioconvert ! fakesink",
    "1,nothing downstream takes video/x-raw,"
        + "'launch|guestframesrc uri=pattern: ! video/x-raw,format=NV12 ! fakesink'"
  })
  void whatIsWrongIsSaid(int status, String words, String command) {
    try (Guestcam done = Guestcam.run(command.split("\\|"))) {
      done.requireEnd(status, words);
    }
  }
}
