// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.udmabuf_create;
import org.guestcam.uapi.abi.udmabuf_create_item;
import org.guestcam.uapi.abi.udmabuf_create_list;

/**
 * /dev/udmabuf: makes dma-bufs of a memfd's pages without a copy ({@code linux/udmabuf.h}, {@code
 * drivers/dma-buf/udmabuf.c}).
 */
public final class Udmabuf implements AutoCloseable {
  /** The device node. */
  public static final Path DEVICE = Path.of("/dev/udmabuf");

  /** Where the kernel shows its limits. */
  public static final Path PARAMETERS = Path.of("/sys/module/udmabuf/parameters");

  /** The kernel's default of list_limit, for when it does not show it. */
  private static final long DEFAULT_LIST_LIMIT = 1024;

  /** The kernel's default of size_limit_mb, for when it does not show it. */
  private static final long DEFAULT_SIZE_LIMIT_MB = 64;

  private static final long MIB = 1 << 20;

  private final Fd device;

  private Udmabuf(Fd device) {
    this.device = device;
  }

  /**
   * Opens the device.
   *
   * @throws ErrnoException ENOENT where the kernel has no udmabuf, EACCES without the rights
   */
  public static Udmabuf open() throws ErrnoException {
    return new Udmabuf(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /** How many ranges one dma-buf may have: list_limit, where the kernel shows it. */
  public static OptionalLong listLimit() {
    return parameter("list_limit");
  }

  /** How many MiB one dma-buf may have: size_limit_mb, where the kernel shows it. */
  public static OptionalLong sizeLimitMib() {
    return parameter("size_limit_mb");
  }

  private static OptionalLong parameter(String name) {
    try {
      return OptionalLong.of(Long.parseLong(Files.readString(PARAMETERS.resolve(name)).strip()));
    } catch (IOException | NumberFormatException e) {
      return OptionalLong.empty(); // the caller says what it assumes instead
    }
  }

  /**
   * One range of a memfd as a dma-buf; the caller owns it.
   *
   * @param memfd sealed against shrinking, not against writing; stays owned by the caller
   * @throws UdmabufRefusedException with the rule that was broken
   */
  public DmaBuf create(Fd memfd, PageRange range) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = udmabuf_create.allocate(arena);
      udmabuf_create.memfd(argument, memfd.number());
      udmabuf_create.flags(argument, Uapi.UDMABUF_FLAGS_CLOEXEC());
      udmabuf_create.offset(argument, range.offset());
      udmabuf_create.size(argument, range.length());
      int r = Ioctl.call(device, Uapi.UDMABUF_CREATE(), argument);
      return result(r, "UDMABUF_CREATE", memfd, List.of(range));
    }
  }

  /**
   * Several ranges of a memfd behind each other as one dma-buf; the caller owns it. Neighbouring
   * ranges are merged before the kernel counts them.
   *
   * @param memfd sealed against shrinking, not against writing; stays owned by the caller
   * @throws UdmabufRefusedException with the rule that was broken
   */
  public DmaBuf create(Fd memfd, List<PageRange> ranges) throws IOException {
    List<PageRange> merged = PageRange.merge(ranges);
    if (merged.isEmpty()) {
      throw new IllegalArgumentException("a dma-buf wants at least one range of pages");
    }
    if (merged.size() == 1) {
      return create(memfd, merged.getFirst());
    }
    try (Arena arena = Arena.ofConfined()) {
      long header = udmabuf_create_list.sizeof();
      long item = udmabuf_create_item.sizeof();
      MemorySegment argument = arena.allocate(header + item * merged.size(), 8);
      udmabuf_create_list.flags(argument, Uapi.UDMABUF_FLAGS_CLOEXEC());
      udmabuf_create_list.count(argument, merged.size());
      for (int i = 0; i < merged.size(); i++) {
        MemorySegment entry = argument.asSlice(header + i * item, item);
        udmabuf_create_item.memfd(entry, memfd.number());
        udmabuf_create_item.offset(entry, merged.get(i).offset());
        udmabuf_create_item.size(entry, merged.get(i).length());
      }
      int r = Ioctl.call(device, Uapi.UDMABUF_CREATE_LIST(), argument);
      return result(r, "UDMABUF_CREATE_LIST", memfd, merged);
    }
  }

