// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import org.guestcam.frame.Mailbox;

/**
 * What a bridge counts. The sink's thread writes, without locks or allocation; one other thread at
 * a time takes snapshots.
 */
public final class BridgeStats {
  private static final long LOWEST_NANOS = 100;
  private static final long HIGHEST_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final int DIGITS = 3;

  /**
   * The numbers at one moment. The totals count from the beginning; the rates are those of the time
   * since the snapshot before, or of the whole run in the final one.
   *
   * @param seconds since the beginning
   * @param framesIn frames that the source presented
   * @param framesOut new frames that the sink took; repetitions are not among them
   * @param repeated how often the last frame was given to the sink again
   * @param overtaken frames that were released unseen because a newer one came first
   * @param torn frames that may show parts of two pictures, because the guest drew into them while
   *     they were read
   * @param fpsIn frames a second of the source
   * @param fpsOut frames a second of the sink, with the repeated ones
   * @param copiedBytes pixels that the CPU has copied, in bytes
   * @param convertedFrames frames whose pixels were converted into another format
   * @param convertedBytes what converting them wrote, in bytes
   * @param path how the sink shows frames, as "DMABUF"; empty before the first one
   * @param p50Micros half of the new frames were with the sink that soon after the guest presented
   *     them, in microseconds; 0 before the first one
   * @param p99Micros the same for 99 of 100
   */
  public record Snapshot(
      double seconds,
      long framesIn,
      long framesOut,
      long repeated,
      long overtaken,
      long torn,
      double fpsIn,
      double fpsOut,
      long copiedBytes,
      long convertedFrames,
      long convertedBytes,
      String path,
      double p50Micros,
      double p99Micros) {}

  private final Mailbox mailbox;
  private final SingleWriterRecorder flipToQueue =
      new SingleWriterRecorder(LOWEST_NANOS, HIGHEST_NANOS, DIGITS);
  private final AtomicLong framesOut = new AtomicLong();
  private final AtomicLong repeated = new AtomicLong();
  private final AtomicLong copiedBytes = new AtomicLong();
  private final AtomicLong torn = new AtomicLong();
  private final AtomicLong overtakenBefore = new AtomicLong(); // within the source
  private final AtomicLong convertedFrames = new AtomicLong();
  private final AtomicLong convertedBytes = new AtomicLong();
  private volatile String path = "";
  private volatile long startedAt;

  // Of the thread that takes snapshots.
  private final Histogram allLatencies = new Histogram(LOWEST_NANOS, HIGHEST_NANOS, DIGITS);
  private Histogram newLatencies;
  private long beforeAt;
  private long beforeIn;
  private long beforeOut;

  BridgeStats(Mailbox mailbox) {
    this.mailbox = mailbox;
  }

  /** The run begins at {@code now}. */
  void start(long now) {
    startedAt = now;
  }

  /** The sink took a new frame, {@code latencyNanos} after the guest had presented it. */
  void shown(long latencyNanos) {
    framesOut.setRelease(framesOut.getPlain() + 1);
    flipToQueue.recordValue(Math.clamp(latencyNanos, 0, HIGHEST_NANOS));
  }

  /** The sink took the last frame once more. */
  void repeated() {
    repeated.setRelease(repeated.getPlain() + 1);
  }

  /** What the sink says of itself; asked on its thread, for it belongs to that. */
  void sinkSays(long copied, String how) {
    copiedBytes.setRelease(copied);
    path = how;
  }

  /** What the source counts so far, as {@link org.guestcam.frame.FrameSource} names it. */
  void sourceSays(long tornFrames, long overtakenFrames, long converted, long bytes) {
    torn.setRelease(tornFrames);
    overtakenBefore.setRelease(overtakenFrames);
    convertedFrames.setRelease(converted);
    convertedBytes.setRelease(bytes);
  }

  /** New frames that the sink took so far. */
  long framesOut() {
    return framesOut.getAcquire();
  }

  /** The numbers now, with the rates since the last snapshot. */
  public synchronized Snapshot snapshot(long now) {
    long since = beforeAt == 0 ? startedAt : beforeAt;
    Snapshot snapshot = snapshot(now, since, beforeIn, beforeOut);
    beforeAt = now;
    beforeIn = snapshot.framesIn;
    beforeOut = snapshot.framesOut + snapshot.repeated;
    return snapshot;
  }

  /** The numbers now, with the rates of the whole run. */
  public synchronized Snapshot total(long now) {
    return snapshot(now, startedAt, 0, 0);
  }

  private Snapshot snapshot(long now, long since, long sinceIn, long sinceOut) {
    newLatencies = flipToQueue.getIntervalHistogram(newLatencies);
    allLatencies.add(newLatencies);
    long before = overtakenBefore.getAcquire();
    long in = mailbox.framesIn() + before;
    long out = framesOut.getAcquire();
    long again = repeated.getAcquire();
    // Before the start there are no rates.
    double seconds = since == 0 ? 0 : (now - since) / 1e9;
    return new Snapshot(
        startedAt == 0 ? 0 : (now - startedAt) / 1e9,
        in,
        out,
        again,
        mailbox.overtaken() + before,
        torn.getAcquire(),
        seconds <= 0 ? 0 : (in - sinceIn) / seconds,
        seconds <= 0 ? 0 : (out + again - sinceOut) / seconds,
        copiedBytes.getAcquire(),
        convertedFrames.getAcquire(),
        convertedBytes.getAcquire(),
        path,
        percentile(50),
        percentile(99));
  }

  private double percentile(double percent) {
    return allLatencies.getTotalCount() == 0
        ? 0
        : allLatencies.getValueAtPercentile(percent) / 1000.0;
  }
}
