// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The camera in OBS Studio, on an X server without a screen: the scene of {@code examples/obs}, of
 * whose recording the guest's frame numbers are read back.
 */
@Tag("lab")
@Tag("desktop")
@Timeout(1800)
class ObsTest {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 480;
  private static final int PICTURES = 3;

  /** Emulated and on a busy machine, OBS draws a picture in five seconds. */
  private static final int LOOKS = 60;

  private static final String GLOBAL =
      """
      [General]
      Pre19Defaults=false
      Pre21Defaults=false
      Pre23Defaults=false
      Pre24.1Defaults=false
      FirstRun=true
      LastVersion=503447555
      EnableAutoUpdates=false
      [Basic]
      Profile=guestcam
      ProfileDir=guestcam
      SceneCollection=guestcam
      SceneCollectionFile=guestcam
      """;

  private static final String PROFILE =
      """
      [General]
      Name=guestcam
      [Video]
      BaseCX=640
      BaseCY=480
      OutputCX=640
      OutputCY=480
      FPSType=0
      FPSCommon=10
      [Output]
      Mode=Simple
      [SimpleOutput]
      FilePath=VIDEOS
      RecFormat2=mkv
      RecQuality=HQ
      RecEncoder=x264
      """;

  @TempDir private Path home;

  private Process obs(String display) throws IOException {
    Path configuration = home.resolve(".config/obs-studio");
    Path profile = Files.createDirectories(configuration.resolve("basic/profiles/guestcam"));
    Path scenes = Files.createDirectories(configuration.resolve("basic/scenes"));
    Path videos = Files.createDirectories(home.resolve("videos"));
    Files.writeString(configuration.resolve("global.ini"), GLOBAL);
    Files.writeString(profile.resolve("basic.ini"), PROFILE.replace("VIDEOS", videos.toString()));
    Files.copy(Examples.path("obs/guestcam.json"), scenes.resolve("guestcam.json"));
    ProcessBuilder builder =
        new ProcessBuilder(
            "obs",
            "--startrecording",
            "--multi",
            "--disable-shutdown-check",
            "--disable-updater",
            "--disable-missing-files-check");
    builder.environment().put("HOME", home.toString());
    builder.environment().put("XDG_RUNTIME_DIR", home.toString());
    builder.environment().put("DISPLAY", display);
    return builder.redirectErrorStream(true).start();
  }

  /** Waits until it says that it records; what it says afterwards is thrown away. */
  private static void awaitRecording(Process obs) throws IOException {
    BufferedReader said =
        new BufferedReader(new InputStreamReader(obs.getInputStream(), StandardCharsets.UTF_8));
    StringBuilder all = new StringBuilder();
    for (String line; (line = said.readLine()) != null; all.append(line).append('\n')) {
      if (line.contains("Recording Start")) {
        Thread.ofVirtual().start(() -> said.lines().forEach(more -> {}));
        return;
      }
    }
    throw new AssertionError("OBS does not record:\n" + all);
  }

  /** The guest's frames that the recording has so far. */
  private Set<Long> recorded() throws IOException {
    try (var files = Files.newDirectoryStream(home.resolve("videos"))) {
      for (Path file : files) {
        if (Command.of("ffmpeg", "-v", "error", "-i", file.toString(), "-f", "null", "-").status()
            == 0) {
          try (Recording video = Recording.byFfmpeg(file, PixelFormat.RGB888, WIDTH, HEIGHT)) {
            return new TreeSet<>(video.requireRising(PixelFormat.RGB888, WIDTH, HEIGHT));
          }
        }
      }
    }
    return Set.of();
  }

  @Test
  void obsRecordsTheGuest() throws IOException, InterruptedException {
    Process server =
        new ProcessBuilder("Xvfb", "-displayfd", "1", "-screen", "0", "1024x640x24")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    Process obs = null;
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=5&memory=dmabuf", "v4l2:/dev/video20")) {
      flow.awaitFrames(2);
      String display = ":" + server.inputReader().readLine();
      obs = obs(display);
      awaitRecording(obs);
      Set<Long> numbers = recorded();
      for (int i = 0; numbers.size() < PICTURES; i++) {
        assertTrue(i < LOOKS && obs.isAlive(), "OBS recorded " + numbers);
        flow.awaitFrames(flow.taken() + 20);
        numbers = recorded();
      }
      assertEquals(0, flow.copiedBytes(), "guestcam copied on " + flow.path());
    } finally {
      for (Process process : obs == null ? List.of(server) : List.of(obs, server)) {
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly().waitFor();
        all.forEach(ProcessHandle::destroyForcibly);
      }
    }
  }
}
