// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.guestcam.frame.LayoutException;

/**
 * A frame's whole way through a loopback, producer, kernel and reader together: guestcam_loopback,
 * whose readers map the producer's pages, next to v4l2loopback. {@code tests/bench/loopback.c} is
 * producer and reader in one thread, or the reader of a {@link Producer}'s pictures.
 */
final class LoopbackBench {
  private static final int WARM = 10;

  /** Of a reader that reads another program's pictures. */
  private static final int READ = 20;

  /** A reader starts while its producer shows already, and may miss some. */
  private static final int SHOWN = 3 * (WARM + 2 * READ);

  /** Which goal: at 1080p at most that part of write() into v4l2loopback, untouched. */
  private static final double GOAL_WRITE = 500;

  /** Which goal: the largest size against the smallest, untouched. */
  private static final double GOAL_SIZE = 1.05;

  private static final Size MIDDLE = new Size(1920, 1080);

  private static final String OWN = "guestcam_loopback, C, dma-bufs";
  private static final String OWN_GUESTCAM = "guestcam_loopback, guestcam, dma-bufs";
  private static final String WRITE = "v4l2loopback, C, write()";
  private static final String COPY = "v4l2loopback, C, memcpy into its buffers";
  private static final String COPY_GUESTCAM = "v4l2loopback, guestcam's copy";
  private static final String COPY_GST = "v4l2loopback, gst ... ! v4l2sink";

  /** Shows pictures on a device until so many are measured. */
  interface Producer {
    /** What a frame cost it, or null where that could not be measured. */
    Cost show(Path device, Size size, int frames) throws IOException, LayoutException;
  }

  /** Nanoseconds of the median frame. */
  private record Figures(double untouched, double touched, double latency) {
    static Figures parse(String line) throws IOException {
      String[] words = line.strip().split(" ", -1);
      if (words.length != 3) {
        throw new IOException(line.strip());
      }
      return new Figures(
          Double.parseDouble(words[0]), Double.parseDouble(words[1]), Double.parseDouble(words[2]));
    }

    Figures plus(double producer) {
      return new Figures(untouched + producer, touched + producer, latency);
    }
  }

  private final Path program;
  private final Path other;
  private final Path output;
  private final Path capture;
  private final Producer guestcam;
  private final Producer guestcamCopy;
  private final Producer gst;
  private final Map<String, Map<Size, Figures>> figures = new LinkedHashMap<>();

  /**
   * @param other v4l2loopback's node
   * @param output guestcam_loopback's node for the producer
   * @param capture its node for readers
   * @param guestcam by dma-bufs
   * @param guestcamCopy by a copy
   */
  LoopbackBench(
      Path program,
      Path other,
      Path output,
      Path capture,
      Producer guestcam,
      Producer guestcamCopy,
      Producer gst) {
    this.program = program;
    this.other = other;
    this.output = output;
    this.capture = capture;
    this.guestcam = guestcam;
    this.guestcamCopy = guestcamCopy;
    this.gst = gst;
  }

  /** Measures every way at that size; what could not be measured, and why. */
  List<String> measure(Size size) {
    List<String> problems = new ArrayList<>();
    add(OWN, size, problems, () -> alone("dmabuf", output, capture, size, 400));
    add(OWN_GUESTCAM, size, problems, () -> read(guestcam, output, capture, size));
    add(WRITE, size, problems, () -> alone("write", other, other, size, 24));
    add(COPY, size, problems, () -> alone("copy", other, other, size, 24));
    add(COPY_GUESTCAM, size, problems, () -> read(guestcamCopy, other, other, size));
    add(COPY_GST, size, problems, () -> read(gst, other, other, size));
    return problems;
  }

  /** One way of one picture. */
  private interface Way {
    Figures measure() throws IOException, LayoutException;
  }

  private void add(String label, Size size, List<String> problems, Way way) {
    try {
      figures.computeIfAbsent(label, _ -> new LinkedHashMap<>()).put(size, way.measure());
    } catch (IOException | LayoutException e) {
      problems.add(label + ", " + size + ": " + e.getMessage());
    }
  }

