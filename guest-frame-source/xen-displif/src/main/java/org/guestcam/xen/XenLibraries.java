// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import jnr.ffi.LastError;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventChannels;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.xen.ffi.LibXenevtchn;
import org.guestcam.xen.ffi.LibXengnttab;
import org.guestcam.xen.ffi.XenLibrary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Xen through libxengnttab and libxenevtchn; what they have no calls for (guestcam_grants,
 * xen-gntalloc) through its device. What it maps, grants and binds goes with the process.
 */
final class XenLibraries implements XenHost {
  private static final Logger LOG = LoggerFactory.getLogger(XenLibraries.class);
  private static final int AT_ONCE = 64;

  private final LibXenevtchn library;
  private final Runtime runtime;
  private final Pointer channels;
  private final Fd events;
  private final LibraryGrants grants;
  private final HostGrants host;
  private final int[] fired = new int[AT_ONCE];

  /**
   * Opens handles of both libraries.
   *
   * @throws ErrnoException where Xen's devices cannot be opened
   */
  XenLibraries(LibXengnttab gnttab, LibXenevtchn library, Runtime runtime) throws ErrnoException {
    this.library = library;
    this.runtime = runtime;
    grants = new LibraryGrants(gnttab, runtime);
    channels = library.xenevtchn_open(null, 0);
    if (channels == null) {
      int errno = LastError.getLastError(runtime);
      grants.close();
      throw new ErrnoException("xenevtchn_open", EventChannels.DEVICE.toString(), errno);
    }
    Fd fd = null;
    try {
      fd = Fd.duplicate(library.xenevtchn_fd(channels), EventChannels.DEVICE.toString());
      fd.setNonBlocking(); // the library's as well: they are one open file
    } catch (ErrnoException e) {
      if (fd != null) {
        fd.close();
      }
      library.xenevtchn_close(channels);
      grants.close();
      throw e;
    }
    events = fd;
    host = new HostGrants(grants);
  }

  /**
   * Loads the libraries and opens them.
   *
   * @throws UnsatisfiedLinkError where one is not installed, with what would install it
   */
  static XenLibraries open() throws ErrnoException {
    LibXengnttab gnttab = XenLibrary.GNTTAB.load(LibXengnttab.class);
    LibXenevtchn evtchn = XenLibrary.EVTCHN.load(LibXenevtchn.class);
    return new XenLibraries(gnttab, evtchn, Runtime.getRuntime(gnttab));
  }

  /** The handle, for a call that is made now: the library would use a closed one's memory. */
  private Pointer channels() {
    if (!events.isOpen()) {
      throw new IllegalStateException("libxenevtchn's handle is closed");
    }
    return channels;
  }

  @Override
  public boolean shares() {
    return host.shares();
  }

  @Override
  public Fd eventFd() {
    return events;
  }

  @Override
  public int receive() {
    int count = 0;
    while (count < AT_ONCE) {
      int port = library.xenevtchn_pending(channels());
      if (port < 0) {
        break;
      }
      fired[count++] = port;
    }
    return count;
  }

  @Override
  public int port(int index) {
    return fired[index];
  }

  private record Mapped(Mapping mapping) implements Pages {
    @Override
    public MemorySegment segment() {
      return mapping.segment();
    }

    @Override
    public void close() {
      mapping.close();
    }
  }

  @Override
  public Pages map(int domain, int[] refs, int protection) throws IOException {
    return new Mapped(grants.map(domain, refs, protection));
  }

  @Override
  public Copy copy(int domain, int[] refs, long bytes) {
    return grants.copy(domain, refs, bytes);
  }

  @Override
  public Export export(int domain, int[] refs, int flags) throws IOException {
    return host.export(domain, refs, flags);
  }

  @Override
  public Export share(int domain, int[] refs) throws IOException {
    return host.share(domain, refs);
  }

  @Override
  public Loan lend(int domain, long bytes) throws IOException {
    return host.lend(domain, bytes);
  }

  @Override
  public int bind(int domain, int port) throws IOException {
    int local = library.xenevtchn_bind_interdomain(channels(), domain, port);
    if (local < 0) {
      throw failure("xenevtchn_bind_interdomain", "port " + port + " of domain " + domain);
    }
    return local;
  }

  @Override
  public void notify(int port) throws IOException {
    if (library.xenevtchn_notify(channels(), port) < 0) {
      throw failure("xenevtchn_notify", "port " + port);
    }
  }

  private ErrnoException failure(String call, String what) {
    return new ErrnoException(call, what, LastError.getLastError(runtime));
  }

  @Override
  public void unmask(int port) {
    say("xenevtchn_unmask", library.xenevtchn_unmask(channels(), port));
  }

  @Override
  public void unbind(int port) {
    say("xenevtchn_unbind", library.xenevtchn_unbind(channels(), port));
  }

  /** A peer that is gone takes its ports with it; the store tells of that. */
  private void say(String call, int r) {
    if (r < 0) {
      LOG.debug("{}: {}", call, Errno.describe(LastError.getLastError(runtime)));
    }
  }

  @Override
  public void close() {
    if (events.isOpen()) {
      events.close();
      library.xenevtchn_close(channels);
      grants.close();
      host.close();
    }
  }
}
