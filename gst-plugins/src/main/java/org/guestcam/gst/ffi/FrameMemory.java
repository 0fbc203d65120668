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
import org.guestcam.frame.Buffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A GstMemory that is a guest's buffer: its dma-buf, its shared file, or its mapping; read-only,
 * and never copied. It is used again and again: whenever GStreamer drops the last reference to it,
 * {@link Owner#unreferenced} runs, and the memory lives on in its owner's hands.
 *
 * <p>That goes by GstMiniObject.dispose, which may revive its object: it takes a new reference and
 * returns FALSE. It fires once, after the last holder, also where elements copied the GstBuffer or
 * share parts of the memory, for those hold references too.
 *
 * <pre>
 *   GstMiniObject (64 bytes):  0 GType | 8 int refcount | 12 int lockstate | 16 uint flags
 *                              24 copy | 32 dispose | 40 free | 48, 56 private
 * </pre>
 */
public final class FrameMemory {
  private static final Logger LOG = LoggerFactory.getLogger(FrameMemory.class);

  /** Hears that nobody in GStreamer reads the memory any more. */
  public interface Owner {
    /**
     * Called on any thread, and must not block or throw.
     *
     * @return whether the memory shall live on; otherwise it is freed, and must not be used again
     */
    boolean unreferenced();
  }

  private static final long REFCOUNT = 8;
  private static final long DISPOSE = 32;
  private static final long FLAGS = 16;

  /** GST_MEMORY_FLAG_READONLY: what wants to write gets a copy. */
  private static final int READONLY = 1 << 1;

  /** GST_FD_MEMORY_FLAG_KEEP_MAPPED and GST_FD_MEMORY_FLAG_DONT_CLOSE. */
  private static final int KEEP_MAPPED_DONT_CLOSE = 1 | 4;

  // GstObject: 0 GObject | 24 lock | 32 name | 40 parent | 48 uint flags
  private static final long OBJECT_FLAGS = 48;

  /** GST_OBJECT_FLAG_MAY_BE_LEAKED. */
  private static final int MAY_BE_LEAKED = 1;

  private static final int MOST = 1 << 16;

  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup ALLOCATORS = Native.library("libgstallocators-1.0.so.0");
  private static final SymbolLookup GLIB = Native.library("libglib-2.0.so.0");

  private static final MethodHandle DMABUF_ALLOC =
      Native.function(
          ALLOCATORS,
          "gst_dmabuf_allocator_alloc_with_flags",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_INT);
  private static final MethodHandle FD_ALLOC =
      Native.function(
          ALLOCATORS,
          "gst_fd_allocator_alloc",
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_INT);
  private static final MethodHandle NEW_WRAPPED =
      Native.function(
          CORE,
          "gst_memory_new_wrapped",
          JAVA_LONG,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);
  private static final MethodHandle RESIZE =
      Native.procedure(CORE, "gst_memory_resize", JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle REF =
      Native.function(CORE, "gst_mini_object_ref", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle UNREF =
      Native.procedure(CORE, "gst_mini_object_unref", JAVA_LONG);
  private static final MethodHandle SET_QDATA =
      Native.procedure(
          CORE, "gst_mini_object_set_qdata", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GET_QDATA =
      Native.function(CORE, "gst_mini_object_get_qdata", JAVA_LONG, JAVA_LONG, JAVA_INT);

  private static final long DMABUF_ALLOCATOR = allocator("gst_dmabuf_allocator_new");
  private static final long FD_ALLOCATOR = allocator("gst_fd_allocator_new");
  private static final int HANDLE = quark("guestcam-frame-memory");
  private static final long DISPOSED =
      Native.upcall(MethodHandles.lookup(), "disposed", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
  private static final Handles<FrameMemory> ALL = new Handles<>(MOST);

  private final long address;
  private final Owner owner;
  private final int handle;

  private FrameMemory(long address, Owner owner) throws IOException {
    this.address = address;
    this.owner = owner;
    this.handle = ALL.add(this);
    if (handle == 0) {
      unref(address);
      throw new IOException("more than " + MOST + " frames are in GStreamer's hands");
    }
    try {
      SET_QDATA.invokeExact(address, HANDLE, (long) handle, 0L);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
    Native.setInt(address + FLAGS, Native.getInt(address + FLAGS) | READONLY);
    Native.setLong(address + DISPOSE, DISPOSED);
  }

  /**
   * Memory of {@code buffer}, whose owner must hold it as long as this lives. Its first byte is the
   * first of the picture's plane 0.
   */
  public static FrameMemory of(Buffer buffer, Owner owner) throws IOException {
    long first = buffer.layout().offset(0);
    for (int plane = 1; plane < buffer.layout().planes(); plane++) {
      first = Math.min(first, buffer.layout().offset(plane));
    }
    long size = buffer.layout().end() - first;
    long memory;
    try {
      if (buffer.isDmaBuf()) {
        memory =
            (long)
                DMABUF_ALLOC.invokeExact(
                    DMABUF_ALLOCATOR,
                    buffer.dmaBuf().fd().number(),
                    buffer.size(),
                    KEEP_MAPPED_DONT_CLOSE);
        RESIZE.invokeExact(memory, first, size);
      } else if (buffer.file().isPresent()) {
        Buffer.SharedFile file = buffer.file().get();
        memory =
            (long)
                FD_ALLOC.invokeExact(
                    FD_ALLOCATOR,
                    file.fd().number(),
                    file.offset() + buffer.layout().end(),
                    KEEP_MAPPED_DONT_CLOSE);
        RESIZE.invokeExact(memory, file.offset() + first, size);
      } else {
        memory =
            (long)
                NEW_WRAPPED.invokeExact(
                    READONLY, buffer.pixels().address(), buffer.size(), first, size, 0L, 0L);
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
    if (memory == 0) {
      throw new IOException("GStreamer makes no memory of " + buffer);
    }
    return new FrameMemory(memory, owner);
  }

  /** GstMemory*. */
  long address() {
    return address;
  }

  /** Frees it, while nobody but its owner has a reference. */
  public void free() {
    Native.setLong(address + DISPOSE, 0);
    ALL.remove(handle);
    unref(address);
  }

  /** GstMiniObject.dispose: the last reference is gone. */
  static int disposed(long address) {
    try {
      FrameMemory memory = ALL.get((long) GET_QDATA.invokeExact(address, HANDLE));
      if (memory == null) {
        return 1;
      }
      // Before the owner hears of it, who may give it out again at once.
      long revived = (long) REF.invokeExact(address);
      assert revived == address;
      if (memory.owner.unreferenced()) {
        return 0;
      }
      ALL.remove(memory.handle);
      Native.setInt(address + REFCOUNT, 0);
      return 1;
    } catch (Throwable t) {
      LOG.error("an upcall failed", t); // it must not leave it
      return 0;
    }
  }

  private static void unref(long object) {
    try {
      UNREF.invokeExact(object);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private static long allocator(String constructor) {
    try {
      long allocator = (long) Native.function(ALLOCATORS, constructor, JAVA_LONG).invokeExact();
      // It lives as long as the process, which is no leak.
      Native.setInt(
          allocator + OBJECT_FLAGS, Native.getInt(allocator + OBJECT_FLAGS) | MAY_BE_LEAKED);
      return allocator;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private static int quark(String name) {
    try {
      return (int)
          Native.function(GLIB, "g_quark_from_string", JAVA_INT, Native.POINTER)
              .invokeExact(Native.constant(name));
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }
}
