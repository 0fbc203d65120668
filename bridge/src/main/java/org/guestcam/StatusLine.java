// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.io.PrintWriter;
import java.util.Locale;

/**
 * For people: on a terminal one line that is rewritten each second, elsewhere (a log) a line every
 * ten seconds.
 */
public final class StatusLine implements StatusView {
  private static final String TO_LINE_START = "\r";
  private static final String CLEAR_TO_LINE_END = "\u001b[K";

  private final PrintWriter out;
  private final boolean terminal;

  /**
   * A view that writes to {@code out}, which stays the caller's.
   *
   * @param terminal whether lines can be rewritten there
   */
  public StatusLine(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public int periodSeconds() {
    return terminal ? 1 : 10;
  }

  @Override
  public void update(BridgeStats.Snapshot snapshot) {
    if (terminal) {
      out.print(TO_LINE_START + text(snapshot) + CLEAR_TO_LINE_END);
    } else {
      out.println("guestcam: " + text(snapshot));
    }
    out.flush();
  }

  @Override
  public void finished(BridgeStats.Snapshot total) {
    String end =
        total.framesOut() == 0
            ? String.format(Locale.ROOT, "no frame went out in %.1f s", total.seconds())
            : String.format(
                Locale.ROOT,
                "%d frames in %.1f s; %s",
                total.framesOut(),
                total.seconds(),
                text(total));
    out.println((terminal ? TO_LINE_START + CLEAR_TO_LINE_END : "") + "guestcam: " + end);
    out.flush();
  }

  /** One line without its end. */
  static String text(BridgeStats.Snapshot s) {
    return String.format(
        Locale.ROOT,
        "in %.1f fps, out %.1f fps | repeated %d, overtaken %d, torn %d | %s, copied %s%s"
            + " | flip to queue p50 %.0f us, p99 %.0f us",
        s.fpsIn(),
        s.fpsOut(),
        s.repeated(),
        s.overtaken(),
        s.torn(),
        s.path().isEmpty() ? "no frame yet" : s.path(),
        bytes(s.copiedBytes()),
        s.convertedFrames() == 0 ? "" : ", converted " + bytes(s.convertedBytes()),
        s.p50Micros(),
        s.p99Micros());
  }

  private static String bytes(long count) {
    if (count < 1 << 20) {
      return count + " B";
    }
    return count < 1L << 30
        ? String.format(Locale.ROOT, "%.1f MiB", count / (double) (1 << 20))
        : String.format(Locale.ROOT, "%.1f GiB", count / (double) (1 << 30));
  }
}
