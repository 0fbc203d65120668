// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.uapi.Mapping;

/**
 * A display buffer of a guest as this host reaches it, by one of five routes. {@link #close} after
 * its pictures were removed; grants are given back when nobody reads them any more.
 */
abstract sealed class DisplayMemory implements AutoCloseable {
  private final AtomicInteger open = new AtomicInteger();

  /** How bytes get to the host. */
  enum Route {
    /** The backend's memory, granted to the guest (be-alloc=1): no copy. */
    LEND,
    /** The guest's pages mapped, for V4L2_MEMORY_USERPTR: no copy. Not sound in an x86 PV dom0. */
    MAP,
    /** The guest's pages as a dma-buf of guestcam_grants, for everything that imports: no copy. */
    SHARE,
    /** The guest's pages as a dma-buf of gntdev, for devices that import by DMA: no copy. */
    EXPORT,
    /** The hypervisor copies (GNTTABOP_copy): one copy a frame. */
    COPY
  }

  /** Counts one more buffer, until what is returned runs. */
  final Runnable opened() {
    open.incrementAndGet();
    return open::decrementAndGet;
  }

  /** Whether no buffer of it is open: every grant that was mapped for one is given back. */
  final boolean isIdle() {
    return open.get() == 0;
  }

  /**
   * What is shown with this layout.
   *
   * @param firstId its buffers' ids count from here
   * @param onFree runs when a frame is released, on any thread
   */
  abstract Picture picture(FrameLayout layout, int firstId, Runnable onFree) throws IOException;

  /** Buffers of one picture. */
  int buffers() {
    return 1;
  }

  /** Whether {@link #release} has nothing to wait for. */
  boolean canGo() {
    return isIdle();
  }

  /**
   * Gives the rest back, when {@link #canGo} or when waiting is over.
   *
   * @return whether no grant of the guest's is mapped any more
   */
  boolean release() {
    boolean all = canGo();
    close();
    return all;
  }

  @Override
  public abstract void close();

  /** Memory of ours that the guest draws into. */
  static final class Lent extends DisplayMemory {
    private final Hypervisor.Loan loan;

    Lent(Hypervisor.Loan loan) {
      this.loan = loan;
    }

    @Override
    Picture picture(FrameLayout layout, int firstId, Runnable onFree) throws IOException {
      return Picture.of(loan.buffer(firstId, layout, opened()), onFree);
    }

    @Override
    boolean canGo() {
      return true; // the pages are ours, whoever reads them
    }

    @Override
    public void close() {
      loan.close();
    }
  }

  /** The guest's pages, mapped once a picture. */
  static final class Mapped extends DisplayMemory {
    private final Hypervisor xen;
    private final int domain;
    private final int[] refs;

    Mapped(Hypervisor xen, int domain, int[] refs) {
      this.xen = xen;
      this.domain = domain;
      this.refs = refs;
    }

    @Override
    Picture picture(FrameLayout layout, int firstId, Runnable onFree) throws IOException {
      Hypervisor.Pages pages = xen.map(domain, refs, Mapping.READ_WRITE);
      Runnable onClosed = opened();
      try {
        Buffer buffer =
            Buffer.ofMemory(
                firstId,
                layout,
                pages.mapping(),
                () -> {
                  pages.close();
                  onClosed.run();
                });
        return Picture.of(buffer, onFree);
      } catch (LayoutException e) {
        pages.close();
        onClosed.run();
        throw new IOException(e.getMessage(), e);
      }
    }

    @Override
    public void close() {}
  }

  /** The guest's pages as a dma-buf. */
  static final class Exported extends DisplayMemory {
    private static final int PATIENCE_MILLIS = 100;

    private final Hypervisor.Export export;

    /** Takes the export over. */
    Exported(Hypervisor.Export export) {
      this.export = export;
    }

    @Override
    Picture picture(FrameLayout layout, int firstId, Runnable onFree) throws IOException {
      return Picture.of(OwnMemory.buffer(export.dmaBuf(), firstId, layout, opened()), onFree);
    }

    @Override
    boolean release() {
      boolean all = isIdle() && export.awaitReleased(PATIENCE_MILLIS);
      close();
      return all;
    }

    @Override
    public void close() {
      export.close();
    }
  }

  /** Copies of the guest's pages, in buffers of ours that take turns. */
  static final class Copied extends DisplayMemory {
    /** On show, next, waiting, kept, and one to copy into. */
    static final int BUFFERS = 5;

    private final Hypervisor xen;
    private final int domain;
    private final int[] refs;
    private final AtomicLong copiedBytes;

    /** {@code copiedBytes} counts what is copied. */
    Copied(Hypervisor xen, int domain, int[] refs, AtomicLong copiedBytes) {
      this.xen = xen;
      this.domain = domain;
      this.refs = refs;
      this.copiedBytes = copiedBytes;
    }

    @Override
    int buffers() {
      return BUFFERS;
    }

    @Override
    Picture picture(FrameLayout layout, int firstId, Runnable onFree) throws IOException {
      long bytes = layout.end();
      List<Buffer> buffers = new ArrayList<>(BUFFERS);
      List<OwnMemory> memories = new ArrayList<>(BUFFERS);
      Hypervisor.Copy copy = xen.copy(domain, refs, bytes);
      AtomicInteger left = new AtomicInteger(BUFFERS);
      try {
        while (buffers.size() < BUFFERS) {
          OwnMemory memory = OwnMemory.allocate("guestcam-xen-copy", bytes);
          memories.add(memory);
          Runnable onClosed = opened();
          buffers.add(
              memory.buffer(
                  firstId + buffers.size(),
                  layout,
                  () -> {
                    memory.close();
                    onClosed.run();
                    if (left.decrementAndGet() == 0) {
                      copy.close();
                    }
                  }));
        }
      } catch (IOException e) {
        buffers.forEach(Buffer::drop);
        memories.forEach(OwnMemory::close);
        copy.close();
        throw e;
      }
      OwnMemory[] targets = memories.toArray(OwnMemory[]::new);
      Picture.Filler filler =
          index -> {
            int r = targets[index].beginWrite();
            if (r >= 0) {
              r = copy.copyTo(targets[index].pixels());
              targets[index].endWrite();
            }
            if (r >= 0) {
              copiedBytes.addAndGet(bytes);
            }
            return r;
          };
      return Picture.of(buffers, filler, onFree);
    }

    @Override
    boolean canGo() {
      return true; // nothing of the guest's is mapped
    }

    @Override
    public void close() {}
  }
}
