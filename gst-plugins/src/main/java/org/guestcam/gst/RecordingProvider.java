// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.FrameSinkProvider;

/** {@code file:NAME.mkv}: a recording; {@code guestcam record} makes such endpoints. */
public final class RecordingProvider implements FrameSinkProvider {
  private static final Set<String> ENDINGS = Set.of("mkv", "mp4", "webm");

  @Override
  public String scheme() {
    return "file";
  }

  @Override
  public String usage() {
    return "file:NAME.mkv[?encoder=NAME&segment=SECONDS&resize=scale|new&rate=variable|constant] - a recording";
  }

  @Override
  public FrameSink open(Endpoint endpoint, Options options) throws IOException {
    Map<String, String> given = endpoint.parameters(Set.of("encoder", "segment", "resize", "rate"));
    Path file = Path.of(endpoint.path());
    String ending = ending(endpoint.path());
    GStreamer.require();
    Encoder encoder = Encoder.choose(given.get("encoder"), ending);
    boolean constant = choice(given, "rate", "variable", "constant");
    boolean newFile = choice(given, "resize", "scale", "new");
    requireWritable(file);
    return PipelineSink.open(
        new RecordingPlan(
            file,
            ending,
            encoder,
            constant ? options.milliHertz() : 0,
            segment(given.get("segment")),
            newFile));
  }

  private static String ending(String path) {
    String ending = path.substring(path.lastIndexOf('.') + 1);
    if (!ENDINGS.contains(ending) || path.length() < ending.length() + 2) {
      throw new IllegalArgumentException(
          "'" + path + "' does not tell what to record into: its name ends in .mkv, .mp4 or .webm");
    }
    return ending;
  }

  /** Whether the second of two words was given. */
  private static boolean choice(Map<String, String> given, String name, String no, String yes) {
    String word = given.getOrDefault(name, no);
    if (!word.equals(no) && !word.equals(yes)) {
      throw new IllegalArgumentException(
          "file: " + name + "=" + word + " is neither " + no + " nor " + yes);
    }
    return word.equals(yes);
  }

  private static long segment(String seconds) {
    if (seconds == null) {
      return 0;
    }
    if (!seconds.matches("[1-9]\\d{0,7}")) {
      throw new IllegalArgumentException(
          "file: segment=" + seconds + " is not a number of seconds from 1");
    }
    return Long.parseLong(seconds) * 1_000_000_000L;
  }

  /** GStreamer would say the same later, and worse. */
  private static void requireWritable(Path file) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      throw new IOException("cannot write " + file + ": there is no directory " + directory);
    }
    if (Files.isDirectory(file)) {
      throw new IOException("cannot write " + file + ": it is a directory");
    }
    if (!Files.isWritable(Files.exists(file) ? file : directory)) {
      throw new IOException(
          "cannot write " + file + ": no right to " + (Files.exists(file) ? file : directory));
    }
  }
}
