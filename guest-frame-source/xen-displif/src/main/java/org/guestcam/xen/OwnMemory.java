// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;
import org.guestcam.uapi.UdmabufRefusedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory of this host: a memfd of whole pages, zero at first, and its udmabuf where the kernel
 * makes one.
 */
final class OwnMemory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OwnMemory.class);

  private final Memfd memfd;
  private final DmaBuf dmaBuf; // null: none
  private final Mapping mapping;

  private OwnMemory(Memfd memfd, DmaBuf dmaBuf, Mapping mapping) {
    this.memfd = memfd;
    this.dmaBuf = dmaBuf;
    this.mapping = mapping;
  }

  /**
   * Allocates it, as a dma-buf where that is possible.
   *
   * @param bytes rounded up to whole pages
   */
  static OwnMemory allocate(String name, long bytes) throws IOException {
    try {
      return allocateDmaBuf(name, bytes);
    } catch (ErrnoException | UdmabufRefusedException e) {
      LOG.debug("{} is shared memory, not a dma-buf: {}", name, e.getMessage());
    }
    return allocateShared(name, bytes);
  }

  /** Allocates it as shared memory, which is no dma-buf. */
  static OwnMemory allocateShared(String name, long bytes) throws IOException {
    Memfd memfd = Memfd.create(name, wholePages(bytes));
    try {
      return new OwnMemory(memfd, null, memfd.map());
    } catch (IOException e) {
      memfd.close();
      throw e;
    }
  }

  /**
   * Allocates it as a dma-buf.
   *
   * @throws IOException where the kernel makes none, with the reason
   */
  static OwnMemory allocateDmaBuf(String name, long bytes) throws IOException {
    long size = wholePages(bytes);
    Memfd memfd = Memfd.create(name, size);
    Mapping mapping = null;
    try (Udmabuf udmabuf = Udmabuf.open()) {
      memfd.seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW);
      mapping = memfd.map();
      return new OwnMemory(memfd, udmabuf.create(memfd.fd(), new PageRange(0, size)), mapping);
    } catch (IOException e) {
      if (mapping != null) {
        mapping.close();
      }
      memfd.close();
      throw e;
    }
  }

  private static long wholePages(long bytes) {
    long page = Mapping.pageSize();
    return Math.ceilDiv(bytes, page) * page;
  }

  /** The dma-buf, borrowed; null where there is none. */
  DmaBuf dmaBuf() {
    return dmaBuf;
  }

  /** The bytes, for the CPU: between {@link #beginWrite} and {@link #endWrite}. */
  MemorySegment pixels() {
    return mapping.segment();
  }

  /**
   * Begins writing with the CPU.
   *
   * @return zero or a negative errno
   */
  int beginWrite() {
    return dmaBuf == null ? 0 : dmaBuf.beginCpuAccess(DmaBuf.WRITE);
  }

  /** Ends what {@link #beginWrite} began. */
  int endWrite() {
    return dmaBuf == null ? 0 : dmaBuf.endCpuAccess(DmaBuf.WRITE);
  }

  /** A buffer of it, which lives on when this is closed. */
  Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException {
    if (dmaBuf != null) {
      return buffer(dmaBuf, id, layout, onClosed);
    }
    return buffer(memfd.map(), id, layout, onClosed);
  }

  /** A buffer of a mapping, which it takes over. */
  static Buffer buffer(Mapping mapping, int id, FrameLayout layout, Runnable onClosed)
      throws IOException {
    try {
      return Buffer.ofMemory(id, layout, mapping, onClosed);
    } catch (LayoutException e) {
      mapping.close();
      throw new IOException(e.getMessage(), e);
    }
  }

  /** A buffer of a dma-buf that stays the caller's: it gets a descriptor of its own. */
  static Buffer buffer(DmaBuf dmaBuf, int id, FrameLayout layout, Runnable onClosed)
      throws IOException {
    DmaBuf own = DmaBuf.own(dmaBuf.fd().duplicate());
    try {
      return Buffer.ofDmaBuf(id, layout, own, onClosed);
    } catch (LayoutException e) {
      own.close();
      throw new IOException(e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    mapping.close();
    memfd.close();
    if (dmaBuf != null) {
      dmaBuf.close();
    }
  }
}
