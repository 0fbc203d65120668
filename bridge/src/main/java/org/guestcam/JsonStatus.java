// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/** For programs: one JSON object a line, each second, and a last one with {@code "final":true}. */
public final class JsonStatus implements StatusView {
  private final JsonFactory json = new JsonFactory();
  private final PrintWriter out;

  /** A view that writes to {@code out}, which stays the caller's. */
  public JsonStatus(PrintWriter out) {
    this.out = out;
  }

  @Override
  public int periodSeconds() {
    return 1;
  }

  @Override
  public void update(BridgeStats.Snapshot snapshot) {
    print(snapshot, false);
  }

  @Override
  public void finished(BridgeStats.Snapshot total) {
    print(total, true);
  }

  private void print(BridgeStats.Snapshot s, boolean last) {
    StringWriter line = new StringWriter();
    try (JsonGenerator object = json.createGenerator(line)) {
      object.writeStartObject();
      object.writeBooleanField("final", last);
      object.writeNumberField("seconds", rounded(s.seconds()));
      object.writeNumberField("frames_in", s.framesIn());
      object.writeNumberField("frames_out", s.framesOut());
      object.writeNumberField("repeated", s.repeated());
      object.writeNumberField("overtaken", s.overtaken());
      object.writeNumberField("torn", s.torn());
      object.writeNumberField("fps_in", rounded(s.fpsIn()));
      object.writeNumberField("fps_out", rounded(s.fpsOut()));
      object.writeNumberField("copied_bytes", s.copiedBytes());
      object.writeNumberField("converted_frames", s.convertedFrames());
      object.writeNumberField("converted_bytes", s.convertedBytes());
      object.writeStringField("path", s.path());
      object.writeNumberField("flip_to_queue_p50_us", rounded(s.p50Micros()));
      object.writeNumberField("flip_to_queue_p99_us", rounded(s.p99Micros()));
      object.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a StringWriter does not fail
    }
    out.println(line);
    out.flush();
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }
}
