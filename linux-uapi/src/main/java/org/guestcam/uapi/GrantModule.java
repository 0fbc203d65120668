// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.guestcam_grants_buffer;

/**
 * /dev/guestcam-grants: another domain's granted pages as a dma-buf that anything can map, and new
 * pages as a dma-buf and grants for another domain ({@code grants-module/uapi/guestcam_grants.h}).
 * Owns its descriptor; what was made through it lives on.
 *
 * <p>Grant references and domains come from guests: the module and Xen check them, and a wrong one
 * is an {@link ErrnoException}.
 */
public final class GrantModule implements AutoCloseable {
  /** The device. */
  public static final Path DEVICE = Path.of("/dev/guestcam-grants");

  private final Fd fd;

  private GrantModule(Fd fd) {
    this.fd = fd;
  }

  /**
   * Opens the device.
   *
   * @throws ErrnoException ENOENT where guestcam_grants is not loaded, EACCES without the rights,
   *     EOPNOTSUPP in an x86 PV domain, where none of it is sound
   */
  public static GrantModule open() throws ErrnoException {
    return new GrantModule(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /**
   * A dma-buf of pages that {@code domain} grants, in the order of their references; the caller
   * closes it.
   *
   * @param refs one a page of 4096 bytes
   * @throws ErrnoException EINVAL where one is no grant for this domain, ENOSPC over a limit of the
   *     module, ENOMEM over RLIMIT_MEMLOCK
   */
  public GrantBuffer map(int domain, int[] refs) throws ErrnoException {
    return make(Uapi.GUESTCAM_GRANTS_MAP(), "GUESTCAM_GRANTS_MAP", domain, refs);
  }

  /**
   * A dma-buf of new, zeroed pages that {@code domain} may read and write; the caller closes it.
   *
   * @param pages of 4096 bytes
   * @throws ErrnoException ENOSPC over a limit of the module or without free grant references,
   *     ENOMEM over RLIMIT_MEMLOCK
   */
  public GrantBuffer grant(int domain, int pages) throws ErrnoException {
    return make(Uapi.GUESTCAM_GRANTS_GRANT(), "GUESTCAM_GRANTS_GRANT", domain, new int[pages]);
  }

  private GrantBuffer make(long call, String name, int domain, int[] refs) throws ErrnoException {
    EventFd ended = new EventFd("the end of grants of domain " + domain);
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment list = scratch.allocateFrom(JAVA_INT, refs);
      MemorySegment argument = guestcam_grants_buffer.allocate(scratch);
      guestcam_grants_buffer.refs(argument, list.address());
      guestcam_grants_buffer.domid(argument, domain);
      guestcam_grants_buffer.count(argument, refs.length);
      guestcam_grants_buffer.eventfd(argument, ended.fd().number());
      guestcam_grants_buffer.source_fd(argument, -1);
      Ioctl.require(fd, call, name, argument);
      Fd dmaBuf =
          Fd.own(guestcam_grants_buffer.dmabuf_fd(argument), "pages shared with domain " + domain);
      try {
        return new GrantBuffer(DmaBuf.own(dmaBuf), list.toArray(JAVA_INT), ended);
      } catch (ErrnoException e) {
        dmaBuf.close();
        throw e;
      }
    } catch (ErrnoException e) {
      ended.close();
      throw e;
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
