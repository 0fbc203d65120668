// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An appsink as pictures are taken out of it: dma-bufs that an element made, where they lie, and
 * for how long. It asks the element for enough of them, and to say by GstVideoMeta how rows lie.
 *
 * <pre>
 *   GstPadProbeInfo:  0 type | 8 id | 16 data        GstQuery:  64 int type
 *   GstMemory:        96 size_t offset
 *   GstVideoMeta:     36 uint width | 40 height | 44 n_planes | 48 size_t offset[4] | 80 int stride[4]
 * </pre>
 */
public final class FrameTap {
  private static final Logger LOG = LoggerFactory.getLogger(FrameTap.class);

  /** Buffers that an element is asked to have, beyond what it needs itself. */
  public static final int BUFFERS = 8;

  // GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, GST_PAD_PROBE_OK, GST_PAD_PROBE_HANDLED
  private static final int QUERY_DOWNSTREAM = 1 << 9;
  private static final int OK = 1;
  private static final int HANDLED = 4;

  /** GST_QUERY_ALLOCATION: number 140, downstream, serialized. */
  private static final int ALLOCATION = 140 << 8 | 2 | 4;

  private static final long PROBE_DATA = 16;
  private static final long QUERY_TYPE = 64;
  private static final long MEMORY_OFFSET = 96;
  private static final long META_WIDTH = 36;
  private static final long META_HEIGHT = 40;
  private static final long META_PLANES = 44;
  private static final long META_OFFSET = 48;
  private static final long META_STRIDE = 80;

  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup APP = Native.library("libgstapp-1.0.so.0");
  private static final SymbolLookup VIDEO = Native.library("libgstvideo-1.0.so.0");
  private static final SymbolLookup ALLOCATORS = Native.library("libgstallocators-1.0.so.0");

  private static final MethodHandle PULL =
      Native.function(APP, "gst_app_sink_try_pull_sample", JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle UNREF =
      Native.procedure(CORE, "gst_mini_object_unref", JAVA_LONG);
  private static final MethodHandle BUFFER =
      Native.function(CORE, "gst_sample_get_buffer", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MEMORIES =
      Native.function(CORE, "gst_buffer_n_memory", JAVA_INT, JAVA_LONG);
  private static final MethodHandle MEMORY =
      Native.function(CORE, "gst_buffer_peek_memory", JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle IS_DMABUF =
      Native.function(ALLOCATORS, "gst_is_dmabuf_memory", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DMABUF_FD =
      Native.function(ALLOCATORS, "gst_dmabuf_memory_get_fd", JAVA_INT, JAVA_LONG);
  private static final MethodHandle VIDEO_META =
      Native.function(VIDEO, "gst_buffer_get_video_meta", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle VIDEO_META_API =
      Native.function(VIDEO, "gst_video_meta_api_get_type", JAVA_LONG);
  private static final MethodHandle ADD_META =
      Native.procedure(CORE, "gst_query_add_allocation_meta", JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle ADD_POOL =
      Native.procedure(
          CORE,
          "gst_query_add_allocation_pool",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT);
  private static final MethodHandle ADD_PROBE =
      Native.function(
          CORE,
          "gst_pad_add_probe",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);
  private static final long ANSWER =
      Native.upcall(
          MethodHandles.lookup(),
          "answer",
          FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private final long appsink;

  /**
   * Taps an appsink of a pipeline that has not started.
   *
   * @param appsink GstAppSink*, which must outlive this
   * @param pad its GstPad*
   */
  public FrameTap(long appsink, long pad) {
    this.appsink = appsink;
    try {
      long id = (long) ADD_PROBE.invokeExact(pad, QUERY_DOWNSTREAM, ANSWER, 0L, 0L);
      assert id != 0;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static int answer(long pad, long info, long data) {
    try {
      long query = Native.getLong(info + PROBE_DATA);
      if (Native.getInt(query + QUERY_TYPE) != ALLOCATION) {
        return OK;
      }
      ADD_META.invokeExact(query, (long) VIDEO_META_API.invokeExact(), 0L);
      ADD_POOL.invokeExact(query, 0L, 0, BUFFERS, 0);
      return HANDLED;
    } catch (Throwable t) {
      LOG.error("an upcall failed", t); // it must not leave it
      return OK;
    }
  }

  /**
   * Waits for a picture.
   *
   * @return GstSample*, for {@link #giveBack}; 0 when none came in time, or none will come
   */
  public long pull(long nanos) {
    try {
      return (long) PULL.invokeExact(appsink, nanos);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /** The picture's memory may be written again. Any thread. */
  public static void giveBack(long sample) {
    try {
      UNREF.invokeExact(sample);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /**
   * The descriptor of a picture's dma-buf, borrowed until the picture is given back.
   *
   * @return -1 where the picture is not one dma-buf
   */
  public static int dmaBuf(long sample) {
    try {
      long buffer = (long) BUFFER.invokeExact(sample);
      if ((int) MEMORIES.invokeExact(buffer) != 1) {
        return -1;
      }
      long memory = (long) MEMORY.invokeExact(buffer, 0);
      return (int) IS_DMABUF.invokeExact(memory) == 0 ? -1 : (int) DMABUF_FD.invokeExact(memory);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /**
   * How a picture lies in its dma-buf.
   *
   * @throws IOException where the element does not say how, or it is not what was asked for
   */
  public static FrameLayout layout(long sample, PixelFormat format) throws IOException {
    try {
      long buffer = (long) BUFFER.invokeExact(sample);
      long first = Native.getLong((long) MEMORY.invokeExact(buffer, 0) + MEMORY_OFFSET);
      long meta = (long) VIDEO_META.invokeExact(buffer);
      if (meta == 0) {
        throw new IOException("it does not say how the rows of its pictures lie (GstVideoMeta)");
      }
      int planes = Native.getInt(meta + META_PLANES);
      if (planes != format.planes().size()) {
        throw new IOException("its pictures have " + planes + " planes, which is not " + format);
      }
      long[] offsets = new long[planes];
      long[] strides = new long[planes];
      for (int plane = 0; plane < planes; plane++) {
        offsets[plane] = first + Native.getLong(meta + META_OFFSET + 8L * plane);
        strides[plane] = Native.getInt(meta + META_STRIDE + 4L * plane);
      }
      return FrameLayout.of(
          format,
          FrameLayout.LINEAR,
          Native.getInt(meta + META_WIDTH),
          Native.getInt(meta + META_HEIGHT),
          offsets,
          strides);
    } catch (LayoutException e) {
      throw new IOException(e.getMessage(), e);
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }
}
