// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** GStreamer's own leak tracer has nothing to say, and nothing else is left either. */
@Tag("gst")
@Timeout(300)
class GstLeakTest {
  private static final Pattern LEFT =
      Pattern.compile("endurance: gst: files (-?\\d+) threads (-?\\d+) heap (-?\\d+)");

  @Test
  void tenThousandFramesAndTwoHundredRestartsAndModesLeaveNothing() throws Exception {
    String output = run("10000", "200", "200");
    List<String> alive =
        output.lines().filter(line -> line.contains(":0:: object-alive, type-name")).toList();
    assertEquals(List.of(), alive);
    Matcher left = LEFT.matcher(output);
    assertTrue(left.find(), output);
    assertTrue(Integer.parseInt(left.group(1)) <= 0, left.group());
    assertTrue(Integer.parseInt(left.group(2)) <= 0, left.group());
    // 100 bytes a frame would be a million: what classes take in that first use of a pipeline.
    assertTrue(Long.parseLong(left.group(3)) < 3_000_000, left.group());
  }

  private static String run(String... numbers) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-ea:org.guestcam...",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp",
            System.getProperty("java.class.path"),
            "org.guestcam.tests.lab.GstEndurance",
            numbers[0],
            numbers[1],
            numbers[2]);
    builder.environment().put("GST_TRACERS", "leaks");
    builder.environment().put("GST_DEBUG", "GST_TRACER:7");
    builder.environment().put("GST_DEBUG_NO_COLOR", "1");
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }
}
