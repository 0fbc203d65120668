// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.vring_avail;
import org.guestcam.uapi.abi.vring_desc;
import org.guestcam.uapi.abi.vring_used;
import org.guestcam.uapi.abi.vring_used_elem;

/**
 * A split virtqueue, from the device's side: takes requests from the available ring and gives them
 * back on the used ring. One thread uses it. Neither allocates.
 *
 * <pre>
 *   descriptor (16 bytes):  0 u64 address | 8 u32 length | 12 u16 flags | 14 u16 next
 *   available:              0 u16 flags | 2 u16 index | 4 u16 head[size] | u16 used_event
 *   used:                   0 u16 flags | 2 u16 index | 4 {u32 head, u32 written}[size] | u16 avail_event
 * </pre>
 *
 * <p>The guest writes heads and descriptors, then the index: it is read with acquire. The device
 * writes answers and used entries, then the used index with release. Between writing one's own
 * index (or event) and reading the other's event (or index) stands a full fence, or both sides
 * could miss each other.
 *
 * <p>Everything in the rings is the guest's and changes at any time: each number is read once.
 */
public final class VirtQueue {
  /** No request waits. */
  public static final int EMPTY = -1;

  /** The largest ring that there is. */
  public static final int MAX_SIZE = 1024;

  private static final long DESCRIPTOR = vring_desc.sizeof();
  private static final long ADDRESS = vring_desc.addr$offset();
  private static final long LENGTH = vring_desc.len$offset();
  private static final long FLAGS = vring_desc.flags$offset();
  private static final long NEXT = vring_desc.next$offset();
  private static final long AVAILABLE_INDEX = vring_avail.idx$offset();
  private static final long AVAILABLE_RING = vring_avail.ring$offset();
  private static final long USED_INDEX = vring_used.idx$offset();
  private static final long USED_RING = vring_used.ring$offset();
  private static final long USED_ENTRY = vring_used_elem.sizeof();
  private static final int F_NEXT = Uapi.VRING_DESC_F_NEXT();
  private static final int F_WRITE = Uapi.VRING_DESC_F_WRITE();
  private static final int F_INDIRECT = Uapi.VRING_DESC_F_INDIRECT();
  private static final int NO_INTERRUPT = Uapi.VRING_AVAIL_F_NO_INTERRUPT();
  private static final VarHandle SHORT = JAVA_SHORT.varHandle();

  private final String name;
  private GuestMemory memory;
  private int size;
  private boolean eventIndex;
  private MemorySegment descriptors;
  private MemorySegment available;
  private MemorySegment used;
  private long descriptorsAt;
  private long availableAt;
  private long usedAt;
  private int nextAvailable;
  private int nextUsed;
  private int signalledUsed;
  private boolean signalledValid;
  private boolean running;

  /** A stopped queue; {@code name} is for messages. */
  VirtQueue(String name) {
    this.name = name;
  }

  /**
   * Starts it.
   *
   * @param userDescriptors and the others: addresses of the monitor
   * @param base the index of the first request that was not taken yet
   * @param events whether both sides agreed on VIRTIO_RING_F_EVENT_IDX
   * @throws HostileGuestException where a ring is not in the guest's memory
   */
  void start(
      GuestMemory guestMemory,
      int ringSize,
      long userDescriptors,
      long userAvailable,
      long userUsed,
      int base,
      boolean events)
      throws HostileGuestException {
    memory = guestMemory;
    size = ringSize;
    eventIndex = events;
    place(userDescriptors, userAvailable, userUsed);
    nextAvailable = base & 0xffff;
    nextUsed = (short) SHORT.getAcquire(used, usedAt + USED_INDEX) & 0xffff;
    signalledValid = false;
    running = true;
  }