  private Figures run(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of(words));
    SinkBench.Result result = SinkBench.run(Map.of(), command.toArray(String[]::new));
    return Figures.parse(result.output());
  }

  private Figures alone(String mode, Path to, Path from, Size size, int frames) throws IOException {
    return run(
        mode,
        to.toString(),
        from.toString(),
        Integer.toString(size.width()),
        Integer.toString(size.height()),
        Integer.toString(WARM),
        Integer.toString(frames));
  }

  /** The producer's cost and the reader's, at the same time. */
  private Figures read(Producer producer, Path to, Path from, Size size)
      throws IOException, LayoutException {
    CompletableFuture<Figures> reader =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return run(
                    "read",
                    from.toString(),
                    Integer.toString(size.width()),
                    Integer.toString(size.height()),
                    Integer.toString(WARM),
                    Integer.toString(READ));
              } catch (IOException e) {
                throw new CompletionException(e);
              }
            });
    Cost cost = producer.show(to, size, SHOWN);
    if (cost == null) {
      throw new IOException("the producer failed");
    }
    try {
      return reader.join().plus(cost.cpuNanos());
    } catch (CompletionException e) {
      throw new IOException(e.getCause());
    }
  }

  /** The table, its ratios, and whether the goals were reached. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "a frame's whole way, CPU of producer, kernel and reader: untouched, one pixel a page");
    lines.add("touched; and from the flip (C: before QBUF or copy) to behind the reader's DQBUF");
    figures.forEach(
        (label, bySize) -> {
          StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-40s", label));
          bySize.forEach(
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
        });
    ratios(lines, WRITE, OWN);
    ratios(lines, COPY, OWN);
    ratios(lines, COPY_GUESTCAM, OWN_GUESTCAM);
    ratios(lines, COPY_GST, OWN_GUESTCAM);
    Map<Size, Figures> own = figures.getOrDefault(OWN, Map.of());
    Map<Size, Figures> written = figures.getOrDefault(WRITE, Map.of());
    if (own.containsKey(MIDDLE) && written.containsKey(MIDDLE)) {
      lines.add(
          goal(
              "1080p: write() into v4l2loopback / guestcam_loopback",
              written.get(MIDDLE).untouched / own.get(MIDDLE).untouched,
              ">=",
              GOAL_WRITE));
    }
    for (String label : List.of(OWN, OWN_GUESTCAM)) {
      List<Figures> all = List.copyOf(figures.getOrDefault(label, Map.of()).values());
      if (all.size() > 1) {
        lines.add(
            goal(
                "4K / 640x480, " + label,
                all.getLast().untouched / all.getFirst().untouched,
                "<=",
                GOAL_SIZE));
      }
    }
    return lines;
  }

  private void ratios(List<String> lines, String above, String below) {
    StringBuilder line =
        new StringBuilder(
            String.format(
                Locale.ROOT, "ratio: %s / %s; untouched, touched, latency", above, below));
    Map<Size, Figures> divisors = figures.getOrDefault(below, Map.of());
    figures
        .getOrDefault(above, Map.of())
        .forEach(
            (size, f) -> {
              Figures divisor = divisors.get(size);
              if (divisor != null) {
                line.append(
                    String.format(
                        Locale.ROOT,
                        " | %-9s %.1f %.1f %.1f",
                        size,
                        f.untouched / divisor.untouched,
                        f.touched / divisor.touched,
                        f.latency / divisor.latency));
              }
            });
    lines.add(line.toString());
  }

  private static String goal(String what, double ratio, String sign, double goal) {
    boolean met = sign.equals("<=") ? ratio <= goal : ratio >= goal;
    return String.format(
        Locale.ROOT, "goal: %s %.2f %s %.2f: %s", what, ratio, sign, goal, met ? "met" : "MISSED");
  }
}
