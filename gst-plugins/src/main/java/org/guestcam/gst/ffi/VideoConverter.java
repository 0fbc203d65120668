// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.guestcam.frame.FrameLayout;

/**
 * GstVideoConverter, which is what the element videoconvert works with: pixels of one layout into
 * another of the same size, by the CPU, with several threads. YUV is BT.709 in limited range, which
 * is what guestcam's V4L2 sink announces.
 *
 * <p>It converts from memory to memory; there is no pipeline and no GstBuffer around it.
 *
 * <pre>
 *   GstVideoInfo (152 bytes):   24 size_t size | 40 GstVideoColorimetry | 72 size_t offset[4]
 *                               104 int stride[4]
 *   GstVideoFrame (664 bytes):  0 GstVideoInfo | 160 buffer | 184 void *data[4] | 216 map[4]
 * </pre>
 */
public final class VideoConverter implements AutoCloseable {
  private static final long INFO_WIDTH = 16;
  private static final long INFO_SIZE = 24;
  private static final long INFO_COLORIMETRY = 40;
  private static final long INFO_OFFSET = 72;
  private static final long INFO_STRIDE = 104;
  private static final long FRAME_DATA = 184;
  private static final long FRAME_BYTES = 664;

  private static final SymbolLookup VIDEO = Native.library("libgstvideo-1.0.so.0");
  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final MethodHandle SET_FORMAT =
      Native.function(
          VIDEO, "gst_video_info_set_format", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle FORMAT =
      Native.function(VIDEO, "gst_video_format_from_string", JAVA_INT, Native.POINTER);
  private static final MethodHandle COLORIMETRY =
      Native.function(
          VIDEO, "gst_video_colorimetry_from_string", JAVA_INT, JAVA_LONG, Native.POINTER);
  private static final MethodHandle STRUCTURE =
      Native.function(CORE, "gst_structure_new_from_string", JAVA_LONG, Native.POINTER);
  private static final MethodHandle NEW =
      Native.function(VIDEO, "gst_video_converter_new", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle CONVERT =
      Native.procedure(VIDEO, "gst_video_converter_frame", JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle FREE =
      Native.procedure(VIDEO, "gst_video_converter_free", JAVA_LONG);

  private final Arena arena = Arena.ofShared();
  private final FrameLayout from;
  private final FrameLayout to;
  private final MemorySegment source = arena.allocate(FRAME_BYTES, 16);
  private final MemorySegment target = arena.allocate(FRAME_BYTES, 16);
  private long converter;

  /**
   * Prepares a conversion.
   *
   * @param from linear
   * @param to linear, of the same size
   * @param threads that share the work
   * @throws IOException where GStreamer does not convert between the two
   */
  public VideoConverter(FrameLayout from, FrameLayout to, int threads) throws IOException {
    this.from = from;
    this.to = to;
    try (Arena scratch = Arena.ofConfined()) {
      describe(source, from, scratch);
      describe(target, to, scratch);
      long config =
          (long)
              STRUCTURE.invokeExact(
                  scratch.allocateFrom(
                      "GstVideoConverter, GstVideoConverter.threads=(uint)" + threads + ";"));
      converter = (long) NEW.invokeExact(source.address(), target.address(), config);
    } catch (Throwable t) {
      arena.close();
      throw Native.impossible(t);
    }
    if (converter == 0) {
      arena.close();
      throw new IOException("GStreamer does not convert " + from + " to " + to);
    }
  }

  private static void describe(MemorySegment frame, FrameLayout layout, Arena scratch)
      throws Throwable {
    int format = (int) FORMAT.invokeExact(scratch.allocateFrom(layout.format().gstreamer()));
    int known =
        (int) SET_FORMAT.invokeExact(frame.address(), format, layout.width(), layout.height());
    if (known == 0 || frame.get(JAVA_INT, INFO_WIDTH) != layout.width()) {
      throw new IllegalStateException("GstVideoInfo is not as it was for " + layout);
    }
    if (layout.format().isYuv()) {
      known =
          (int)
              COLORIMETRY.invokeExact(
                  frame.address() + INFO_COLORIMETRY, scratch.allocateFrom("bt709"));
      assert known != 0;
    }
    frame.set(JAVA_LONG, INFO_SIZE, layout.end());
    for (int plane = 0; plane < layout.planes(); plane++) {
      frame.set(JAVA_LONG, INFO_OFFSET + 8L * plane, layout.offset(plane));
      frame.set(JAVA_INT, INFO_STRIDE + 4L * plane, layout.stride(plane));
    }
  }

  /**
   * Converts a picture; no other call at the same time.
   *
   * @param read memory of the first layout
   * @param written memory of the second
   */
  public void convert(MemorySegment read, MemorySegment written) {
    point(source, from, read);
    point(target, to, written);
    try {
      CONVERT.invokeExact(converter, source.address(), target.address());
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private static void point(MemorySegment frame, FrameLayout layout, MemorySegment memory) {
    if (memory.byteSize() < layout.end()) {
      throw new IllegalArgumentException(memory.byteSize() + " bytes have no room for " + layout);
    }
    for (int plane = 0; plane < layout.planes(); plane++) {
      frame.set(JAVA_LONG, FRAME_DATA + 8L * plane, memory.address() + layout.offset(plane));
    }
  }

  @Override
  public void close() {
    if (converter != 0) {
      try {
        FREE.invokeExact(converter);
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
      converter = 0;
      arena.close();
    }
  }
}
