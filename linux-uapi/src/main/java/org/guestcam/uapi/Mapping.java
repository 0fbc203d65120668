// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntSupplier;

/**
 * A shared mapping of a file's bytes. Whoever made it closes it, after everybody has stopped
 * reading it: the segment of a closed mapping throws instead of touching memory.
 */
@SuppressWarnings("restricted") // turns addresses that mmap(2) returned into segments
public final class Mapping implements AutoCloseable {
  /** Pages may be read ({@code asm-generic/mman-common.h}). */
  public static final int READ = 1;

  /** Pages may be read and written. */
  public static final int READ_WRITE = 3;

  private static final int MAP_SHARED = 0x01;
  private static final int MAP_PRIVATE = 0x02;
  private static final int MAP_FIXED = 0x10;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int PROT_NONE = 0;

  private final Arena arena = Arena.ofShared();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final MemorySegment segment;
  private final String name;
  private final IntSupplier unmap;

  private Mapping(long address, long length, String name) {
    this(address, length, name, () -> Libc.munmap(address, length));
  }

  private Mapping(long address, long length, String name, IntSupplier unmap) {
    this.name = name;
    this.unmap = unmap;
    this.segment = MemorySegment.ofAddress(address).reinterpret(length, arena, null);
  }

  /**
   * Maps {@code length} bytes of {@code fd} from {@code offset}, both multiples of the page size
   * where the file asks for it.
   */
  public static Mapping of(Fd fd, long offset, long length, int protection) throws ErrnoException {
    long address = Libc.mmap(0, length, protection, MAP_SHARED, fd.number(), offset);
    requireAddress(address, fd.name());
    return new Mapping(address, length, fd.name());
  }

  /**
   * Maps ranges of one file behind each other, as a guest's page table shows its scattered pages:
   * the segment is linear, the file's pages are not.
   *
   * @param ranges page-aligned ranges of {@code fd}, in the order in which they are seen
   */
  public static Mapping ofRanges(Fd fd, List<PageRange> ranges, int protection)
      throws ErrnoException {
    long length = 0;
    for (PageRange range : ranges) {
      length = Math.addExact(length, range.length());
    }
    long start = Libc.mmap(0, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    requireAddress(start, fd.name());
    long at = start;
    for (PageRange range : ranges) {
      long r =
          Libc.mmap(
              at, range.length(), protection, MAP_SHARED | MAP_FIXED, fd.number(), range.offset());
      if (isError(r)) {
        requireUnmapped(Libc.munmap(start, length), fd.name());
        throw new ErrnoException("mmap(MAP_FIXED)", fd.name(), (int) -r);
      }
      at += range.length();
    }
    return new Mapping(start, length, fd.name());
  }

  /**
   * Takes over pages that somebody else mapped.
   *
   * @param unmap takes the pages away, once; returns zero or a negative errno
   */
  public static Mapping adopt(long address, long length, String name, IntSupplier unmap) {
    return new Mapping(address, length, name, unmap);
  }

  private static boolean isError(long address) {
    return address < 0 && address > -4096;
  }

  private static void requireAddress(long address, String name) throws ErrnoException {
    if (isError(address)) {
      throw new ErrnoException("mmap", name, (int) -address);
    }
  }

  /** The bytes; valid until {@link #close}. */
  public MemorySegment segment() {
    return segment;
  }

  /** The page size of this kernel, in bytes. */
  public static int pageSize() {
    return Libc.pageSize();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      // First make every access through the segment an exception, then take the pages away.
      arena.close();
      requireUnmapped(unmap.getAsInt(), name);
    }
  }

  private static void requireUnmapped(int r, String name) {
    if (r < 0) {
      throw new IllegalStateException("munmap of " + name + ": " + Errno.describe(-r));
    }
  }
}
