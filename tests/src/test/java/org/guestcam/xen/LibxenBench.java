// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Locale;
import org.guestcam.uapi.EventChannels;
import org.guestcam.uapi.GrantAllocator;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantMapping;
import org.guestcam.uapi.Mapping;

/**
 * The same calls by Xen's libraries (libxengnttab, libxenevtchn, libxenstore) and by the device
 * files that guestcam uses, in turns, in a dom0 that grants to itself. tests/bench/grants runs it.
 * The libraries are bound by FFM: what a call costs that way was measured to be what it costs by
 * jnr-ffi.
 */
@SuppressWarnings("restricted") // native calls are what it is about
final class LibxenBench {
  private static final int PAGES = (1920 * 1080 * 4 + 4095) / 4096;
  private static final int ROUNDS = 15;
  private static final int CALLS = 200;
  private static final String NODE = "/local/domain/0/name";
  private static final ValueLayout.OfInt UNSIGNED = JAVA_INT;

  private interface Work {
    void run() throws Throwable;
  }

  private LibxenBench() {}

  public static void main(String[] args) throws Throwable {
    try (Arena arena = Arena.ofConfined();
        GrantAllocator allocator = GrantAllocator.open();
        GrantAllocator.Pages pages = allocator.allocate(0, PAGES)) {
      grants(arena, pages.refs());
      channels(arena);
      store(arena);
    }
  }

  private static MethodHandle bind(
      SymbolLookup library, String name, MemoryLayout result, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(library.find(name).orElseThrow(), FunctionDescriptor.of(result, arguments));
  }

  private static MemorySegment require(MemorySegment pointer, String call) throws IOException {
    if (pointer.address() == 0) {
      throw new IOException(call + " failed");
    }
    return pointer;
  }

  private static void require(int result, String call) throws IOException {
    if (result < 0) {
      throw new IOException(call + ": " + result);
    }
  }

  private static void grants(Arena arena, int[] refs) throws Throwable {
    SymbolLookup library = SymbolLookup.libraryLookup("libxengnttab.so.1", arena);
    MethodHandle open = bind(library, "xengnttab_open", ADDRESS, ADDRESS, JAVA_INT);
    MethodHandle map =
        bind(
            library,
            "xengnttab_map_domain_grant_refs",
            ADDRESS,
            ADDRESS,
            UNSIGNED,
            UNSIGNED,
            ADDRESS,
            JAVA_INT);
    MethodHandle unmap = bind(library, "xengnttab_unmap", JAVA_INT, ADDRESS, ADDRESS, UNSIGNED);
    MethodHandle close = bind(library, "xengnttab_close", JAVA_INT, ADDRESS);
    MemorySegment table =
        require((MemorySegment) open.invokeExact(MemorySegment.NULL, 0), "xengnttab_open");
    try (GrantDevice device = GrantDevice.open()) {
      MemorySegment list = arena.allocateFrom(JAVA_INT, refs);
      compare(
          "map and unmap 1080p",
          1,
          () -> {
            MemorySegment mapped =
                require(
                    (MemorySegment)
                        map.invokeExact(table, refs.length, 0, list, Mapping.READ_WRITE),
                    "xengnttab_map_domain_grant_refs");
            require((int) unmap.invokeExact(table, mapped, refs.length), "xengnttab_unmap");
          },
          () -> {
            GrantMapping mapped = device.map(0, refs, Mapping.READ_WRITE);
            mapped.close();
          });
    } finally {
      require((int) close.invokeExact(table), "xengnttab_close");
    }
  }

  private static void channels(Arena arena) throws Throwable {
    SymbolLookup library = SymbolLookup.libraryLookup("libxenevtchn.so.1", arena);
    MethodHandle open = bind(library, "xenevtchn_open", ADDRESS, ADDRESS, JAVA_INT);
    MethodHandle offer = bind(library, "xenevtchn_bind_unbound_port", JAVA_INT, ADDRESS, UNSIGNED);
    MethodHandle bind =
        bind(library, "xenevtchn_bind_interdomain", JAVA_INT, ADDRESS, UNSIGNED, UNSIGNED);
    MethodHandle notify = bind(library, "xenevtchn_notify", JAVA_INT, ADDRESS, UNSIGNED);
    MethodHandle close = bind(library, "xenevtchn_close", JAVA_INT, ADDRESS);
    MemorySegment peer =
        require((MemorySegment) open.invokeExact(MemorySegment.NULL, 0), "xenevtchn_open");
    MemorySegment channels =
        require((MemorySegment) open.invokeExact(MemorySegment.NULL, 0), "xenevtchn_open");
    try (EventChannels device = EventChannels.open()) {
      int first = (int) offer.invokeExact(peer, 0);
      require(first, "xenevtchn_bind_unbound_port");
      int second = (int) offer.invokeExact(peer, 0);
      require(second, "xenevtchn_bind_unbound_port");
      int byLibrary = (int) bind.invokeExact(channels, 0, first);
      require(byLibrary, "xenevtchn_bind_interdomain");
      int byDevice = device.bind(0, second);
      compare(
          "notify",
          CALLS,
          () -> require((int) notify.invokeExact(channels, byLibrary), "xenevtchn_notify"),
          () -> require(device.notify(byDevice), "notify"));
    } finally {
      require((int) close.invokeExact(channels), "xenevtchn_close");
      require((int) close.invokeExact(peer), "xenevtchn_close");
    }
  }

  private static void store(Arena arena) throws Throwable {
    SymbolLookup library = SymbolLookup.libraryLookup("libxenstore.so.4", arena);
    MethodHandle open = bind(library, "xs_open", ADDRESS, ValueLayout.JAVA_LONG);
    MethodHandle read = bind(library, "xs_read", ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    MethodHandle free =
        Linker.nativeLinker()
            .downcallHandle(
                Linker.nativeLinker().defaultLookup().find("free").orElseThrow(),
                FunctionDescriptor.ofVoid(ADDRESS));
    MethodHandle close =
        Linker.nativeLinker()
            .downcallHandle(
                library.find("xs_close").orElseThrow(), FunctionDescriptor.ofVoid(ADDRESS));
    MemorySegment connection = require((MemorySegment) open.invokeExact(0L), "xs_open");
    try (XenStore device = XenStoreConnection.open()) {
      MemorySegment path = arena.allocateFrom(NODE);
      MemorySegment length = arena.allocate(JAVA_INT);
      compare(
          "read " + NODE,
          CALLS,
          () -> {
            MemorySegment value =
                require((MemorySegment) read.invokeExact(connection, 0, path, length), "xs_read");
            free.invokeExact(value);
          },
          () -> {
            if (device.read(NODE).isEmpty()) {
              throw new IOException("xenstore has no " + NODE);
            }
          });
    } finally {
      close.invokeExact(connection);
    }
  }

  /** The medians of both ways, which take turns. */
  private static void compare(String what, int calls, Work library, Work device) throws Throwable {
    long[] byLibrary = new long[ROUNDS];
    long[] byDevice = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      byLibrary[i] = measure(calls, library);
      byDevice[i] = measure(calls, device);
    }
    Arrays.sort(byLibrary);
    Arrays.sort(byDevice);
    System.out.printf(
        Locale.ROOT,
        "bench: %-28s library %10.1f us, device file %10.1f us%n",
        what,
        byLibrary[ROUNDS / 2] / 1e3 / calls,
        byDevice[ROUNDS / 2] / 1e3 / calls);
  }

  private static long measure(int calls, Work work) throws Throwable {
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      work.run();
    }
    return System.nanoTime() - start;
  }
}
