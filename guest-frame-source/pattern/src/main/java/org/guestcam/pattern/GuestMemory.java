// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of a guest, as KVM has it: one big memfd, sealed against growing and shrinking, and in
 * it the buffers of the guest's display. The guest sees each through a mapping of its own; the host
 * makes a dma-buf of the same pages.
 */
final class GuestMemory {
  /** How a buffer's pages lie in the memory. */
  enum Arrangement {
    /** One block. */
    LINEAR,
    /** Runs of a few pages, spread over the memory. */
    SCATTERED
  }

  /** What the host makes of the pages. */
  enum Kind {
    /** Dma-bufs where the kernel makes them, else shared memory, and a warning. */
    AUTO,
    /** Dma-bufs or nothing. */
    DMABUF,
    /** Shared memory. */
    SHM,
    /** As AUTO, of a memfd that cannot be sealed, which is what QEMU's D-Bus display shares. */
    UNSEALED
  }

  private static final Logger LOG = LoggerFactory.getLogger(GuestMemory.class);

  private final List<GuestBuffer> buffers;

  private GuestMemory(List<GuestBuffer> buffers) {
    this.buffers = List.copyOf(buffers);
  }

  /**
   * Allocates buffers of zeros.
   *
   * @param firstId the buffers' ids count from here
   * @param run pages of a scattered buffer that stay together
   * @throws HostLacksException for {@link Kind#DMABUF} where this host makes none of these pages,
   *     with the reason and what helps
   */
  static GuestMemory allocate(
      FrameLayout layout, int count, int firstId, Arrangement arrangement, int run, Kind kind)
      throws IOException {
    long bufferSize = Math.max(layout.imageSize(), layout.end());
    int pageSize = Mapping.pageSize();
    PageOrder order =
        arrangement == Arrangement.LINEAR
            ? PageOrder.linear(count, bufferSize, pageSize)
            : PageOrder.scattered(count, bufferSize, run, pageSize);
    // Mappings and dma-bufs keep the pages: the descriptor is needed no longer than this method.
    try (Memfd memory = memory(kind, order.memorySize())) {
      if (kind != Kind.SHM) {
        try {
          return dmaBufs(layout, firstId, memory, order);
        } catch (IOException e) {
          String why = explain(e);
          if (kind == Kind.DMABUF) {
            throw new HostLacksException(why, e);
          }
          LOG.warn("frames are in shared memory, not in dma-bufs: {}", why);
        }
      }
      return sharedMemory(layout, firstId, memory, order);
    }
  }

  private static Memfd memory(Kind kind, long size) throws ErrnoException {
    String name = "guestcam-pattern";
    if (kind == Kind.UNSEALED) {
      return Memfd.createUnsealable(name, size);
    }
    Memfd memory = Memfd.create(name, size);
    try {
      return memory.seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW);
    } catch (ErrnoException e) {
      memory.close();
      throw e;
    }
  }

  private static GuestMemory dmaBufs(FrameLayout layout, int firstId, Memfd memory, PageOrder order)
      throws IOException {
    List<GuestBuffer> made = new ArrayList<>();
    try (Udmabuf udmabuf = Udmabuf.open()) {
      for (List<PageRange> ranges : order.buffers()) {
        int id = firstId + made.size();
        DmaBuf dmaBuf = udmabuf.create(memory.fd(), ranges);
        try {
          dmaBuf.setName("guestcam-pattern-" + id);
          Mapping guestSide = map(memory, ranges);
          made.add(new GuestBuffer(buffer(id, layout, dmaBuf), guestSide));
        } catch (IOException e) {
          dmaBuf.close();
          throw e;
        }
      }
      return new GuestMemory(made);
    } catch (IOException e) {
      made.forEach(GuestBuffer::retire);
      throw e;
    }
  }

  private static GuestMemory sharedMemory(
      FrameLayout layout, int firstId, Memfd memory, PageOrder order) throws IOException {
    List<GuestBuffer> made = new ArrayList<>();
    try {
      for (List<PageRange> ranges : order.buffers()) {
        Mapping mapping = map(memory, ranges);
        int id = firstId + made.size();
        Buffer buffer =
            ranges.size() == 1
                ? buffer(id, layout, mapping, memory.fd().duplicate(), ranges.getFirst().offset())
                : buffer(id, layout, mapping);
        made.add(new GuestBuffer(buffer, mapping));
      }
      return new GuestMemory(made);
    } catch (IOException e) {
      made.forEach(GuestBuffer::retire);
      throw e;
    }
  }

  private static Mapping map(Memfd memory, List<PageRange> ranges) throws IOException {
    try {
      return Mapping.ofRanges(memory.fd(), ranges, Mapping.READ_WRITE);
    } catch (ErrnoException e) {
      if (!e.is(Errno.ENOMEM)) {
        throw e;
      }
      throw new IOException(
          e.getMessage()
              + "; a buffer of "
              + ranges.size()
              + " ranges of pages takes as many mappings, and a process has at most"
              + " /proc/sys/vm/max_map_count of them: use a larger run= or fewer buffers=",
          e);
    }
  }

  private static Buffer buffer(int id, FrameLayout layout, DmaBuf dmaBuf) {
    try {
      return Buffer.ofDmaBuf(id, layout, dmaBuf, () -> LOG.debug("dma-buf {} is closed", id));
    } catch (LayoutException e) {
      throw new AssertionError("the memory was made for this layout", e);
    }
  }

  private static Buffer buffer(int id, FrameLayout layout, Mapping mapping) {
    try {
      return Buffer.ofMemory(id, layout, mapping, () -> LOG.debug("memory {} is closed", id));
    } catch (LayoutException e) {
      throw new AssertionError("the memory was made for this layout", e);
    }
  }

  private static Buffer buffer(int id, FrameLayout layout, Mapping mapping, Fd file, long offset) {
    try {
      return Buffer.ofSharedFile(
          id,
          layout,
          mapping,
          new Buffer.SharedFile(file, offset),
          () -> LOG.debug("memory {} is closed", id));
    } catch (LayoutException e) {
      throw new AssertionError("the memory was made for this layout", e);
    }
  }

  /** Why this host makes no dma-buf of the pages, and what helps. */
  private static String explain(IOException failure) {
    Optional<ErrnoException> open =
        Optional.of(failure)
            .filter(ErrnoException.class::isInstance)
            .map(ErrnoException.class::cast)
            .filter(e -> e.call().equals("open"));
    if (open.filter(e -> e.is(Errno.ENOENT)).isPresent()) {
      return Udmabuf.DEVICE
          + " does not exist: this kernel has no udmabuf. It wants CONFIG_UDMABUF (Linux 6.12 of"
          + " Debian 13 has it, Debian 12 has not); where it is a module: sudo modprobe udmabuf";
    }
    if (open.filter(e -> e.is(Errno.EACCES) || e.is(Errno.EPERM)).isPresent()) {
      return "no right to open "
          + Udmabuf.DEVICE
          + ": sudo setfacl -m u:"
          + System.getProperty("user.name")
          + ":rw "
          + Udmabuf.DEVICE
          + ", or join the group that owns it (Debian: sudo adduser "
          + System.getProperty("user.name")
          + " kvm, then log in anew)";
    }
    return failure.getMessage();
  }

  /** The buffers; the caller retires each. */
  List<GuestBuffer> buffers() {
    return buffers;
  }
}
