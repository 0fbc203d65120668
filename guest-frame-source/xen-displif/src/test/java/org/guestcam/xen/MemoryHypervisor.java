// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.FrameLayout;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;

/**
 * A hypervisor of plain memory: the guest's pages are those of a memfd, a grant reference is a
 * page's number plus {@link #FIRST_REF}. It counts what is not given back.
 */
final class MemoryHypervisor implements Hypervisor {
  static final int FIRST_REF = 8;
  static final int PAGES = 4096;
  private static final int PAGE = Displif.PAGE;

  private final Memfd memory;
  private final Mapping all;
  final Set<Integer> bound = new HashSet<>();
  final List<Integer> notified = new ArrayList<>();
  final List<Integer> unmasked = new ArrayList<>();
  final Set<Integer> lost = new HashSet<>();
  final Map<Integer, MemorySegment> lent = new HashMap<>();
  int mapped;
  int copies;
  int loans;
  private int nextPage;
  private int nextLoan = 1_000_000;

  MemoryHypervisor() throws IOException {
    memory = Memfd.create("guest", (long) PAGES * PAGE);
    all = memory.map();
  }

  /** Pages that the guest takes of its memory, of fresh zeros. */
  int[] allocate(int pages) {
    int[] refs = new int[pages];
    for (int i = 0; i < pages; i++) {
      refs[i] = FIRST_REF + nextPage++;
    }
    return refs;
  }

  /** A page as the guest sees it. */
  MemorySegment page(int ref) {
    return all.segment().asSlice((long) (ref - FIRST_REF) * PAGE, PAGE);
  }

  private static void require(boolean valid, String call) throws ErrnoException {
    if (!valid) {
      throw new ErrnoException(call, "the test's hypervisor", Errno.EINVAL.number());
    }
  }

  @Override
  public Pages map(int domain, int[] refs, int protection) throws IOException {
    List<PageRange> ranges = new ArrayList<>();
    for (int ref : refs) {
      require(ref >= FIRST_REF && ref < FIRST_REF + PAGES, "map");
      ranges.add(new PageRange((long) (ref - FIRST_REF) * PAGE, PAGE));
    }
    Mapping mapping = Mapping.ofRanges(memory.fd(), ranges, protection);
    mapped++;
    return new Pages() {
      private boolean closed;

      @Override
      public MemorySegment segment() {
        return mapping.segment();
      }

      @Override
      public Mapping mapping() {
        return mapping;
      }

      @Override
      public void close() {
        if (!closed) {
          closed = true;
          mapping.close();
          mapped--;
        }
      }
    };
  }

  @Override
  public Copy copy(int domain, int[] refs, long bytes) throws IOException {
    copies++;
    return new Copy() {
      @Override
      public int copyTo(MemorySegment to) {
        for (int i = 0; i * (long) PAGE < bytes; i++) {
          if (refs[i] >= FIRST_REF + PAGES) {
            return -Errno.EFAULT.number();
          }
          long at = i * (long) PAGE;
          MemorySegment.copy(page(refs[i]), 0, to, at, Math.min(PAGE, bytes - at));
        }
        return 0;
      }

      @Override
      public void close() {
        copies--;
      }
    };
  }

  @Override
  public Export export(int domain, int[] refs, int flags) throws IOException {
    throw new ErrnoException("export", "the test's hypervisor", Errno.EINVAL.number());
  }

  @Override
  public Export share(int domain, int[] refs) throws IOException {
    throw new ErrnoException("share", "the test's hypervisor", Errno.ENOENT.number());
  }

  @Override
  public Loan lend(int domain, long bytes) throws IOException {
    OwnMemory own = OwnMemory.allocate("lent", bytes);
    int[] refs = new int[(int) (own.pixels().byteSize() / PAGE)];
    for (int i = 0; i < refs.length; i++) {
      refs[i] = nextLoan++;
      lent.put(refs[i], own.pixels().asSlice((long) i * PAGE, PAGE));
    }
    loans++;
    return new Loan() {
      private boolean closed;

      @Override
      public int[] refs() {
        return refs.clone();
      }

      @Override
      public Buffer buffer(int id, FrameLayout layout, Runnable onClosed) throws IOException {
        return own.buffer(id, layout, onClosed);
      }

      @Override
      public void close() {
        if (!closed) {
          closed = true;
          loans--;
          own.close();
        }
      }
    };
  }

  @Override
  public int bind(int domain, int port) throws IOException {
    require(port > 0 && port < 1000 && bound.add(port), "bind");
    return port;
  }

  @Override
  public void notify(int port) throws IOException {
    if (lost.contains(port)) {
      throw new ErrnoException("notify", "the test's port", Errno.ENOTCONN.number());
    }
    notified.add(port);
  }

  @Override
  public void unmask(int port) {
    unmasked.add(port);
  }

  @Override
  public void unbind(int port) {
    if (!bound.remove(port)) {
      throw new AssertionError("port " + port + " was not bound");
    }
  }

  @Override
  public void close() {
    all.close();
    memory.close();
  }
}
