// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import javax.imageio.ImageIO;
import org.guestcam.FakeSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command line as a user sees it: output, messages, exit codes. */
@Timeout(60)
class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final CleanStop cleanStop = new CleanStop();

  private int guestcam(String... args) {
    CommandLine command = Main.commandLine(cleanStop);
    command.setOut(new PrintWriter(out, true));
    command.setErr(new PrintWriter(err, true));
    return command.execute(args);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | run fake:ten fakesink:null |",
        "1 | run fake:fails fakesink:null | guestcam: fake source: guest lied: stride 3 is too"
            + " small",
        "1 | run fake:ten fakesink:gone | guestcam: the device is gone",
        "1 | run fake:ten fakesink:refuses | guestcam: the device takes MMAP only",
        "3 | run --require-zero-copy fake:ten fakesink:refuses | guestcam: the device takes MMAP"
            + " only",
        "3 | run --require-zero-copy fake:copies fakesink:null | guestcam: fake source copies the"
            + " guest's pixels",
        "3 | run fake:lacks fakesink:null | guestcam: no /dev/udmabuf; load it with: modprobe"
            + " udmabuf",
        "3 | run fake:ten fakesink:lacks | guestcam: no /dev/video7",
        "3 | loopback list | guestcam: there is no /dev/guestcam-loopback: guestcam_loopback is"
            + " not",
        "3 | loopback add x | guestcam: there is no /dev/guestcam-loopback: guestcam_loopback is"
            + " not",
        "2 | loopback | guestcam: a command is missing: add, remove or list",
        "2 | loopback add --idle x | guestcam: --idle: 'x' is none of none, last, picture",
        "2 | loopback add --max-readers -1 | guestcam: --max-readers: -1 is less than 0",
        "2 | loopback add --reader-timeout 2h | guestcam: --reader-timeout: at most 1h",
        "2 | loopback add 12345678901234567890123456789012 | guestcam: NAME: '12345678901234567890",
        "2 | loopback remove | guestcam: Missing required parameter: 'CAMERA'",
        "2 | run fake:nonsense fakesink:null | guestcam: SOURCE: no fake 'nonsense'",
        "2 | run fake:ten?x=1 fakesink:null | guestcam: SOURCE: fake: has no parameter 'x'",
        "2 | run nosuch:x fakesink:null | guestcam: SOURCE: no source has the scheme 'nosuch'",
        "2 | run fake:ten nosuch:x | guestcam: SINK: no sink has the scheme 'nosuch'",
        "2 | run fake:ten /dev/video0 | guestcam: SINK: '/dev/video0' does not begin with a scheme",
        "2 | run fake:ten fakesink:nonsense | guestcam: SINK: no fakesink 'nonsense'",
        "2 | run fake:ten | guestcam: Missing required parameter: 'SINK'",
        "2 | run --rate x fake:ten fakesink:null | guestcam: 'x' is not a rate",
        "2 | run --max-rate 5 fake:ten fakesink:null | guestcam: --max-rate and --keepalive go"
            + " with",
        "2 | run --frames -1 fake:ten fakesink:null | guestcam: --frames: -1 is negative",
        "2 | run --duration 5d fake:ten fakesink:null | guestcam: Invalid value for option"
            + " '--duration'",
        "0 | vhost-user-gpu --print-capabilities |",
        "2 | vhost-user-gpu | guestcam: one of --socket-path and --fd is needed, and only one",
        "2 | vhost-user-gpu --fd 5 --socket-path x | guestcam: one of --socket-path and --fd is"
            + " needed",
        "2 | vhost-user-gpu --socket-path x --sink nosuch:x | guestcam: SINK: no sink has the"
            + " scheme",
        "1 | vhost-user-gpu --socket-path /nowhere/x --sink fakesink:null | guestcam: bind on"
            + " /nowhere/x",
        "2 | vhost-user-gpu --socket-path x --parameters modes=1 --sink fakesink:null | guestcam:"
            + " SOURCE",
        "2 | nonsense | guestcam: Unmatched argument at index 0: 'nonsense'",
        "1 | run fake:bug fakesink:null | guestcam: internal error:"
            + " java.lang.IllegalStateException",
        "1 | snapshot --timeout 50ms fake:silent x.png | guestcam: fake source showed no frame"
            + " within",
        "1 | snapshot fake:fails x.png | guestcam: fake source ended before its first frame: guest"
            + " lied",
      })
  void endsWithItsExitCodeAndSaysWhy(int code, String line, String message) {
    assertEquals(code, guestcam(line.split(" ")), err::toString);
    if (message != null) {
      assertTrue(err.toString().contains(message), err::toString);
    }
    assertFalse(err.toString().contains("\tat "), "no stack trace without --debug");
  }

  @Test
  void withoutACommandItSaysWhatToDo() {
    assertEquals(2, guestcam());
    assertEquals("guestcam: a command is missing\nTry 'guestcam --help'.\n", err.toString());
  }

  @Test
  void debugShowsTheStackTrace() {
    assertEquals(1, guestcam("--debug", "run", "fake:bug", "fakesink:null"));
    assertTrue(err.toString().contains("\tat org.guestcam"), err::toString);
    System.clearProperty("org.slf4j.simpleLogger.defaultLogLevel");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "run", "snapshot", "sources", "devices", "doctor", "demo", "loopback"})
  void everyCommandHelpsWithExamples(String command) {
    assertEquals(0, guestcam((command + " --help").strip().split(" ")));
    assertTrue(out.toString().contains("Examples:"), out::toString);
    assertTrue(out.toString().contains("guestcam " + command), out::toString);
  }

  @Test
  void jsonEndsWithTheFinalObject() {
    assertEquals(0, guestcam("run", "--json", "fake:ten", "fakesink:null"));
    String last = out.toString().strip().lines().toList().getLast();
    assertTrue(last.startsWith("{\"final\":true,"), last);
    assertTrue(last.contains("\"frames_in\":10,"), last);
    assertTrue(last.contains("\"path\":\"FAKE\""), last);
  }

  @Test
  void framesAndDurationEndARun() {
    assertEquals(0, guestcam("run", "--frames", "1", "fake:ten", "fakesink:null"));
    assertTrue(err.toString().contains("guestcam: 1 frames in "), err::toString);
    assertEquals(0, guestcam("run", "--duration", "50ms", "fake:silent", "fakesink:null"));
  }

  @Test
  void aSignalStopsARunWithItsExitCode() throws Exception {
    CompletableFuture<Integer> run =
        CompletableFuture.supplyAsync(
            () -> {
              int code = guestcam("run", "fake:silent", "fakesink:null");
              cleanStop.finished(code);
              return code;
            });
    Integer code = null;
    while (code == null && !run.isDone()) {
      code = cleanStop.stopAndWait(1); // null until the run has said what stops it
    }
    assertEquals(0, code);
    assertEquals(0, run.get());
  }

  @Test
  void aCommandWithNothingToStopEndsAsTheJvmDoes() {
    assertNull(cleanStop.stopAndWait(1));
  }

  @Test
  void listsTheSources() {
    assertEquals(0, guestcam("sources"));
    assertTrue(
        out.toString().contains("fake\n  fake:WHAT  for tests\n  now: fake:ten"), out::toString);
    assertEquals(0, guestcam("sources", "--json"));
    assertTrue(out.toString().contains("\"scheme\" : \"fake\""), out::toString);
  }

  /** libvirt reads both, and wants a list where there is no feature too. */
  @Test
  void aVhostUserProgramSaysWhatItCan() {
    assertEquals(0, guestcam("vhost-user-gpu", "--print-capabilities"));
    assertEquals("{\"type\": \"gpu\", \"features\": []}\n", out.toString());
  }

  @Test
  void writesTheFirstFrameAsPng(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("picture.png");
    assertEquals(0, guestcam("snapshot", "fake:ten", file.toString()), err::toString);
    BufferedImage image = ImageIO.read(file.toFile());
    assertEquals(FakeSource.WIDTH, image.getWidth());
    assertEquals(FakeSource.HEIGHT, image.getHeight());
    assertEquals(file + ": 4x2 pixels\n", out.toString());
  }

  @Test
  void saysWhereAPictureCannotBeWritten(@TempDir Path directory) {
    Path file = directory.resolve("no/picture.png");
    assertEquals(1, guestcam("snapshot", "fake:ten", file.toString()));
    assertTrue(err.toString().contains("there is no directory"), err::toString);
  }
}
