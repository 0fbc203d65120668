// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.guestcam.Bridge;
import org.guestcam.BridgeStats;
import org.guestcam.Pace;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Providers;

/**
 * The benchmark of the V4L2 sink; tests/lab/bench runs it in the lab's VM. The VM's clock counts
 * instructions, so numbers are the same in every run, but for the JIT, which may still be at work
 * in the first round: what is measured in two rounds is the cheaper of the two.
 *
 * <p>Its exit status tells whether everything could be measured, never whether a goal was reached.
 */
final class SinkBench {
  private static final List<Size> SIZES =
      List.of(new Size(640, 480), new Size(1920, 1080), new Size(3840, 2160));
  private static final int MILLIHERTZ = 60_000;
  private static final int ROUNDS = 2;
  private static final int WARM = 10;
  private static final int FRAMES = 120;
  private static final int PAGE = 4096;
  private static final int WARM_UPS = 12;

  /** By the VM's clock, which leaps ahead while the VM waits for the host. */
  private static final int LIMIT_MINUTES = 30;

  private static final Pace ON_CHANGE = new Pace.OnChange(0, Pace.DEFAULT_KEEPALIVE_NANOS);

  private static final double GOAL_SIZE = 1.05;
  private static final double GOAL_FLOOR = 1.5;

  /** Who shows the pictures, and how. */
  private enum Contender {
    GUESTCAM_DMABUF("vivid", "guestcam, DMABUF"),
    GUESTCAM_CHANGE("vivid", "guestcam, DMABUF, --rate change"),
    FLOOR_DMABUF("vivid", "C floor, DMABUF"),
    FLOOR_HANDOVER("vivid", "C floor, DMABUF, handed over by a thread"),
    GST_DMABUF("vivid", "gst v4l2sink io-mode=dmabuf-import"),
    GUESTCAM_COPY("vivid", "guestcam, MMAP copy"),
    FLOOR_COPY("vivid", "C floor, MMAP copy"),
    GST_COPY("vivid", "gst v4l2sink io-mode=mmap"),
    GUESTCAM_LOOPBACK("v4l2loopback", "guestcam, MMAP copy"),
    FLOOR_LOOPBACK("v4l2loopback", "C floor, MMAP copy"),
    GST_LOOPBACK("v4l2loopback", "gst v4l2sink io-mode=mmap"),
    GUESTCAM_OWN("guestcam_loopback", "guestcam, DMABUF");

    private final String device;
    private final String label;

    Contender(String device, String label) {
      this.device = device;
      this.label = label;
    }
  }

  private final Path tools;
  private final Path vividOut;
  private final Path vividIn;
  private final Path loopback;
  private final Path own;
  private final LoopbackBench loopbacks;
  private final Map<Contender, Map<Size, Cost>> costs = new EnumMap<>(Contender.class);
  private final List<String> problems = new ArrayList<>();

  private SinkBench(Path tools) throws IOException {
    this.tools = tools;
    vividOut = node("vid-out");
    vividIn = node("vid-cap");
    loopback = node("lab");
    own = node("guestcam out: own");
    loopbacks =
        new LoopbackBench(
            tools.resolve("loopback"),
            loopback,
            own,
            node("own"),
            (to, size, frames) -> guestcam(to, size, 0, MILLIHERTZ, WARM, frames, "DMABUF"),
            (to, size, frames) -> guestcam(to, size, 0, MILLIHERTZ, WARM, frames, "MMAP copy"),
            this::gstCopy);
  }

  /** Measures; the argument is the directory of floor, loopback and probe.so. */
  public static void main(String[] arguments) throws IOException, LayoutException {
    // Out of the share: while the VM waits for the host its clock leaps ahead.
    Path tools = Files.createTempDirectory("bench");
    for (String tool : List.of("floor", "loopback", "probe.so")) {
      Files.copy(
          Path.of(arguments[0], tool), tools.resolve(tool), StandardCopyOption.COPY_ATTRIBUTES);
    }
    SinkBench bench = new SinkBench(tools);
    bench.measure();
    bench.print();
    bench.problems.forEach(problem -> say("NOT MEASURED: " + problem));
    System.exit(bench.problems.isEmpty() ? 0 : 1);
  }

