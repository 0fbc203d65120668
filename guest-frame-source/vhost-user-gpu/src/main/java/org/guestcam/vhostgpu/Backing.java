// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.abi.virtio_gpu_mem_entry;
import org.guestcam.vhostgpu.vhost.DescriptorChain;
import org.guestcam.vhostgpu.vhost.GuestMemory;
import org.guestcam.vhostgpu.vhost.MemoryRegion;

/**
 * The pages of a resource: ranges of guest addresses, one behind the other. Never changes; every
 * range lay in the guest's memory when it was read, and is looked up again when it is used.
 */
final class Backing {
  /** Ranges at the most: a picture of 16384 x 16384 pixels, each page apart. */
  static final int MAX_RANGES = 1 << 18;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final int ENTRY = (int) virtio_gpu_mem_entry.sizeof();
  private static final long ADDRESS = virtio_gpu_mem_entry.addr$offset();
  private static final long LENGTH = virtio_gpu_mem_entry.length$offset();

  private final long[] addresses;
  private final long[] ends; // of each range, in the resource

  private Backing(long[] addresses, long[] ends) {
    this.addresses = addresses;
    this.ends = ends;
  }

  /**
   * Reads a list of ranges.
   *
   * @param from where it begins in the request
   * @param count what the guest says, not more than {@link #MAX_RANGES}
   * @param scratch a few entries of room
   * @return null where the request is shorter, or a range is not in the guest's memory
   */
  static Backing read(
      DescriptorChain request, long from, int count, GuestMemory memory, MemorySegment scratch) {
    if (count < 1 || count > MAX_RANGES || request.readableBytes() < from + (long) count * ENTRY) {
      return null;
    }
    long[] addresses = new long[count];
    long[] ends = new long[count];
    long end = 0;
    int room = (int) (scratch.byteSize() / ENTRY);
    for (int i = 0; i < count; ) {
      int some = Math.min(room, count - i);
      request.read(from + (long) i * ENTRY, scratch, 0, (long) some * ENTRY);
      for (int k = 0; k < some; k++, i++) {
        long address = scratch.get(LONG, k * (long) ENTRY + ADDRESS);
        long length = Integer.toUnsignedLong(scratch.get(INT, k * (long) ENTRY + LENGTH));
        if (length == 0 || memory.find(address, length) == null) {
          return null;
        }
        addresses[i] = address;
        end += length; // 2^18 lengths below 2^32: no overflow
        ends[i] = end;
      }
    }
    return new Backing(addresses, ends);
  }

  /**
   * Reads a list that {@link #write} wrote, and checks it as if a guest had sent it.
   *
   * @param count 1 to {@link #MAX_RANGES}
   * @return null where a range is not in the guest's memory
   */
  static Backing read(ByteBuffer from, int count, GuestMemory memory) {
    long[] addresses = new long[count];
    long[] ends = new long[count];
    long end = 0;
    for (int i = 0; i < count; i++) {
      addresses[i] = from.getLong();
      long length = Integer.toUnsignedLong(from.getInt());
      if (length == 0 || memory.find(addresses[i], length) == null) {
        return null;
      }
      end += length;
      ends[i] = end;
    }
    return new Backing(addresses, ends);
  }

  /** Bytes that {@link #write} writes. */
  int writtenBytes() {
    return ends.length * (Long.BYTES + Integer.BYTES);
  }

  /** Writes its ranges: address and length of each. */
  void write(ByteBuffer to) {
    for (int i = 0; i < ends.length; i++) {
      to.putLong(addresses[i]).putInt((int) length(i));
    }
  }

  /** Bytes of all ranges. */
  long size() {
    return ends[ends.length - 1];
  }

  /** Ranges, as the guest gave them. */
  int count() {
    return ends.length;
  }

  /**
   * The ranges of the one file that they all lie in.
   *
   * @param ranges are put here, neighbours joined
   * @param why a reason is put here where there is no such list
   * @return the file, borrowed; or null
   */
  Fd pages(GuestMemory memory, List<PageRange> ranges, StringBuilder why) {
    List<PageRange> all = new ArrayList<>(ends.length);
    MemoryRegion first = null;
    int page = Mapping.pageSize();
    for (int i = 0; i < ends.length; i++) {
      long length = length(i);
      MemoryRegion region = memory.find(addresses[i], length);
      if (region == null) {
        why.append("the guest's memory has changed");
        return null;
      }
      if (first == null) {
        first = region;
      } else if (region.inode() != first.inode()) {
        why.append("its pages are in more than one memory backend of the guest");
        return null;
      }
      long offset = region.fileOffset() + (addresses[i] - region.guestAddress());
      if (offset % page != 0 || length % page != 0) {
        why.append("its ranges are not whole pages (").append(length).append(" bytes)");
        return null;
      }
      all.add(new PageRange(offset, length));
    }
    ranges.addAll(PageRange.merge(all));
    return first.fd();
  }

  private long length(int i) {
    return i == 0 ? ends[0] : ends[i] - ends[i - 1];
  }

  /**
   * Copies bytes of the resource.
   *
   * @param from within the resource, checked by the caller against {@link #size}
   * @return false where the guest's memory is not there any more
   */
  boolean copy(GuestMemory memory, long from, MemorySegment into, long at, long length) {
    int i = rangeAt(from);
    long start = i == 0 ? 0 : ends[i - 1];
    long skip = from - start;
    for (long done = 0; done < length; i++) {
      long rangeLength = length(i);
      MemoryRegion region = memory.find(addresses[i], rangeLength);
      if (region == null) {
        return false;
      }
      long count = Math.min(length - done, rangeLength - skip);
      long offset = addresses[i] - region.guestAddress() + skip;
      MemorySegment.copy(region.bytes(), JAVA_BYTE, offset, into, JAVA_BYTE, at + done, count);
      done += count;
      skip = 0;
    }
    return true;
  }

  private int rangeAt(long offset) {
    int low = 0;
    int high = ends.length - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ends[middle] <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
