// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import jnr.ffi.Pointer;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.GrantAllocator;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.Mapping;
import org.guestcam.xen.ffi.LibXenevtchn;
import org.guestcam.xen.ffi.XenLibrary;

/**
 * The same calls by Xen's libraries (calls=libraries) and by the device files (calls=devices), in
 * turns, in a dom0 that grants to itself. tests/bench/grants runs it.
 */
final class LibxenBench {
  private static final int PAGES = (1920 * 1080 * 4 + 4095) / 4096;
  private static final int ROUNDS = 15;
  private static final int CALLS = 200;
  private static final String NODE = "/local/domain/0/name";

  private interface Work {
    void run() throws IOException;
  }

  /** A guest's side of event channels, which guestcam has no use for. */
  public interface Offers extends LibXenevtchn {
    /** A port that {@code domain} may bind. */
    int xenevtchn_bind_unbound_port(Pointer channels, int domain);
  }

  private LibxenBench() {}

  public static void main(String[] args) throws IOException {
    // Once a process: each pays for its classes and bindings, and not for FFM, which guestcam needs
    // in any case.
    new EventFd("FFM").close();
    long byDevice = measure(1, () -> XenDevices.open().close());
    long byLibrary = measure(1, () -> XenLibraries.open().close());
    print("open, the first time", 1, byLibrary, byDevice);
    try (XenHost libraries = XenLibraries.open();
        XenHost devices = XenDevices.open();
        GrantAllocator allocator = GrantAllocator.open();
        GrantAllocator.Pages pages = allocator.allocate(0, PAGES)) {
      compare(
          "map and unmap 1080p",
          1,
          () -> libraries.map(0, pages.refs(), Mapping.READ_WRITE).close(),
          () -> devices.map(0, pages.refs(), Mapping.READ_WRITE).close());
      copies(libraries, devices, pages.refs());
    }
    channels();
    try (XenStore library = LibraryXenStore.open();
        XenStore device = XenStoreConnection.open()) {
      compare("read " + NODE, CALLS, () -> library.read(NODE), () -> device.read(NODE));
    }
  }

  private static void copies(XenHost libraries, XenHost devices, int[] refs) throws IOException {
    long bytes = (long) PAGES * GrantDevice.GRANT_SIZE;
    try (Arena arena = Arena.ofConfined();
        Hypervisor.Copy byLibrary = libraries.copy(0, refs, bytes);
        Hypervisor.Copy byDevice = devices.copy(0, refs, bytes)) {
      MemorySegment to = arena.allocate(bytes, GrantDevice.GRANT_SIZE);
      compare(
          "copy 1080p",
          1,
          () -> require(byLibrary.copyTo(to), "xengnttab_grant_copy"),
          () -> require(byDevice.copyTo(to), "IOCTL_GNTDEV_GRANT_COPY"));
    }
  }

  private static void require(int result, String call) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, "1080p", -result);
    }
  }

  /** This domain offers itself two ports, and notifies them. */
  private static void channels() throws IOException {
    Offers offers = XenLibrary.EVTCHN.load(Offers.class);
    Pointer offering = offers.xenevtchn_open(null, 0);
    if (offering == null) {
      throw new IOException("xenevtchn_open failed");
    }
    try (XenHost libraries = XenLibraries.open();
        XenHost devices = XenDevices.open()) {
      int byLibrary = libraries.bind(0, offers.xenevtchn_bind_unbound_port(offering, 0));
      int byDevice = devices.bind(0, offers.xenevtchn_bind_unbound_port(offering, 0));
      compare("notify", CALLS, () -> libraries.notify(byLibrary), () -> devices.notify(byDevice));
    } finally {
      offers.xenevtchn_close(offering);
    }
  }

  /** The medians of both ways, which take turns. */
  private static void compare(String what, int calls, Work library, Work device)
      throws IOException {
    long[] byLibrary = new long[ROUNDS];
    long[] byDevice = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      byLibrary[i] = measure(calls, library);
      byDevice[i] = measure(calls, device);
    }
    Arrays.sort(byLibrary);
    Arrays.sort(byDevice);
    print(what, calls, byLibrary[ROUNDS / 2], byDevice[ROUNDS / 2]);
  }

  private static void print(String what, int calls, long library, long device) {
    System.out.printf(
        Locale.ROOT,
        "bench: %-28s library %10.1f us, device file %10.1f us, library / device %.2f%n",
        what,
        library / 1e3 / calls,
        device / 1e3 / calls,
        (double) library / device);
  }

  private static long measure(int calls, Work work) throws IOException {
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      work.run();
    }
    return System.nanoTime() - start;
  }
}
