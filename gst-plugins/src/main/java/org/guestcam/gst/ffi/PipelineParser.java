// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * GStreamer's pipeline language. gst1-java-core 1.4.0 has it too, but reads the error after it
 * freed it, which ends the JVM with GStreamer 1.26.
 */
public final class PipelineParser {
  /** What GStreamer said of a description that is wrong. */
  public static final class ParseException extends Exception {
    private static final long serialVersionUID = 1L;

    private ParseException(String message) {
      super(message);
    }
  }

  // GError: 0 int domain | 4 int code | 8 message
  private static final long MESSAGE = 8;

  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup GLIB = Native.library("libglib-2.0.so.0");
  private static final MethodHandle PARSE =
      Native.function(CORE, "gst_parse_launch", JAVA_LONG, ADDRESS, ADDRESS);
  private static final MethodHandle REF_SINK =
      Native.function(CORE, "gst_object_ref_sink", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle UNREF = Native.procedure(CORE, "gst_object_unref", JAVA_LONG);
  private static final MethodHandle FREE = Native.procedure(GLIB, "g_error_free", JAVA_LONG);

  private PipelineParser() {}

  /**
   * Makes what a description says.
   *
   * @return GstElement*, of which the caller owns one reference
   */
  public static long parse(String description) throws ParseException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment error = scratch.allocate(JAVA_LONG);
      long element = (long) PARSE.invokeExact(scratch.allocateFrom(description), error);
      long sunk = element == 0 ? 0 : (long) REF_SINK.invokeExact(element);
      long problem = error.get(JAVA_LONG, 0);
      if (problem == 0 && sunk != 0) {
        return sunk;
      }
      String words =
          problem == 0 ? "no reason given" : Native.text(Native.getLong(problem + MESSAGE));
      if (problem != 0) {
        FREE.invokeExact(problem);
      }
      if (sunk != 0) {
        UNREF.invokeExact(sunk);
      }
      throw new ParseException(words);
    } catch (ParseException e) {
      throw e;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }
}