  /** Finds the rings, also again where the memory table has changed. */
  void place(long userDescriptors, long userAvailable, long userUsed) throws HostileGuestException {
    long availableBytes = AVAILABLE_RING + 2L * size + 2;
    long usedBytes = USED_RING + USED_ENTRY * size + 2;
    MemoryRegion d = ring("descriptors", userDescriptors, DESCRIPTOR * size, 16);
    MemoryRegion a = ring("available ring", userAvailable, availableBytes, 2);
    MemoryRegion u = ring("used ring", userUsed, usedBytes, 4);
    descriptors = d.bytes();
    descriptorsAt = userDescriptors - d.userAddress();
    available = a.bytes();
    availableAt = userAvailable - a.userAddress();
    used = u.bytes();
    usedAt = userUsed - u.userAddress();
  }

  private MemoryRegion ring(String what, long userAddress, long bytes, int alignment)
      throws HostileGuestException {
    MemoryRegion region = memory.findUser(userAddress, bytes);
    // The mapping begins with a page: what is aligned in the region is aligned here.
    if (region == null || (userAddress - region.userAddress()) % alignment != 0) {
      throw new HostileGuestException(
          String.format(
              "the %s of the %s queue, %d bytes at 0x%x, are not in the guest's memory",
              what, name, bytes, userAddress));
    }
    return region;
  }

  /** Stops it; the rings are not touched any more. */
  void stop() {
    running = false;
    descriptors = null;
    available = null;
    used = null;
  }

  /** Whether requests may be taken and answered. */
  public boolean isRunning() {
    return running;
  }

  /** The index of the first request that was not taken yet. */
  int base() {
    return nextAvailable;
  }

  /** How many requests were given back, modulo 2^16. */
  public int used() {
    return nextUsed;
  }

  /** Whether every request that was taken was given back. */
  public boolean isSettled() {
    return running && nextUsed == nextAvailable;
  }

  /** Whether a request waits. */
  public boolean hasNext() {
    return running && availableIndex() != nextAvailable;
  }

  private int availableIndex() {
    return (short) SHORT.getAcquire(available, availableAt + AVAILABLE_INDEX) & 0xffff;
  }

  /**
   * Takes the next request.
   *
   * @param chain is filled with its memory
   * @return its head, for {@link #push}; or {@link #EMPTY}
   * @throws HostileGuestException where the rings make no sense: the queue cannot go on
   */
  public int pop(DescriptorChain chain) throws HostileGuestException {
    int index = availableIndex();
    int waiting = (index - nextAvailable) & 0xffff;
    if (waiting == 0) {
      return EMPTY;
    }
    if (waiting > size) {
      throw broken("its index moved by " + waiting);
    }
    int head = headAt(nextAvailable);
    if (head >= size) {
      throw broken("its head " + head + " is no descriptor");
    }
    nextAvailable = (nextAvailable + 1) & 0xffff;
    collect(head, chain);
    return head;
  }

  private int headAt(int index) {
    long at = availableAt + AVAILABLE_RING + 2L * (index & (size - 1));
    return available.get(JAVA_SHORT, at) & 0xffff;
  }

  /**
   * Looks at a request that waits without taking it.
   *
   * @param ahead 0 for the next one
   * @return false where there are not so many, or where its memory makes no sense
   */
  public boolean peek(int ahead, DescriptorChain chain) {
    if (!running || ahead >= ((availableIndex() - nextAvailable) & 0xffff) || ahead >= size) {
      return false;
    }
    int head = headAt(nextAvailable + ahead);
    if (head >= size) {
      return false;
    }
    try {
      collect(head, chain);
      return true;
    } catch (HostileGuestException e) {
      return false; // it will be met, and said, when it is taken
    }
  }

