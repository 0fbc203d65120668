// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Mapping;

/**
 * What Xen does for a backend: another domain's granted pages, grants of our own, event channels.
 * Every number that is passed may come from a guest; a wrong one is an {@link IOException}.
 */
interface Hypervisor extends AutoCloseable {
  /** Pages of another domain in this process; closed by who asked for them. */
  interface Pages extends AutoCloseable {
    /** Their bytes, which the other domain may change at any time. */
    MemorySegment segment();

    /** The same as a mapping that a buffer can be made of; it is closed by this object only. */
    Mapping mapping();

    @Override
    void close();
  }

  /** Memory of this host that another domain draws into; closing it takes the grants back. */
  interface Loan extends AutoCloseable {
    /** One grant reference a page. */
    int[] refs();

    /** A buffer of it, which lives on when this is closed. */
    Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException;

    @Override
    void close();
  }

  /** Another domain's pages as a dma-buf, which lives on in descriptors of their own. */
  interface Export extends AutoCloseable {
    /** Borrowed. */
    DmaBuf dmaBuf();

    /**
     * Lets go of the dma-buf here, and waits until everybody did and its grants are unmapped.
     *
     * @return whether that was so in time
     */
    boolean awaitReleased(int millis);

    @Override
    void close();
  }

  /** Copies the same pages again and again. */
  interface Copy extends AutoCloseable {
    /**
     * Copies into {@code to}, which begins a page.
     *
     * @return zero or a negative errno
     */
    int copyTo(MemorySegment to);

    @Override
    void close();
  }

  /**
   * Maps granted pages one behind the other.
   *
   * @param protection of {@link Mapping}
   */
  Pages map(int domain, int[] refs, int protection) throws IOException;

  /** Prepares copies of the first {@code bytes} bytes of granted pages. */
  Copy copy(int domain, int[] refs, long bytes) throws IOException;

  /**
   * gntdev's dma-buf of granted pages, for devices that import by DMA; closed by who asked for it.
   *
   * @param flags of {@link org.guestcam.uapi.GrantDevice}
   */
  Export export(int domain, int[] refs, int flags) throws IOException;

  /** guestcam_grants' dma-buf of granted pages, for everybody; closed by who asked for it. */
  Export share(int domain, int[] refs) throws IOException;

  /** Allocates memory of this host and grants all of it to another domain. */
  Loan lend(int domain, long bytes) throws IOException;

  /**
   * Binds a port that another domain offers.
   *
   * @return the local port
   */
  int bind(int domain, int port) throws IOException;

  /**
   * Makes the other side of a local port fire. Fails where the port is not ours any more; of a port
   * whose other side was closed Xen says nothing.
   */
  void notify(int port) throws IOException;

  /** Lets a local port fire again. */
  void unmask(int port);

  /** Gives a local port back. */
  void unbind(int port);

  @Override
  void close();
}
