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
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Damage;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;

/**
 * Makes GstBuffers of frames: one {@link FrameMemory} with the layout as GstVideoMeta and the
 * damage as regions of interest. A frame is released when GStreamer drops its last reference to the
 * memory, on the thread that dropped it.
 *
 * <p>There are never more than a fixed number of frames out; then {@link #hasRoom} is false, and
 * whoever fills the pool waits. A frame costs no Java object: what a buffer needs is made once, and
 * each simultaneous presentation of it once.
 *
 * <p>One thread wraps; any thread gives back.
 */
public final class FramePool implements AutoCloseable {
  /** GST_CLOCK_TIME_NONE. */
  public static final long NO_TIME = -1;

  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup VIDEO = Native.library("libgstvideo-1.0.so.0");
  private static final SymbolLookup GLIB = Native.library("libglib-2.0.so.0");

  // GstBuffer: a GstMiniObject of 64 bytes, then 64 pool | 72 pts | 80 dts | 88 duration
  private static final long PTS = 72;
  private static final long DURATION = 88;

  private static final MethodHandle BUFFER_NEW = Native.function(CORE, "gst_buffer_new", JAVA_LONG);
  private static final MethodHandle APPEND =
      Native.procedure(CORE, "gst_buffer_append_memory", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle VIDEO_META =
      Native.function(
          VIDEO,
          "gst_buffer_add_video_meta_full",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle REGION_META =
      Native.function(
          VIDEO,
          "gst_buffer_add_video_region_of_interest_meta_id",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT);
  private static final MethodHandle FORMAT =
      Native.function(VIDEO, "gst_video_format_from_string", JAVA_INT, Native.POINTER);
  private static final MethodHandle QUARK =
      Native.function(GLIB, "g_quark_from_string", JAVA_INT, Native.POINTER);

  private final int most;
  private final Runnable onRoom;
  private final List<Picture> pictures = new ArrayList<>();
  private final int damageMark;
  private int out;
  private boolean closed;

  /**
   * An empty pool.
   *
   * @param most frames that may be out at a time
   * @param onRoom runs when a frame came back, on any thread; must not block
   */
  public FramePool(int most, Runnable onRoom) {
    this.most = most;
    this.onRoom = onRoom;
    try {
      damageMark = (int) QUARK.invokeExact(Native.constant("damage"));
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /** Whether {@link #wrap} would find a place. */
  public synchronized boolean hasRoom() {
    return out < most;
  }

  /** Frames that GStreamer holds. */
  public synchronized int out() {
    return out;
  }

  /**
   * A GstBuffer that shows {@code frame}; takes one hold on the frame over.
   *
   * @param pts running time in nanoseconds
   * @param duration in nanoseconds, or {@link #NO_TIME}
   * @return GstBuffer*, which the caller owns
   * @throws IOException where GStreamer cannot take such memory; the frame stays the caller's
   */
  public long wrap(Frame frame, long pts, long duration) throws IOException {
    Slot slot;
    synchronized (this) {
      if (out >= most) {
        throw new IllegalStateException("a frame was wrapped while all places are taken");
      }
      Picture picture = picture(frame.buffer());
      slot = picture.free;
      if (slot == null) {
        slot = new Slot(picture);
      } else {
        picture.free = slot.next;
      }
      slot.frame = frame;
      picture.out++;
      out++;
    }
    try {
      long buffer = (long) BUFFER_NEW.invokeExact();
      APPEND.invokeExact(buffer, slot.memory.address());
      Native.setLong(buffer + PTS, pts);
      Native.setLong(buffer + DURATION, duration);
      slot.picture.describe(buffer);
      mark(buffer, frame.damage());
      return buffer;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private void mark(long buffer, Damage damage) throws Throwable {
    for (int i = 0; i < damage.count(); i++) {
      long meta =
          (long)
              REGION_META.invokeExact(
                  buffer, damageMark, damage.x(i), damage.y(i), damage.width(i), damage.height(i));
      assert meta != 0;
    }
  }

  private Picture picture(Buffer buffer) {
    for (int i = 0; i < pictures.size(); i++) {
      if (pictures.get(i).buffer == buffer) {
        return pictures.get(i);
      }
    }
    Picture made = new Picture(buffer);
    pictures.add(made);
    return made;
  }

  /** No further frame shows {@code buffer}: it is let go of when its last one comes back. */
  public void forget(Buffer buffer) {
    synchronized (this) {
      for (Picture picture : pictures) {
        if (picture.buffer == buffer) {
          pictures.remove(picture);
          picture.forget();
          break;
        }
      }
    }
  }

  /** Forgets all buffers; frames that are out still come back by themselves. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      pictures.forEach(Picture::forget);
      pictures.clear();
    }
  }

  /** A guest's buffer, and its memories that are not out. */
  private static final class Picture {
    private final Buffer buffer;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment offsets = arena.allocate(JAVA_LONG, 4);
    private final MemorySegment strides = arena.allocate(JAVA_INT, 4);
    private final int format;
    private Slot free;
    private int out;
    private boolean forgotten;

    Picture(Buffer buffer) {
      this.buffer = buffer;
      FrameLayout layout = buffer.layout();
      long first = Long.MAX_VALUE;
      for (int plane = 0; plane < layout.planes(); plane++) {
        first = Math.min(first, layout.offset(plane));
      }
      for (int plane = 0; plane < layout.planes(); plane++) {
        offsets.setAtIndex(JAVA_LONG, plane, layout.offset(plane) - first);
        strides.setAtIndex(JAVA_INT, plane, layout.stride(plane));
      }
      try (Arena scratch = Arena.ofConfined()) {
        format = (int) FORMAT.invokeExact(scratch.allocateFrom(layout.format().gstreamer()));
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
      buffer.hold();
    }

    void describe(long gstBuffer) throws Throwable {
      FrameLayout layout = buffer.layout();
      long meta =
          (long)
              VIDEO_META.invokeExact(
                  gstBuffer,
                  0,
                  format,
                  layout.width(),
                  layout.height(),
                  layout.planes(),
                  offsets.address(),
                  strides.address());
      assert meta != 0;
    }

    void forget() {
      forgotten = true;
      for (; free != null; free = free.next) {
        free.memory.free();
      }
      letGoIfDone();
    }

    void letGoIfDone() {
      if (forgotten && out == 0) {
        arena.close();
        buffer.letGo();
      }
    }
  }

  /** One presentation of a buffer. */
  private final class Slot implements FrameMemory.Owner {
    private final Picture picture;
    private final FrameMemory memory;
    private Frame frame;
    private Slot next;

    Slot(Picture picture) throws IOException {
      this.picture = picture;
      this.memory = FrameMemory.of(picture.buffer, this);
    }

    @Override
    public boolean unreferenced() {
      Frame shown;
      boolean keep;
      boolean tell;
      synchronized (FramePool.this) {
        shown = frame;
        frame = null;
        out--;
        picture.out--;
        keep = !picture.forgotten;
        if (keep) {
          next = picture.free;
          picture.free = this;
        }
        tell = !closed;
      }
      shown.release();
      if (!keep) {
        synchronized (FramePool.this) {
          picture.letGoIfDone();
        }
      }
      if (tell) {
        onRoom.run();
      }
      return keep;
    }
  }
}
