// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An appsrc as it is fed with GstBuffers: it says when it wants one, and takes one at a time, so
 * that no frame grows old in a queue. gst1-java-core has the element, but wraps each buffer.
 */
public final class FrameFeed implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FrameFeed.class);
  private static final int MOST = 1 << 12;

  /** GST_FLOW_OK. */
  private static final int OK = 0;

  // GstAppSrcCallbacks: 0 need_data | 8 enough_data | 16 seek_data | 24 reserved
  private static final long CALLBACKS_SIZE = 56;

  private static final SymbolLookup APP = Native.library("libgstapp-1.0.so.0");
  private static final MethodHandle PUSH =
      Native.function(APP, "gst_app_src_push_buffer", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle END =
      Native.function(APP, "gst_app_src_end_of_stream", JAVA_INT, JAVA_LONG);
  private static final MethodHandle SET_CALLBACKS =
      Native.procedure(
          APP, "gst_app_src_set_callbacks", JAVA_LONG, Native.POINTER, JAVA_LONG, JAVA_LONG);
  private static final long NEED_DATA =
      Native.upcall(
          MethodHandles.lookup(),
          "needData",
          FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_INT, JAVA_LONG));
  private static final Handles<FrameFeed> ALL = new Handles<>(MOST);

  private final long appsrc;
  private final Runnable onWanted;
  private final int handle;
  private volatile boolean wanted;

  /**
   * Feeds an appsrc.
   *
   * @param appsrc GstAppSrc*, which must outlive this
   * @param onWanted runs when it wants a frame, on its streaming thread; must not block
   */
  public FrameFeed(long appsrc, Runnable onWanted) throws IOException {
    this.appsrc = appsrc;
    this.onWanted = onWanted;
    handle = ALL.add(this);
    if (handle == 0) {
      throw new IOException("more than " + MOST + " pipelines are open");
    }
    callbacks(NEED_DATA);
  }

  private void callbacks(long needData) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment table = scratch.allocate(CALLBACKS_SIZE, 8);
      table.set(JAVA_LONG, 0, needData);
      SET_CALLBACKS.invokeExact(appsrc, table, (long) handle, 0L);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void needData(long appsrc, int length, long handle) {
    try {
      FrameFeed feed = ALL.get(handle);
      if (feed != null) {
        feed.wanted = true;
        feed.onWanted.run();
      }
    } catch (Throwable t) {
      LOG.error("an upcall failed", t); // it must not leave it
    }
  }

  /** Whether the pipeline waits for a frame. */
  public boolean wanted() {
    return wanted;
  }

  /**
   * Passes a GstBuffer on, and takes it over in any case.
   *
   * @return whether the pipeline still flows
   */
  public boolean push(long buffer) {
    wanted = false;
    try {
      return (int) PUSH.invokeExact(appsrc, buffer) == OK;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /** Nothing more will come. */
  public void end() {
    try {
      int ignored = (int) END.invokeExact(appsrc);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  @Override
  public void close() {
    callbacks(0);
    ALL.remove(handle);
  }
}
