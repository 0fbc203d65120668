// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The element {@code guestframesrc}: a GstPushSrc whose work a Java object does. Registered once,
 * it can be named in any pipeline of this JVM. It is live, and says in which format its frames are
 * with the frames themselves.
 *
 * <p>The offsets are those of the class structures of GLib and GStreamer 1.x on 64-bit machines,
 * which their ABI freezes; {@link #register} compares the sizes with what the type system says.
 */
public final class PushSource {
  /** What does an element's work; made with the element, and closed with it. */
  public interface Worker {
    /** GST_FLOW_FLUSHING: {@link #unlock} was called. */
    int FLUSHING = -2;

    /** GST_FLOW_EOS. */
    int END = -3;

    /** GST_FLOW_ERROR; {@link Element#fail} told why. */
    int ERROR = -5;

    /** A property was set: {@code uri}, {@code framerate} (as "30/1") or {@code cursor}. */
    void set(String property, String value);

    /** What a property is. */
    String get(String property);

    /** Opens; false where that failed and was told. */
    boolean start();

    /**
     * Waits for the next frame.
     *
     * @return GstBuffer*, which the element takes over; or {@link #FLUSHING} and the like, which
     *     are negative
     */
    long create();

    /** Makes {@link #create} return {@link #FLUSHING}, now and until {@link #unlockStop}. */
    void unlock();

    /** Ends what {@link #unlock} began. */
    void unlockStop();

    /** How old a frame is at least when it goes out, in nanoseconds. */
    long latencyNanos();

    /** Gives everything back; {@link #start} may follow. */
    void stop();
  }

  /** The element, as its worker sees it. */
  public static final class Element {
    private final long address;

    private Element(long address) {
      this.address = address;
    }

    /** The pipeline's running time now, in nanoseconds. */
    public long runningTime() {
      try {
        return (long) RUNNING_TIME.invokeExact(address);
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }

    /** Says what the frames from now on are; false where nothing downstream takes them. */
    public boolean setCaps(String text) {
      try (Arena scratch = Arena.ofConfined()) {
        long caps = (long) CAPS_FROM_STRING.invokeExact(scratch.allocateFrom(text));
        boolean taken = areTaken(caps) && (int) SET_CAPS.invokeExact(address, caps) != 0;
        MINI_UNREF.invokeExact(caps);
        return taken;
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }

    /** Asks first: an element that refuses new caps says so only when it gets a buffer. */
    private boolean areTaken(long caps) throws Throwable {
      long pad = (long) STATIC_PAD.invokeExact(address, SRC_PAD);
      long both = (long) PEER_CAPS.invokeExact(pad, caps);
      boolean taken = (int) IS_EMPTY.invokeExact(both) == 0;
      MINI_UNREF.invokeExact(both);
      OBJECT_UNREF.invokeExact(pad);
      return taken;
    }

    /** Whether it was asked to stamp frames with the time at which it sends them. */
    public boolean doTimestamp() {
      try {
        return (int) GET_DO_TIMESTAMP.invokeExact(address) != 0;
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }

    /** Posts an error on the pipeline's bus. */
    public void fail(String message) {
      try (Arena scratch = Arena.ofConfined()) {
        int domain = (int) RESOURCE_ERROR.invokeExact();
        long copy = (long) STRDUP.invokeExact(scratch.allocateFrom(message)); // it takes it over
        MESSAGE.invokeExact(address, ERROR_MESSAGE, domain, 1, copy, 0L, FILE, FILE, 0);
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(PushSource.class);
  private static final int MOST = 1 << 12;

  // GObjectClass
  private static final long SET_PROPERTY = 24;
  private static final long GET_PROPERTY = 32;
  private static final long FINALIZE = 48;
  // GstBaseSrcClass
  private static final long NEGOTIATE = 496;
  private static final long START = 528;
  private static final long STOP = 536;
  private static final long UNLOCK = 584;
  private static final long UNLOCK_STOP = 592;
  private static final long QUERY = 600;
  // GstPushSrcClass
  private static final long CREATE = 800;
  private static final int CLASS_SIZE = 856;
  private static final int INSTANCE_SIZE = 680;

  private static final long PARAM_NAME = 8;
  private static final long QUERY_TYPE = 64;
  private static final int QUERY_LATENCY = 7683;
  private static final int ERROR_MESSAGE = 2;
  private static final int OK = 0;
  private static final int FORMAT_TIME = 3;
  private static final int READ_WRITE = 3;
  private static final int PAD_SRC = 1;
  private static final int PAD_ALWAYS = 0;

  private static final SymbolLookup GLIB = Native.library("libglib-2.0.so.0");
  private static final SymbolLookup GOBJECT = Native.library("libgobject-2.0.so.0");
  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup BASE = Native.library("libgstbase-1.0.so.0");

  private static final MemorySegment SRC_PAD = Native.constant("src");
  private static final MethodHandle RUNNING_TIME =
      Native.function(CORE, "gst_element_get_current_running_time", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle CAPS_FROM_STRING =
      Native.function(CORE, "gst_caps_from_string", JAVA_LONG, ADDRESS);
  private static final MethodHandle STATIC_PAD =
      Native.function(CORE, "gst_element_get_static_pad", JAVA_LONG, JAVA_LONG, ADDRESS);
  private static final MethodHandle PEER_CAPS =
      Native.function(CORE, "gst_pad_peer_query_caps", JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle IS_EMPTY =
      Native.function(CORE, "gst_caps_is_empty", JAVA_INT, JAVA_LONG);
  private static final MethodHandle OBJECT_UNREF =
      Native.procedure(CORE, "gst_object_unref", JAVA_LONG);
  private static final MethodHandle SET_CAPS =
      Native.function(BASE, "gst_base_src_set_caps", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GET_DO_TIMESTAMP =
      Native.function(BASE, "gst_base_src_get_do_timestamp", JAVA_INT, JAVA_LONG);
  private static final MethodHandle MINI_UNREF =
      Native.procedure(CORE, "gst_mini_object_unref", JAVA_LONG);
  private static final MethodHandle RESOURCE_ERROR =
      Native.function(CORE, "gst_resource_error_quark", JAVA_INT);
  private static final MethodHandle STRDUP = Native.function(GLIB, "g_strdup", JAVA_LONG, ADDRESS);
  private static final MethodHandle MESSAGE =
      Native.procedure(
          CORE,
          "gst_element_message_full",
          JAVA_LONG,
          JAVA_INT,
          JAVA_INT,
          JAVA_INT,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT);
  private static final MethodHandle SET_QDATA =
      Native.procedure(GOBJECT, "g_object_set_qdata", JAVA_LONG, JAVA_INT, JAVA_LONG);
  private static final MethodHandle GET_QDATA =
      Native.function(GOBJECT, "g_object_get_qdata", JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET_LIVE =
      Native.procedure(BASE, "gst_base_src_set_live", JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET_FORMAT =
      Native.procedure(BASE, "gst_base_src_set_format", JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET_LATENCY =
      Native.procedure(CORE, "gst_query_set_latency", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle VALUE_TO_STRING =
      Native.function(GOBJECT, "g_value_get_string", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle STRING_TO_VALUE =
      Native.procedure(GOBJECT, "g_value_set_string", JAVA_LONG, ADDRESS);

  private static final long FILE = Native.constant("guestframesrc").address();
  private static final int HANDLE = quark("guestcam-worker");
  private static final Handles<Worker> ALL = new Handles<>(MOST);

  private static WorkerFactory factory;
  private static MethodHandle parentQuery;
  private static MethodHandle parentFinalize;

  /** Makes a worker for a new element. */
  @FunctionalInterface
  public interface WorkerFactory {
    /** A worker that has not started. */
    Worker make(Element element);
  }

  private PushSource() {}

  /** Registers the element, once. */
  public static synchronized void register(String name, WorkerFactory workers) {
    if (factory != null) {
      return;
    }
    factory = workers;
    try (Arena scratch = Arena.ofConfined()) {
      long parent = (long) Native.function(BASE, "gst_push_src_get_type", JAVA_LONG).invokeExact();
      MemorySegment query = scratch.allocate(24, 8);
      Native.procedure(GOBJECT, "g_type_query", JAVA_LONG, ADDRESS).invokeExact(parent, query);
      if (query.get(JAVA_INT, 16) != CLASS_SIZE || query.get(JAVA_INT, 20) != INSTANCE_SIZE) {
        throw new IllegalStateException(
            "GstPushSrc has "
                + query.get(JAVA_INT, 16)
                + " and "
                + query.get(JAVA_INT, 20)
                + " bytes, not "
                + CLASS_SIZE
                + " and "
                + INSTANCE_SIZE
                + ": this is not the ABI of 64-bit GStreamer 1.x");
      }
      MethodHandles.Lookup here = MethodHandles.lookup();
      long type =
          (long)
              Native.function(
                      GOBJECT,
                      "g_type_register_static_simple",
                      JAVA_LONG,
                      JAVA_LONG,
                      ADDRESS,
                      JAVA_INT,
                      JAVA_LONG,
                      JAVA_INT,
                      JAVA_LONG,
                      JAVA_INT)
                  .invokeExact(
                      parent,
                      Native.constant("GuestcamFrameSrc"),
                      CLASS_SIZE,
                      Native.upcall(
                          here, "classInit", FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG)),
                      INSTANCE_SIZE,
                      Native.upcall(
                          here, "instanceInit", FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG)),
                      0);
      int done =
          (int)
              Native.function(
                      CORE,
                      "gst_element_register",
                      JAVA_INT,
                      JAVA_LONG,
                      ADDRESS,
                      JAVA_INT,
                      JAVA_LONG)
                  .invokeExact(0L, scratch.allocateFrom(name), 0, type);
      if (done == 0) {
        throw new IllegalStateException("GStreamer does not register the element " + name);
      }
    } catch (RuntimeException e) {
      throw e;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  // What GLib and GStreamer call. Nothing may be thrown out of these.

  @SuppressWarnings("unused") // a C type has these arguments
  static void classInit(long klass, long data) {
    try {
      MethodHandles.Lookup here = MethodHandles.lookup();
      FunctionDescriptor property =
          FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
      FunctionDescriptor answer = FunctionDescriptor.of(JAVA_INT, JAVA_LONG);
      FunctionDescriptor twoArguments = FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG);
      parentQuery = downcall(Native.getLong(klass + QUERY), twoArguments);
      parentFinalize =
          downcall(Native.getLong(klass + FINALIZE), FunctionDescriptor.ofVoid(JAVA_LONG));
      Native.setLong(klass + SET_PROPERTY, Native.upcall(here, "setProperty", property));
      Native.setLong(klass + GET_PROPERTY, Native.upcall(here, "getProperty", property));
      Native.setLong(
          klass + FINALIZE,
          Native.upcall(here, "finalizeElement", FunctionDescriptor.ofVoid(JAVA_LONG)));
      Native.setLong(klass + NEGOTIATE, Native.upcall(here, "negotiate", answer));
      Native.setLong(klass + START, Native.upcall(here, "start", answer));
      Native.setLong(klass + STOP, Native.upcall(here, "stop", answer));
      Native.setLong(klass + UNLOCK, Native.upcall(here, "unlock", answer));
      Native.setLong(klass + UNLOCK_STOP, Native.upcall(here, "unlockStop", answer));
      Native.setLong(klass + QUERY, Native.upcall(here, "query", twoArguments));
      Native.setLong(klass + CREATE, Native.upcall(here, "create", twoArguments));
      describe(klass);
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
  }

  private static MethodHandle downcall(long address, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address), type);
  }

  private static void describe(long klass) throws Throwable {
    Native.procedure(
            CORE,
            "gst_element_class_set_static_metadata",
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS)
        .invokeExact(
            klass,
            Native.constant("Guest frame source"),
            Native.constant("Source/Video"),
            Native.constant("The screen of a virtual machine, without a copy"),
            Native.constant("The guestcam authors"));
    long caps =
        (long) CAPS_FROM_STRING.invokeExact(Native.constant("video/x-raw(ANY); video/x-raw"));
    long template =
        (long)
            Native.function(
                    CORE, "gst_pad_template_new", JAVA_LONG, ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG)
                .invokeExact(Native.constant("src"), PAD_SRC, PAD_ALWAYS, caps);
    MINI_UNREF.invokeExact(caps);
    Native.procedure(CORE, "gst_element_class_add_pad_template", JAVA_LONG, JAVA_LONG)
        .invokeExact(klass, template);
    property(klass, 1, "uri", "The guest, as guestcam writes it: qemu:NAME, pattern: and so on");
    property(
        klass,
        2,
        "framerate",
        "Frames a second, as 30/1; the last one is repeated. 0/1: each when it changes");
    property(klass, 3, "cursor", "What becomes of the pointer: hide, blend or meta");
  }

  private static void property(long klass, int id, String name, String about) throws Throwable {
    long spec =
        (long)
            Native.function(
                    GOBJECT,
                    "g_param_spec_string",
                    JAVA_LONG,
                    ADDRESS,
                    ADDRESS,
                    ADDRESS,
                    JAVA_LONG,
                    JAVA_INT)
                .invokeExact(
                    Native.constant(name),
                    Native.constant(name),
                    Native.constant(about),
                    0L,
                    READ_WRITE);
    Native.procedure(GOBJECT, "g_object_class_install_property", JAVA_LONG, JAVA_INT, JAVA_LONG)
        .invokeExact(klass, id, spec);
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void instanceInit(long element, long klass) {
    try {
      SET_LIVE.invokeExact(element, 1);
      SET_FORMAT.invokeExact(element, FORMAT_TIME);
      int handle = ALL.add(factory.make(new Element(element)));
      SET_QDATA.invokeExact(element, HANDLE, (long) handle);
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
  }

  private static Worker worker(long element) throws Throwable {
    return ALL.get((long) GET_QDATA.invokeExact(element, HANDLE));
  }

  static void finalizeElement(long element) {
    try {
      ALL.remove((int) (long) GET_QDATA.invokeExact(element, HANDLE));
      parentFinalize.invokeExact(element);
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void setProperty(long element, int id, long value, long spec) {
    try {
      String text = Native.text((long) VALUE_TO_STRING.invokeExact(value));
      worker(element).set(Native.text(Native.getLong(spec + PARAM_NAME)), text);
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void getProperty(long element, int id, long value, long spec) {
    try (Arena scratch = Arena.ofConfined()) {
      String text = worker(element).get(Native.text(Native.getLong(spec + PARAM_NAME)));
      STRING_TO_VALUE.invokeExact(
          value, text == null ? MemorySegment.NULL : scratch.allocateFrom(text));
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
  }

  /** There is nothing to choose: caps come with the first frame. */
  @SuppressWarnings("unused") // a C type has these arguments
  static int negotiate(long element) {
    return 1;
  }

  static int start(long element) {
    try {
      return worker(element).start() ? 1 : 0;
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
      return 0;
    }
  }

  static int stop(long element) {
    try {
      worker(element).stop();
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
    return 1;
  }

  static int unlock(long element) {
    try {
      worker(element).unlock();
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
    return 1;
  }

  static int unlockStop(long element) {
    try {
      worker(element).unlockStop();
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
    }
    return 1;
  }

  static int query(long element, long query) {
    try {
      if (Native.getInt(query + QUERY_TYPE) == QUERY_LATENCY) {
        SET_LATENCY.invokeExact(query, 1, worker(element).latencyNanos(), -1L);
        return 1;
      }
      return (int) parentQuery.invokeExact(element, query);
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
      return 0;
    }
  }

  static int create(long element, long into) {
    try {
      long buffer = worker(element).create();
      if (buffer < 0) {
        return (int) buffer;
      }
      Native.setLong(into, buffer);
      return OK;
    } catch (Throwable t) {
      LOG.error("an upcall failed", t);
      return Worker.ERROR;
    }
  }

  private static int quark(String name) {
    try {
      return (int)
          Native.function(GLIB, "g_quark_from_string", JAVA_INT, ADDRESS)
              .invokeExact(Native.constant(name));
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }
}