  private static Path node(String part) throws IOException {
    try (Stream<Path> nodes = Files.list(Path.of("/sys/class/video4linux"))) {
      for (Path node : nodes.toList()) {
        String name = Files.readString(node.resolve("name")).strip();
        if (name.equals(part) || (part.startsWith("vid") && name.contains(part))) {
          return Path.of("/dev").resolve(node.getFileName());
        }
      }
    }
    throw new IOException("no V4L2 device is named " + part);
  }

  private static void say(String line) {
    System.out.println("bench: " + line);
  }

  private void measure() throws IOException, LayoutException {
    warmUp(0, "DMABUF");
    warmUp(PAGE, "MMAP copy");
    calls();
    for (int round = 0; round < ROUNDS; round++) {
      for (Size size : SIZES) {
        measure(size, round);
      }
    }
    for (Contender contender : Contender.values()) {
      for (Size size : SIZES) {
        if (!costs.getOrDefault(contender, Map.of()).containsKey(size)) {
          problems.add(contender.device + ", " + size + ", " + contender.label);
        }
      }
    }
    say("gst v4l2sink io-mode=dmabuf-import on v4l2loopback: " + whyNoImport());
  }

  /** The JIT's work: until a frame costs no heap any more, so that its methods are compiled. */
  private void warmUp(long offset, String path) throws IOException, LayoutException {
    Cost last = null;
    for (int i = 0; i < WARM_UPS && (last == null || last.heapBytes() >= 1 || i < 4); i++) {
      last = guestcam(vividOut, new Size(320, 240), offset, 200_000, 1, 400, path);
    }
    say(
        String.format(
            Locale.ROOT,
            "warmed up, %s: %.1f us and %.1f bytes of heap a frame",
            path,
            us(last),
            last.heapBytes()));
  }

  /** What single calls cost in Java and in C, to see where a frame's time goes. */
  private void calls() throws IOException {
    try (Calls calls = new Calls(vividOut)) {
      calls.measure();
      say(
          "single calls in Java: "
              + calls
              + "; in C, ns: poll, eventfd write and read, failing DQBUF: "
              + run(
                      Map.of(),
                      tools.resolve("floor").toString(),
                      "calls",
                      vividOut.toString(),
                      "1",
                      "1",
                      "1",
                      "1")
                  .output()
                  .strip());
    }
  }

  /** guestcam goes first: it gives the device the display timings that the others find. */
  private void measure(Size size, int round) throws IOException, LayoutException {
    boolean large = size.width() > 1920;
    int copies = large ? 24 : 60;
    add(
        Contender.GUESTCAM_DMABUF,
        size,
        guestcam(vividOut, size, 0, MILLIHERTZ, WARM, FRAMES, "DMABUF"));
    add(
        Contender.GUESTCAM_CHANGE,
        size,
        guestcam(vividOut, size, 0, MILLIHERTZ, WARM, FRAMES, "DMABUF", ON_CHANGE));
    add(Contender.FLOOR_DMABUF, size, floor("dmabuf", vividOut, size, FRAMES));
    add(Contender.FLOOR_HANDOVER, size, floor("handover", vividOut, size, FRAMES));
    if (round > 0) {
      return;
    }
    add(Contender.GST_DMABUF, size, gstImport(size));
    add(
        Contender.GUESTCAM_COPY,
        size,
        guestcam(vividOut, size, PAGE, MILLIHERTZ, WARM, copies, "MMAP copy"));
    add(Contender.FLOOR_COPY, size, floor("copy", vividOut, size, copies));
    add(Contender.GST_COPY, size, gstCopy(vividOut, size, copies));
    add(
        Contender.GUESTCAM_LOOPBACK,
        size,
        guestcam(loopback, size, 0, MILLIHERTZ, WARM, copies, "MMAP copy"));
    add(Contender.FLOOR_LOOPBACK, size, floor("copy", loopback, size, copies));
    add(Contender.GST_LOOPBACK, size, gstCopy(loopback, size, copies));
    add(Contender.GUESTCAM_OWN, size, guestcam(own, size, 0, MILLIHERTZ, WARM, FRAMES, "DMABUF"));
    problems.addAll(loopbacks.measure(size));
  }

  private void add(Contender contender, Size size, Cost cost) {
    if (cost != null) {
      costs
          .computeIfAbsent(contender, _ -> new LinkedHashMap<>())
          .merge(size, cost, Cost::orCheaper);
    }
  }

  /** As {@code guestcam run} has it, but for the source. */
  private static Cost guestcam(
      Path device, Size size, long offset, int milliHertz, int warm, int measured, String path)
      throws IOException, LayoutException {
    return guestcam(device, size, offset, milliHertz, warm, measured, path, new Pace.OfSource());
  }

