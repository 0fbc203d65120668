// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.lang.foreign.MemorySegment;
import jnr.ffi.LastError;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.GrantCopy;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantDmaBufs;
import org.guestcam.uapi.Mapping;
import org.guestcam.xen.ffi.LibXengnttab;

/**
 * A handle of libxengnttab. Its mappings and copies may outlive {@link #close}, for frames do: the
 * handle ends with the last of them. Any thread may use it; one at a time does.
 */
final class LibraryGrants implements GrantDmaBufs, AutoCloseable {
  private final LibXengnttab library;
  private final Runtime runtime;
  private final Pointer table;
  private int users = 1; // this object, until it is closed
  private boolean closed;

  /** Opens a handle: ENOENT where xen-gntdev is not loaded, EACCES without the rights. */
  LibraryGrants(LibXengnttab library, Runtime runtime) throws ErrnoException {
    this.library = library;
    this.runtime = runtime;
    table = library.xengnttab_open(null, 0);
    if (table == null) {
      throw failure("xengnttab_open", GrantDevice.DEVICE.toString());
    }
  }

  private ErrnoException failure(String call, String what) {
    return new ErrnoException(call, what, LastError.getLastError(runtime));
  }

  /** A library's result as the kernel's calls have it: zero or more, or a negative errno. */
  private int result(int returned) {
    return returned < 0 ? -LastError.getLastError(runtime) : returned;
  }

  /** The handle, for a call that is made now: the library would use a closed one's memory. */
  private Pointer table() {
    if (closed) {
      throw new IllegalStateException("libxengnttab's handle is closed");
    }
    return table;
  }

  /** Maps pages, as {@link GrantDevice#map}; the caller closes the mapping. */
  synchronized Mapping map(int domain, int[] refs, int protection) throws ErrnoException {
    Pointer start =
        library.xengnttab_map_domain_grant_refs(table(), refs.length, domain, refs, protection);
    String name = "pages of domain " + domain;
    if (start == null) {
      throw failure("xengnttab_map_domain_grant_refs", name);
    }
    users++;
    return Mapping.adopt(
        start.address(),
        (long) refs.length * GrantDevice.GRANT_SIZE,
        name,
        () -> unmap(start, refs.length));
  }

  private synchronized int unmap(Pointer start, int count) {
    int r = result(library.xengnttab_unmap(table, start, count));
    leave();
    return r;
  }

  /** Prepares copies, as {@link GrantCopy}'s. */
  synchronized Hypervisor.Copy copy(int domain, int[] refs, long bytes) {
    GrantCopy copy =
        new GrantCopy(
            (segments, count, arena) -> {
              Pointer first = Pointer.wrap(runtime, segments.address());
              return () -> {
                synchronized (this) {
                  return result(library.xengnttab_grant_copy(table, count, first));
                }
              };
            },
            domain,
            refs,
            bytes);
    users++;
    return new Copying(copy, this);
  }

  private record Copying(GrantCopy copy, LibraryGrants grants) implements Hypervisor.Copy {
    @Override
    public int copyTo(MemorySegment to) {
      return copy.copyTo(to);
    }

    @Override
    public void close() {
      copy.close();
      grants.leave();
    }
  }

  @Override
  public synchronized DmaBuf exportDmaBuf(int domain, int[] refs, int flags) throws ErrnoException {
    int[] fd = new int[1];
    int r = library.xengnttab_dmabuf_exp_from_refs(table(), domain, flags, refs.length, refs, fd);
    String name = "pages of domain " + domain;
    if (r < 0) {
      throw failure("xengnttab_dmabuf_exp_from_refs", name);
    }
    Fd exported = Fd.own(fd[0], name);
    try {
      return DmaBuf.own(exported);
    } catch (ErrnoException e) {
      exported.close();
      throw e;
    }
  }

  @Override
  public synchronized int awaitReleased(int number, int millis) {
    return result(library.xengnttab_dmabuf_exp_wait_released(table(), number, millis));
  }

  @Override
  public synchronized int[] grant(DmaBuf dmaBuf, int domain) throws ErrnoException {
    int[] refs = new int[Math.toIntExact(dmaBuf.size() / GrantDevice.GRANT_SIZE)];
    int fd = dmaBuf.fd().number();
    if (library.xengnttab_dmabuf_imp_to_refs(table(), domain, fd, refs.length, refs) < 0) {
      throw failure("xengnttab_dmabuf_imp_to_refs", dmaBuf.fd().name());
    }
    return refs;
  }

  @Override
  public synchronized int releaseGranted(DmaBuf dmaBuf) {
    return closed ? 0 : result(library.xengnttab_dmabuf_imp_release(table, dmaBuf.fd().number()));
  }

  private synchronized void leave() {
    if (--users == 0) {
      library.xengnttab_close(table);
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      leave();
    }
  }
}
