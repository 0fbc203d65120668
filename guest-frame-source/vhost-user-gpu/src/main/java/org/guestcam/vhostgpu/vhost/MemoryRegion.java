// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.FileView;
import org.guestcam.uapi.Mapping;

/**
 * A piece of the guest's memory: a range of a file, mapped. Owns its descriptor and its mapping.
 */
public final class MemoryRegion implements AutoCloseable {
  private final long guestAddress;
  private final long size;
  private final long userAddress;
  private final long fileOffset;
  private final Fd fd;
  private final long inode;
  private final Mapping mapping;

  private MemoryRegion(
      long guestAddress,
      long size,
      long userAddress,
      long fileOffset,
      Fd fd,
      long inode,
      Mapping mapping) {
    this.guestAddress = guestAddress;
    this.size = size;
    this.userAddress = userAddress;
    this.fileOffset = fileOffset;
    this.fd = fd;
    this.inode = inode;
    this.mapping = mapping;
  }

  /**
   * Checks what the monitor says of a region, and maps it.
   *
   * @param guestAddress where the guest sees it, bytes
   * @param userAddress where the monitor has mapped it; ring addresses are given in these
   * @param fileOffset where it begins in the file, bytes
   * @param fd the file; taken over in any case
   * @throws HostileGuestException naming the number that is wrong
   */
  static MemoryRegion map(long guestAddress, long size, long userAddress, long fileOffset, Fd fd)
      throws IOException {
    try {
      require(size > 0, "size", size);
      require(guestAddress >= 0 && guestAddress <= Long.MAX_VALUE - size, "guest", guestAddress);
      require(userAddress >= 0 && userAddress <= Long.MAX_VALUE - size, "user", userAddress);
      require(fileOffset >= 0 && fileOffset <= Long.MAX_VALUE - size, "offset", fileOffset);
      require(fileOffset % Mapping.pageSize() == 0, "unaligned offset", fileOffset);
      // A mapping that reaches past its file faults when it is touched.
      long file = fd.size();
      if (size > file || fileOffset > file - size) {
        throw new HostileGuestException(
            "a memory region of "
                + size
                + " bytes at offset "
                + fileOffset
                + " reaches past the "
                + file
                + " bytes of its file");
      }
      Mapping mapping = Mapping.of(fd, fileOffset, size, Mapping.READ_WRITE);
      return new MemoryRegion(
          guestAddress, size, userAddress, fileOffset, fd, FileView.inode(fd), mapping);
    } catch (IOException | RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  private static void require(boolean right, String what, long value) throws HostileGuestException {
    if (!right) {
      throw new HostileGuestException(
          String.format("a memory region's %s of 0x%x is not possible", what, value));
    }
  }

  /** The first address at which the guest sees it. */
  public long guestAddress() {
    return guestAddress;
  }

  /** Bytes. */
  public long size() {
    return size;
  }

  /** The first address at which the monitor sees it. */
  public long userAddress() {
    return userAddress;
  }

  /** Where it begins in {@link #fd}, bytes. */
  public long fileOffset() {
    return fileOffset;
  }

  /** The file; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** What tells the file from others: two regions of one file have two descriptors. */
  public long inode() {
    return inode;
  }

  /** Its bytes, which the guest changes at any time. */
  public MemorySegment bytes() {
    return mapping.segment();
  }

  /** Whether it holds {@code length} bytes from a guest address on; of any numbers. */
  boolean holds(long address, long length) {
    return address >= guestAddress
        && length >= 0
        && length <= size
        && address - guestAddress <= size - length;
  }

  /** As {@link #holds}, with an address of the monitor. */
  boolean holdsUser(long address, long length) {
    return address >= userAddress
        && length >= 0
        && length <= size
        && address - userAddress <= size - length;
  }

  @Override
  public void close() {
    mapping.close();
    fd.close();
  }
}