  private static Cost guestcam(
      Path device,
      Size size,
      long offset,
      int milliHertz,
      int warm,
      int measured,
      String path,
      Pace pace)
      throws IOException, LayoutException {
    BenchSource source = new BenchSource(size, offset, milliHertz, warm, measured);
    Endpoint sink = Endpoint.parse("v4l2:" + device);
    try (Bridge bridge =
        new Bridge(
            source,
            rate ->
                Providers.sink(sink)
                    .open(
                        sink,
                        new FrameSinkProvider.Options(offset == 0 && path.equals("DMABUF"), rate)),
            pace,
            Bridge.Limits.NONE)) {
      Bridge.Ending ending = bridge.run();
      BridgeStats.Snapshot total = bridge.stats().total(System.nanoTime());
      Cost cost = source.cost();
      System.err.println(
          String.format(
              Locale.ROOT,
              "guestcam %s %s on %s: %.1f us, %.1f fps, %.1f bytes of heap, %s, %d repeated, %d overtaken, %s",
              size,
              path,
              device,
              us(cost),
              cost.fps(),
              cost.heapBytes(),
              ending,
              total.repeated(),
              total.overtaken(),
              total.path()));
      if (!total.path().startsWith(path)) {
        throw new IOException(device + " was shown by " + total.path() + ", not " + path);
      }
      return cost;
    }
  }

  private Cost floor(String mode, Path device, Size size, int measured) throws IOException {
    Result result =
        run(
            Map.of(),
            tools.resolve("floor").toString(),
            mode,
            device.toString(),
            Integer.toString(size.width()),
            Integer.toString(size.height()),
            Integer.toString(WARM),
            Integer.toString(measured));
    System.err.println("floor " + mode + " " + size + " on " + device + ": " + result.output());
    return result.status() == 0 ? Cost.parse(result.output()) : null;
  }

  /** imagefreeze sends one picture again and again without making it anew. */
  private Cost gstCopy(Path device, Size size, int measured) throws IOException {
    return gst(
        measured,
        "videotestsrc num-buffers=1 ! "
            + raw(size)
            + " ! imagefreeze num-buffers="
            + (measured + 30)
            + " ! v4l2sink sync=false io-mode=mmap device="
            + device);
  }

  /** The dma-buf is one that vivid's capture side exports; gst-launch has no other at hand. */
  private Cost gstImport(Size size) throws IOException {
    Result timings =
        run(
            Map.of(),
            "v4l2-ctl",
            "-d",
            vividIn.toString(),
            "--set-dv-bt-timings",
            "cvt,width=" + size.width() + ",height=" + size.height() + ",fps=60");
    System.err.print(timings.output());
    return gst(
        FRAMES,
        "v4l2src io-mode=dmabuf num-buffers=1 device="
            + vividIn
            + " ! "
            + raw(size).replace(",framerate=60/1", "")
            + " ! imagefreeze num-buffers="
            + (FRAMES + 30)
            + " ! v4l2sink sync=false io-mode=dmabuf-import device="
            + vividOut);
  }

  private static String raw(Size size) {
    return "video/x-raw,format=BGRx,width="
        + size.width()
        + ",height="
        + size.height()
        + ",framerate=60/1";
  }

  private Cost gst(int measured, String pipeline) throws IOException {
    Path out = Files.createTempFile("probe", ".txt");
    List<String> words = new ArrayList<>(List.of("gst-launch-1.0", "-q"));
    words.addAll(List.of(pipeline.split(" ")));
    Result result =
        run(
            Map.of(
                "LD_PRELOAD",
                tools.resolve("probe.so").toString(),
                "BENCH_WARM",
                Integer.toString(WARM),
                "BENCH_FRAMES",
                Integer.toString(measured),
                "BENCH_OUT",
                out.toString()),
            words.toArray(String[]::new));
    String cost = Files.readString(out);
    System.err.println(pipeline + ": " + result.status() + " " + result.output() + cost);
    return result.status() == 0 && !cost.isBlank() ? Cost.parse(cost) : null;
  }

