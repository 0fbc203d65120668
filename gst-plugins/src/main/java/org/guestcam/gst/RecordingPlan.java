// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.FrameLayout;

/**
 * The pipeline of a recording: convert, scale where the picture must keep its size, encode, write.
 *
 * <p>Whatever ends it, the file can be played: Matroska is written as it grows, in clusters that
 * need no end; MP4 in fragments of a second, of which the end makes an ordinary MP4. Nothing is
 * buffered on the way to the file.
 *
 * @param file to write; with segments or new files the name's first part
 * @param ending mkv, mp4 or webm
 * @param encoder what encodes
 * @param milliHertz frames in 1000 seconds, constantly; 0 for a variable rate
 * @param segmentNanos a new file after that long; 0 for never
 * @param newFileOnResize a change of the guest's mode begins a new file, instead of being scaled
 */
record RecordingPlan(
    Path file,
    String ending,
    Encoder encoder,
    int milliHertz,
    long segmentNanos,
    boolean newFileOnResize)
    implements PipelineSink.Plan {
  @Override
  public String description() {
    return file + " (" + encoder.option() + ")";
  }

  @Override
  public boolean startsAnew() {
    return newFileOnResize;
  }

  @Override
  public String pipeline(FrameLayout first, int part) {
    StringBuilder text = new StringBuilder();
    text.append(Encoder.conversion());
    if (!newFileOnResize) {
      // The size of the first frame is kept: the filter takes it from there.
      text.append("videoscale add-borders=true ! capsfilter name=")
          .append(PipelineSink.SIZE_FILTER);
      if (!encoder.format().isEmpty()) {
        text.append(" caps=video/x-raw,").append(encoder.format());
      }
      text.append(" ! ");
    } else if (!encoder.format().isEmpty()) {
      text.append("video/x-raw,").append(encoder.format()).append(" ! ");
    }
    // One picture is converted while another is encoded.
    text.append("queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! ");
    text.append(encoder.pipeline()).append(" ! ");
    if (segmentNanos > 0) {
      text.append("splitmuxsink send-keyframe-requests=true async-finalize=false max-size-time=")
          .append(segmentNanos)
          .append(" muxer-factory=")
          .append(muxer())
          .append(muxerProperties())
          .append(" sink-factory=filesink sink-properties=\"properties,buffer-mode=2\" location=")
          .append(quoted(segmentName(part)));
    } else {
      text.append(muxer())
          .append(muxerSettings())
          .append(" ! filesink buffer-mode=unbuffered location=")
          .append(quoted(fileName(part)));
    }
    return text.toString();
  }

  @Override
  public String size(FrameLayout first) {
    if (newFileOnResize) {
      return null;
    }
    // Chroma at half the size wants even sides.
    int step = encoder.format().isEmpty() ? 1 : 2;
    return "video/x-raw,"
        + (encoder.format().isEmpty() ? "" : encoder.format() + ",")
        + "width="
        + Math.ceilDiv(first.width(), step) * step
        + ",height="
        + Math.ceilDiv(first.height(), step) * step;
  }

  @Override
  public void endedWithoutFrames() throws IOException {
    throw new IOException("the guest showed no picture: nothing was recorded into " + file);
  }

  private String muxer() {
    return switch (ending) {
      case "mp4" -> "mp4mux";
      case "webm" -> "webmmux";
      default -> "matroskamux";
    };
  }

  private String muxerSettings() {
    return ending.equals("mp4")
        ? " fragment-duration=1000 fragment-mode=first-moov-then-finalise"
        : " min-index-interval=1000000000";
  }

  private String muxerProperties() {
    return ending.equals("mp4")
        ? " muxer-properties=\"properties,fragment-duration=1000,fragment-mode=1\""
        : "";
  }

  /** The file of a part: FILE, FILE-002, FILE-003. */
  Path fileName(int part) {
    return part == 0 ? file : withSuffix(String.format("-%03d", part + 1));
  }

  /** The pattern of a part's segments: FILE-%05d. */
  private Path segmentName(int part) {
    return withSuffix((part == 0 ? "" : String.format("-%03d", part + 1)) + "-%05d");
  }

  private Path withSuffix(String suffix) {
    String name = file.getFileName().toString();
    String stem = name.substring(0, name.length() - ending.length() - 1);
    return file.resolveSibling(stem + suffix + "." + ending);
  }

  private static String quoted(Path path) {
    return "\"" + path.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  @Override
  public long patienceNanos() {
    return TimeUnit.SECONDS.toNanos(30);
  }

  @Override
  public IOException explain(IOException failure) {
    String words = String.valueOf(failure.getMessage());
    if (words.contains("No space left")) {
      return new IOException(
          "the disk of " + file + " is full; what is recorded so far can be played", failure);
    }
    if (words.contains("Could not open") && words.contains("writing")) {
      return new IOException("cannot write " + file + ": " + words, failure);
    }
    return failure;
  }
}
