// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A frame's whole way through a loopback, producer, kernel and reader together: guestcam_loopback,
 * whose readers map the producer's pages, next to v4l2loopback. Measured by {@code
 * tests/bench/loopback.c}.
 */
final class LoopbackBench {
  private static final int WARM = 10;

  /** Which goal: at 1080p at most that part of write() into v4l2loopback, untouched. */
  private static final double GOAL_WRITE = 500;

  /** Which goal: the largest size against the smallest, untouched. */
  private static final double GOAL_SIZE = 1.05;

  private enum Way {
    OWN("guestcam_loopback, dma-bufs", "dmabuf", 400),
    WRITE("v4l2loopback, write()", "write", 24),
    COPY("v4l2loopback, memcpy into its buffers", "copy", 24);

    private final String label;
    private final String mode;
    private final int frames;

    Way(String label, String mode, int frames) {
      this.label = label;
      this.mode = mode;
      this.frames = frames;
    }
  }

  /** Nanoseconds of the median frame. */
  private record Figures(double untouched, double touched, double latency) {}

  private final Path program;
  private final Path other;
  private final Path output;
  private final Path capture;
  private final Map<Way, Map<Size, Figures>> figures = new EnumMap<>(Way.class);

  /**
   * @param other v4l2loopback's node
   * @param output guestcam_loopback's node for the producer
   * @param capture its node for readers
   */
  LoopbackBench(Path program, Path other, Path output, Path capture) {
    this.program = program;
    this.other = other;
    this.output = output;
    this.capture = capture;
  }

  /** Measures every way at that size; what could not be measured, and why. */
  List<String> measure(Size size) throws IOException {
    List<String> problems = new ArrayList<>();
    for (Way way : Way.values()) {
      boolean own = way == Way.OWN;
      SinkBench.Result result =
          SinkBench.run(
              Map.of(),
              program.toString(),
              way.mode,
              (own ? output : other).toString(),
              (own ? capture : other).toString(),
              Integer.toString(size.width()),
              Integer.toString(size.height()),
              Integer.toString(WARM),
              Integer.toString(way.frames));
      String[] words = result.output().strip().split(" ", -1);
      if (result.status() != 0 || words.length != 3) {
        problems.add(way.label + ", " + size + ": " + result.output().strip());
        continue;
      }
      figures
          .computeIfAbsent(way, _ -> new LinkedHashMap<>())
          .put(
              size,
              new Figures(
                  Double.parseDouble(words[0]),
                  Double.parseDouble(words[1]),
                  Double.parseDouble(words[2])));
    }
    return problems;
  }

  /** The table, and whether the goals were reached. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "a frame's whole way, CPU of producer, kernel and reader: untouched, one pixel a page");
    lines.add("touched; and from before QBUF or the copy to behind the reader's DQBUF");
    for (Way way : Way.values()) {
      StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-40s", way.label));
      figures
          .getOrDefault(way, Map.of())
          .forEach(
              (size, f) ->
                  line.append(
                      String.format(
                          Locale.ROOT,
                          " | %-9s %8.1f us %8.1f us %8.1f us",
                          size,
                          f.untouched / 1000,
                          f.touched / 1000,
                          f.latency / 1000)));
      lines.add(line.toString());
    }
    Map<Size, Figures> own = figures.getOrDefault(Way.OWN, Map.of());
    Map<Size, Figures> written = figures.getOrDefault(Way.WRITE, Map.of());
    Size middle = new Size(1920, 1080);
    if (own.containsKey(middle) && written.containsKey(middle)) {
      lines.add(
          goal(
              "1080p: write() into v4l2loopback / guestcam_loopback",
              written.get(middle).untouched / own.get(middle).untouched,
              ">=",
              GOAL_WRITE));
    }
    List<Figures> all = List.copyOf(own.values());
    if (all.size() > 1) {
      lines.add(
          goal(
              "4K / 640x480, guestcam_loopback",
              all.getLast().untouched / all.getFirst().untouched,
              "<=",
              GOAL_SIZE));
    }
    return lines;
  }

  private static String goal(String what, double ratio, String sign, double goal) {
    boolean met = sign.equals("<=") ? ratio <= goal : ratio >= goal;
    return String.format(
        Locale.ROOT, "goal: %s %.2f %s %.2f: %s", what, ratio, sign, goal, met ? "met" : "MISSED");
  }
}