  /** What gst-launch says when it is to import a dma-buf into v4l2loopback. */
  private String whyNoImport() throws IOException {
    Result result =
        run(
            Map.of(),
            ("gst-launch-1.0 -q v4l2src io-mode=dmabuf num-buffers=1 device="
                    + vividIn
                    + " ! video/x-raw,format=BGRx ! v4l2sink io-mode=dmabuf-import device="
                    + loopback)
                .split(" "));
    return result.status() == 0
        ? "works"
        : result
            .output()
            .lines()
            .filter(
                line ->
                    line.contains("ERROR") || line.contains("REQBUFS") || line.contains("support"))
            .findFirst()
            .orElse(result.output());
  }

  record Result(int status, String output) {}

  static Result run(Map<String, String> environment, String... words) throws IOException {
    Path output = Files.createTempFile("output", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    try {
      if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    Result result = new Result(process.exitValue(), Files.readString(output));
    Files.delete(output);
    return result;
  }

  private static double us(Cost cost) {
    return cost.cpuNanos() / 1000;
  }

  private void print() {
    say("CPU time of a frame in microseconds; flip to release (guestcam), before QBUF or copy to");
    say("behind DQBUF (the others) in milliseconds: p50 / p99; frames a second");
    for (Contender contender : Contender.values()) {
      StringBuilder line = new StringBuilder();
      line.append(String.format(Locale.ROOT, "%-17s | %-40s", contender.device, contender.label));
      for (Size size : SIZES) {
        Cost cost = costs.getOrDefault(contender, Map.of()).get(size);
        line.append(
            cost == null
                ? String.format(Locale.ROOT, " | %-9s not measured", size)
                : String.format(
                    Locale.ROOT,
                    " | %-9s %8.1f us %5.1f / %5.1f ms %5.1f fps",
                    size,
                    us(cost),
                    cost.p50Nanos() / 1e6,
                    cost.p99Nanos() / 1e6,
                    cost.fps()));
      }
      say(line.toString());
    }
    ratios("guestcam / C floor, DMABUF", Contender.GUESTCAM_DMABUF, Contender.FLOOR_DMABUF);
    ratios("guestcam / C floor handed over", Contender.GUESTCAM_DMABUF, Contender.FLOOR_HANDOVER);
    ratios("gst / guestcam, DMABUF", Contender.GST_DMABUF, Contender.GUESTCAM_DMABUF);
    ratios("guestcam / C floor, copy", Contender.GUESTCAM_COPY, Contender.FLOOR_COPY);
    ratios("gst / guestcam, copy", Contender.GST_COPY, Contender.GUESTCAM_COPY);
    ratios(
        "guestcam / C floor, v4l2loopback", Contender.GUESTCAM_LOOPBACK, Contender.FLOOR_LOOPBACK);
    ratios("gst / guestcam, v4l2loopback", Contender.GST_LOOPBACK, Contender.GUESTCAM_LOOPBACK);
    ratios("gst copy / guestcam DMABUF", Contender.GST_COPY, Contender.GUESTCAM_DMABUF);

    loopbacks.lines().forEach(SinkBench::say);
    Map<Size, Cost> ours = costs.getOrDefault(Contender.GUESTCAM_DMABUF, Map.of());
    goal(
        "4K / 640x480, guestcam DMABUF",
        ours.get(SIZES.getLast()),
        ours.get(SIZES.getFirst()),
        GOAL_SIZE);
    for (Size size : SIZES) {
      goal(
          size + ": guestcam DMABUF / C floor",
          ours.get(size),
          costs.getOrDefault(Contender.FLOOR_DMABUF, Map.of()).get(size),
          GOAL_FLOOR);
    }
  }

  private void ratios(String what, Contender above, Contender below) {
    StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "ratio: %-34s", what));
    for (Size size : SIZES) {
      Cost a = costs.getOrDefault(above, Map.of()).get(size);
      Cost b = costs.getOrDefault(below, Map.of()).get(size);
      line.append(
          a == null || b == null
              ? String.format(Locale.ROOT, " | %-9s -", size)
              : String.format(Locale.ROOT, " | %-9s %6.2f", size, a.cpuNanos() / b.cpuNanos()));
    }
    say(line.toString());
  }

  private static void goal(String what, Cost above, Cost below, double most) {
    if (above == null || below == null) {
      return;
    }
    double ratio = above.cpuNanos() / below.cpuNanos();
    say(
        String.format(
            Locale.ROOT,
            "goal: %-34s %.2f <= %.2f: %s",
            what,
            ratio,
            most,
            ratio <= most ? "met" : "MISSED"));
  }
}
