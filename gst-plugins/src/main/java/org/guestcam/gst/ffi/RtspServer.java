// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.guestcam.frame.OwnThread;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * GStreamer's RTSP server (libgstrtspserver-1.0) with one stream, which all viewers share: its
 * pipeline is made when the first one comes, and goes with the last. Its accepting thread is ours;
 * viewers are served by threads of the library.
 *
 * <p>Loading this class fails with a {@link LinkageError} where the library is not installed.
 */
public final class RtspServer implements AutoCloseable {
  /** Hears of the stream's pipelines; any thread, and must not block. */
  public interface Listener {
    /**
     * A pipeline was made for a first viewer. {@link Stream#close} is the listener's to call, once
     * the stream is over or it has no more use for it.
     */
    void begun(Stream stream) throws IOException;

    /** Its last viewer went; what is pushed into it has no effect from now on. */
    void over(Stream stream);
  }

  /** The name of the appsrc in a launch line. */
  public static final String SOURCE = "guestcam";

  private static final Logger LOG = LoggerFactory.getLogger(RtspServer.class);
  private static final int MOST_STREAMS = 256;
  private static final int MOST_SERVERS = 64;

  /** So many viewers at a time. */
  private static final int MOST_VIEWERS = 32;

  /** No request of a viewer has a longer body. */
  private static final int BODY_MOST = 1 << 16;

  /** GST_RTSP_FILTER_REMOVE. */
  private static final int REMOVE = 0;

  // GError: 0 int domain | 4 int code | 8 message
  private static final long ERROR_MESSAGE = 8;

  private static final SymbolLookup RTSP = Native.library("libgstrtspserver-1.0.so.0");
  private static final SymbolLookup CORE = Native.library("libgstreamer-1.0.so.0");
  private static final SymbolLookup APP = Native.library("libgstapp-1.0.so.0");
  private static final SymbolLookup OBJECT = Native.library("libgobject-2.0.so.0");
  private static final SymbolLookup GLIB = Native.library("libglib-2.0.so.0");