  private void collect(int head, DescriptorChain chain) throws HostileGuestException {
    chain.clear();
    MemorySegment table = descriptors;
    long tableAt = descriptorsAt;
    int entries = size;
    int entry = head;
    boolean indirect = false;
    for (int steps = 0; ; steps++) {
      if (steps > DescriptorChain.MAX_PARTS) {
        throw tooLong();
      }
      long at = tableAt + DESCRIPTOR * entry;
      long address = table.get(LONG, at + ADDRESS);
      long length = Integer.toUnsignedLong(table.get(INT, at + LENGTH));
      int flags = table.get(WORD, at + FLAGS) & 0xffff;
      int next = table.get(WORD, at + NEXT) & 0xffff;
      if ((flags & F_INDIRECT) != 0) {
        if (indirect || (flags & F_NEXT) != 0 || length == 0 || length % DESCRIPTOR != 0) {
          throw broken("an indirect descriptor of " + length + " bytes, flags " + flags);
        }
        MemoryRegion region = require(address, length);
        indirect = true;
        table = region.bytes();
        tableAt = address - region.guestAddress();
        entries = (int) Math.min(length / DESCRIPTOR, DescriptorChain.MAX_PARTS);
        entry = 0;
        continue;
      }
      add(chain, address, length, (flags & F_WRITE) != 0);
      if ((flags & F_NEXT) == 0) {
        return;
      }
      if (next >= entries) {
        throw broken("its descriptor " + next + " is not one of " + entries);
      }
      entry = next;
    }
  }

  // Tables of descriptors may lie at any address.
  private static final java.lang.foreign.ValueLayout.OfLong LONG = JAVA_LONG.withByteAlignment(1);
  private static final java.lang.foreign.ValueLayout.OfInt INT = JAVA_INT.withByteAlignment(1);
  private static final java.lang.foreign.ValueLayout.OfShort WORD = JAVA_SHORT.withByteAlignment(1);

  private void add(DescriptorChain chain, long address, long length, boolean write)
      throws HostileGuestException {
    if (length == 0) {
      return;
    }
    if (chain.isFull()) {
      throw tooLong();
    }
    if (!write && chain.writes()) {
      throw broken("a part to be read stands behind one to be written");
    }
    MemoryRegion region = require(address, length);
    chain.add(region.bytes(), address - region.guestAddress(), length, write);
  }

  private HostileGuestException tooLong() {
    return broken("its descriptors form a loop, or are more than " + DescriptorChain.MAX_PARTS);
  }

  private MemoryRegion require(long address, long length) throws HostileGuestException {
    MemoryRegion region = memory.find(address, length);
    if (region == null) {
      throw broken(
          String.format("%d bytes at 0x%x are not in one piece of its memory", length, address));
    }
    return region;
  }

  private HostileGuestException broken(String why) {
    return new HostileGuestException("the guest's " + name + " queue is broken: " + why);
  }

  /**
   * Gives a request back.
   *
   * @param written bytes of its answer
   */
  public void push(int head, int written) {
    long at = usedAt + USED_RING + USED_ENTRY * (nextUsed & (size - 1));
    used.set(JAVA_INT, at, head);
    used.set(JAVA_INT, at + 4, written);
    nextUsed = (nextUsed + 1) & 0xffff;
    SHORT.setRelease(used, usedAt + USED_INDEX, (short) nextUsed);
  }

  /** Whether the guest wants to be called for what was pushed since the last time. */
  public boolean shouldSignal() {
    VarHandle.fullFence(); // our index before its wish
    if (!eventIndex) {
      return (available.get(JAVA_SHORT, availableAt) & NO_INTERRUPT) == 0;
    }
    int event = available.get(JAVA_SHORT, availableAt + AVAILABLE_RING + 2L * size) & 0xffff;
    int before = signalledUsed;
    boolean known = signalledValid;
    signalledUsed = nextUsed;
    signalledValid = true;
    return !known || ((nextUsed - event - 1) & 0xffff) < ((nextUsed - before) & 0xffff);
  }

  /**
   * Asks the guest to kick at its next request.
   *
   * @return whether one came in the meantime, for which there may be no kick
   */
  public boolean waitForKick() {
    if (eventIndex) {
      long at = usedAt + USED_RING + USED_ENTRY * size;
      SHORT.setOpaque(used, at, (short) nextAvailable);
    }
    VarHandle.fullFence(); // our wish before its index
    return hasNext();
  }
}