  private DmaBuf result(int r, String call, Fd memfd, List<PageRange> ranges) throws IOException {
    if (r < 0) {
      ErrnoException cause = new ErrnoException(call, device.name(), -r);
      throw new UdmabufRefusedException(explain(cause, memfd, ranges), cause);
    }
    Fd fd = Fd.own(r, "udmabuf of " + memfd.name());
    try {
      return DmaBuf.own(fd);
    } catch (ErrnoException e) {
      fd.close();
      throw e;
    }
  }

  /** The kernel says EINVAL for nine different reasons; find the one that applies. */
  private static String explain(ErrnoException cause, Fd memfd, List<PageRange> ranges)
      throws ErrnoException {
    String prefix = "udmabuf refused " + memfd.name() + ": ";
    String suffix = " [" + cause.getMessage() + "]";
    if (cause.is(Errno.EBADFD)) {
      return prefix + "it is not a memfd; use memory made by memfd_create" + suffix;
    }
    if (!cause.is(Errno.EINVAL)) {
      return prefix + Errno.describe(cause.errno()) + suffix;
    }
    String seals = explainSeals(Memfd.sealsOf(memfd));
    if (seals != null) {
      return prefix + seals + suffix;
    }
    long total = 0;
    for (PageRange range : ranges) {
      String wrong = explainRange(range, memfd.size(), Mapping.pageSize());
      if (wrong != null) {
        return prefix + wrong + suffix;
      }
      total += range.length();
    }
    String limit =
        explainLimits(
            ranges.size(),
            total,
            listLimit().orElse(DEFAULT_LIST_LIMIT),
            sizeLimitMib().orElse(DEFAULT_SIZE_LIMIT_MB));
    return prefix + (limit != null ? limit : "no rule that guestcam knows was broken") + suffix;
  }

  /** What is wrong with these seals (negative: an errno of F_GET_SEALS), or null. */
  static String explainSeals(int seals) {
    if (seals < 0) {
      return "it is not a memfd (F_GET_SEALS: " + Errno.describe(-seals) + ")";
    }
    if ((seals & (Memfd.F_SEAL_WRITE | Memfd.F_SEAL_FUTURE_WRITE)) != 0) {
      return "it is sealed against writing (F_SEAL_WRITE or F_SEAL_FUTURE_WRITE), and such a seal"
          + " cannot be taken off; make the memory without it";
    }
    if ((seals & Memfd.F_SEAL_SHRINK) == 0) {
      return "it is not sealed against shrinking (F_SEAL_SHRINK)"
          + ((seals & Memfd.F_SEAL_SEAL) != 0
              ? ", and it was made without MFD_ALLOW_SEALING, so it cannot be sealed any more"
              : "; for QEMU use memory-backend-memfd with share=on and seal=on");
    }
    return null;
  }

  /** What is wrong with this range of a file of {@code size} bytes, or null. */
  static String explainRange(PageRange range, long size, int pageSize) {
    if (range.offset() % pageSize != 0) {
      return "offset " + range.offset() + " is not a multiple of the page size " + pageSize;
    }
    if (range.length() % pageSize != 0) {
      return "size " + range.length() + " is not a multiple of the page size " + pageSize;
    }
    if (range.end() > size) {
      return "the range "
          + range.offset()
          + "+"
          + range.length()
          + " ends past the file's "
          + size
          + " bytes";
    }
    return null;
  }

  /** Which of the kernel's two limits is exceeded, its value and how to raise it; or null. */
  static String explainLimits(long count, long bytes, long listLimit, long sizeLimitMib) {
    if (count > listLimit) {
      return "the buffer is scattered over "
          + count
          + " ranges of pages, and list_limit is "
          + listLimit
          + raise("list_limit", count);
    }
    long mib = (bytes + MIB - 1) / MIB;
    if (mib > sizeLimitMib) {
      return "the buffer has "
          + mib
          + " MiB, and size_limit_mb is "
          + sizeLimitMib
          + raise("size_limit_mb", mib);
    }
    return null;
  }

  private static String raise(String parameter, long value) {
    return "; raise it: echo "
        + value
        + " | sudo tee "
        + PARAMETERS.resolve(parameter)
        + " (at boot: udmabuf."
        + parameter
        + "="
        + value
        + " on the kernel's command line)";
  }

  @Override
  public void close() {
    device.close();
  }
}