  private static final MethodHandle NEW = rtsp("gst_rtsp_server_new", JAVA_LONG);
  private static final MethodHandle SET_ADDRESS =
      rtspProcedure("gst_rtsp_server_set_address", JAVA_LONG, ADDRESS);
  private static final MethodHandle SET_SERVICE =
      rtspProcedure("gst_rtsp_server_set_service", JAVA_LONG, ADDRESS);
  private static final MethodHandle SET_BODY_LIMIT =
      rtspProcedure("gst_rtsp_server_set_content_length_limit", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GET_POOL =
      rtsp("gst_rtsp_server_get_session_pool", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SET_MAX_SESSIONS =
      rtspProcedure("gst_rtsp_session_pool_set_max_sessions", JAVA_LONG, JAVA_INT);
  private static final MethodHandle SESSIONS =
      rtsp("gst_rtsp_session_pool_get_n_sessions", JAVA_INT, JAVA_LONG);
  private static final MethodHandle CLEAN_UP =
      rtsp("gst_rtsp_session_pool_cleanup", JAVA_INT, JAVA_LONG);
  private static final MethodHandle FILTER_SESSIONS =
      rtsp("gst_rtsp_session_pool_filter", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle FILTER_CLIENTS =
      rtsp("gst_rtsp_server_client_filter", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GET_MOUNTS =
      rtsp("gst_rtsp_server_get_mount_points", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle ADD_FACTORY =
      rtspProcedure("gst_rtsp_mount_points_add_factory", JAVA_LONG, ADDRESS, JAVA_LONG);
  private static final MethodHandle FACTORY_NEW = rtsp("gst_rtsp_media_factory_new", JAVA_LONG);
  private static final MethodHandle SET_LAUNCH =
      rtspProcedure("gst_rtsp_media_factory_set_launch", JAVA_LONG, ADDRESS);
  private static final MethodHandle SET_SHARED =
      rtspProcedure("gst_rtsp_media_factory_set_shared", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GET_ELEMENT =
      rtsp("gst_rtsp_media_get_element", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle CREATE_SOURCE =
      rtsp("gst_rtsp_server_create_source", JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
  private static final MethodHandle BY_NAME =
      Native.function(CORE, "gst_bin_get_by_name_recurse_up", JAVA_LONG, JAVA_LONG, ADDRESS);
  private static final MethodHandle OBJECT_UNREF =
      Native.procedure(CORE, "gst_object_unref", JAVA_LONG);
  private static final MethodHandle CAPS_OF =
      Native.function(CORE, "gst_caps_from_string", JAVA_LONG, ADDRESS);
  private static final MethodHandle CAPS_UNREF =
      Native.procedure(CORE, "gst_mini_object_unref", JAVA_LONG);
  private static final MethodHandle SET_CAPS =
      Native.procedure(APP, "gst_app_src_set_caps", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle CONNECT =
      Native.function(
          OBJECT,
          "g_signal_connect_data",
          JAVA_LONG,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_INT);
  private static final MethodHandle UNREF = Native.procedure(OBJECT, "g_object_unref", JAVA_LONG);
  private static final MethodHandle CONTEXT_NEW =
      Native.function(GLIB, "g_main_context_new", JAVA_LONG);
  private static final MethodHandle CONTEXT_UNREF =
      Native.procedure(GLIB, "g_main_context_unref", JAVA_LONG);
  private static final MethodHandle LOOP_NEW =
      Native.function(GLIB, "g_main_loop_new", JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle LOOP_RUN = Native.procedure(GLIB, "g_main_loop_run", JAVA_LONG);
  private static final MethodHandle LOOP_QUIT =
      Native.procedure(GLIB, "g_main_loop_quit", JAVA_LONG);
  private static final MethodHandle LOOP_UNREF =
      Native.procedure(GLIB, "g_main_loop_unref", JAVA_LONG);
  private static final MethodHandle LOOP_RUNS =
      Native.function(GLIB, "g_main_loop_is_running", JAVA_INT, JAVA_LONG);
  private static final MethodHandle ATTACH =
      Native.function(GLIB, "g_source_attach", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SOURCE_DESTROY =
      Native.procedure(GLIB, "g_source_destroy", JAVA_LONG);
  private static final MethodHandle SOURCE_UNREF =
      Native.procedure(GLIB, "g_source_unref", JAVA_LONG);
  private static final MethodHandle FREE_ERROR = Native.procedure(GLIB, "g_error_free", JAVA_LONG);
  private static final MethodHandle FREE_LIST = Native.procedure(GLIB, "g_list_free", JAVA_LONG);

  private static final long CONFIGURED =
      Native.upcall(
          MethodHandles.lookup(),
          "configured",
          FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final long UNPREPARED =
      Native.upcall(
          MethodHandles.lookup(), "unprepared", FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG));
  private static final long REMOVE_ALL =
      Native.upcall(
          MethodHandles.lookup(),
          "removeAll",
          FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  private static final Handles<RtspServer> SERVERS = new Handles<>(MOST_SERVERS);
  private static final Handles<Stream> STREAMS = new Handles<>(MOST_STREAMS);

  private final Listener listener;
  private final int handle;
  private final long server;
  private final long sessions;
  private final long context;
  private final long loop;
  private final Thread thread;
  private long source;

  private static MethodHandle rtsp(String name, MemoryLayout result, MemoryLayout... arguments) {
    return Native.function(RTSP, name, result, arguments);
  }

  private static MethodHandle rtspProcedure(String name, MemoryLayout... arguments) {
    return Native.procedure(RTSP, name, arguments);
  }

  /**
   * Listens.
   *
   * @param address to listen on, a number or a name
   * @param path of the stream, with its slash
   * @param pipeline behind an appsrc that gives raw video, up to a payloader named pay0
   * @throws IOException where it cannot, with GLib's words
   */
  public RtspServer(String address, int port, String path, String pipeline, Listener listener)
      throws IOException {
    this.listener = listener;
    handle = SERVERS.add(this);
    if (handle == 0) {
      throw new IOException("more than " + MOST_SERVERS + " RTSP servers run");
    }
    try (Arena scratch = Arena.ofConfined()) {
      server = (long) NEW.invokeExact();
      SET_ADDRESS.invokeExact(server, scratch.allocateFrom(address));
      SET_SERVICE.invokeExact(server, scratch.allocateFrom(Integer.toString(port)));
      SET_BODY_LIMIT.invokeExact(server, BODY_MOST);
      sessions = (long) GET_POOL.invokeExact(server);
      SET_MAX_SESSIONS.invokeExact(sessions, MOST_VIEWERS);
      mount(scratch, path, pipeline);
      context = (long) CONTEXT_NEW.invokeExact();
      loop = (long) LOOP_NEW.invokeExact(context, 0);
      thread = Thread.ofPlatform().name("rtsp-server").unstarted(this::serve);
      MemorySegment error = scratch.allocate(JAVA_LONG);
      source = (long) CREATE_SOURCE.invokeExact(server, 0L, error);
      if (source == 0) {
        String words = words(error.get(JAVA_LONG, 0));
        close();
        throw new IOException("cannot listen on " + address + " port " + port + ": " + words);
      }
      int ignored = (int) ATTACH.invokeExact(source, context);
      thread.start();
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private static String words(long error) throws Throwable {
    if (error == 0) {
      return "no reason given";
    }
    String words = Native.text(Native.getLong(error + ERROR_MESSAGE));
    FREE_ERROR.invokeExact(error);
    return words;
  }

  private void mount(Arena scratch, String path, String pipeline) throws Throwable {
    long factory = (long) FACTORY_NEW.invokeExact();
    // What waits between an element and the next is the pipeline's to say; here nothing does.
    String launch =
        "( appsrc name="
            + SOURCE
            + " is-live=true format=time do-timestamp=true max-buffers=1 ! "
            + pipeline
            + " )";
    SET_LAUNCH.invokeExact(factory, scratch.allocateFrom(launch));
    SET_SHARED.invokeExact(factory, 1);
    long ignored =
        (long)
            CONNECT.invokeExact(
                factory, scratch.allocateFrom("media-configure"), CONFIGURED, (long) handle, 0L, 0);
    long mounts = (long) GET_MOUNTS.invokeExact(server);
    ADD_FACTORY.invokeExact(mounts, scratch.allocateFrom(path), factory); // takes it over
    UNREF.invokeExact(mounts);
  }

  private void serve() {
    try {
      LOOP_RUN.invokeExact(loop);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void configured(long factory, long media, long handle) {
    try {
      RtspServer server = SERVERS.get(handle);
      if (server != null) {
        server.configured(media);
      }
    } catch (Throwable t) {
      LOG.error("an upcall failed", t); // it must not leave it
    }
  }

  private void configured(long media) throws Throwable {
    long element = (long) GET_ELEMENT.invokeExact(media);
    long appsrc;
    try (Arena scratch = Arena.ofConfined()) {
      appsrc = (long) BY_NAME.invokeExact(element, scratch.allocateFrom(SOURCE));
      OBJECT_UNREF.invokeExact(element);
      Stream stream = new Stream(appsrc, listener);
      int number = STREAMS.add(stream);
      if (number == 0) {
        stream.close();
        throw new IOException("more than " + MOST_STREAMS + " streams of RTSP are open");
      }
      long ignored =
          (long)
              CONNECT.invokeExact(
                  media, scratch.allocateFrom("unprepared"), UNPREPARED, (long) number, 0L, 0);
      listener.begun(stream);
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static void unprepared(long media, long handle) {
    try {
      Stream stream = STREAMS.get(handle);
      if (stream != null) {
        STREAMS.remove((int) handle);
        stream.listener.over(stream);
      }
    } catch (Throwable t) {
      LOG.error("an upcall failed", t); // it must not leave it
    }
  }

  @SuppressWarnings("unused") // a C type has these arguments
  static int removeAll(long container, long object, long data) {
    return REMOVE;
  }

  /** How many watch, or did until just now. */
  public int viewers() {
    try {
      return (int) SESSIONS.invokeExact(sessions);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /** Sends away who has been silent for too long; to be called now and then. */
  public void forgetTheSilent() {
    try {
      int gone = (int) CLEAN_UP.invokeExact(sessions);
      if (gone > 0) {
        LOG.debug("{} viewers were silent for too long", gone);
      }
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  /** Sends all viewers away and listens no more. */
  @Override
  public void close() {
    try {
      SERVERS.remove(handle);
      if (source != 0) {
        SOURCE_DESTROY.invokeExact(source);
        SOURCE_UNREF.invokeExact(source);
        source = 0;
        quit();
      }
      FREE_LIST.invokeExact((long) FILTER_CLIENTS.invokeExact(server, REMOVE_ALL, 0L));
      FREE_LIST.invokeExact((long) FILTER_SESSIONS.invokeExact(sessions, REMOVE_ALL, 0L));
      LOOP_UNREF.invokeExact(loop);
      CONTEXT_UNREF.invokeExact(context);
      UNREF.invokeExact(sessions);
      UNREF.invokeExact(server);
    } catch (Throwable t) {
      throw Native.impossible(t);
    }
  }

  private void quit() throws Throwable {
    // A loop that has not yet begun to run would not hear of it.
    while (thread.isAlive() && (int) LOOP_RUNS.invokeExact(loop) == 0) {
      Thread.onSpinWait();
    }
    LOOP_QUIT.invokeExact(loop);
    OwnThread.awaitEnd(thread); // it uses what is let go now
  }

  /** One pipeline of the server's: all who watch now. */
  public static final class Stream implements AutoCloseable {
    private final long appsrc;
    private final Listener listener;

    private Stream(long appsrc, Listener listener) {
      this.appsrc = appsrc;
      this.listener = listener;
    }

    /** Feeds it; must be closed before the stream is. */
    public FrameFeed feed(Runnable onWanted) throws IOException {
      return new FrameFeed(appsrc, onWanted);
    }

    /** What the next pictures are. */
    public void setCaps(String text) {
      try (Arena scratch = Arena.ofConfined()) {
        long caps = (long) CAPS_OF.invokeExact(scratch.allocateFrom(text));
        SET_CAPS.invokeExact(appsrc, caps);
        CAPS_UNREF.invokeExact(caps);
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }

    /** Lets it go; once. */
    @Override
    public void close() {
      try {
        OBJECT_UNREF.invokeExact(appsrc);
      } catch (Throwable t) {
        throw Native.impossible(t);
      }
    }
  }
}
