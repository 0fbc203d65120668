// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixListener;
import org.guestcam.uapi.UnixSocket;

/**
 * A monitor and the driver of its guest, for tests: speaks vhost-user to a device, keeps a guest's
 * memory in a sealed memfd, and puts requests on virtqueues of its own making. Deterministic: it
 * does what the test says, and nothing else.
 *
 * <p>The guest's memory: rings in the first 64 KiB, requests and answers in the next 64 KiB, the
 * rest is the test's.
 */
public final class Monitor implements AutoCloseable {
  /** Where the test's own memory begins, a guest address. */
  public static final long FREE = 1 << 17;

  /** Entries of each ring. */
  static final int RING = 64;

  /** Where the guest's memory begins, as the monitor says: not where it really is. */
  static final long USER = 0x7000_0000_0000L;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
  private static final VarHandle INDEX = ValueLayout.JAVA_SHORT.varHandle();
  private static final long PATIENCE = 60_000_000_000L;
  private static final long RING_BYTES = 8192;
  private static final long USED = 4096;
  private static final long AVAILABLE = 2048;
  private static final long REQUESTS = 1 << 16;
  private static final long REQUEST_BYTES = 1 << 9;
  private static final long ANSWERS = REQUESTS + RING * REQUEST_BYTES;
  private static final long ANSWER_BYTES = 1 << 9;

  private final UnixListener listener; // null where the device listens
  private UnixSocket socket;
  private final Memfd memfd;
  private final Mapping memory;
  private final EventFd[] kicks = new EventFd[2];
  private final EventFd[] calls = new EventFd[2];
  private final int[] available = new int[2];
  private final int[] usedSeen = new int[2];
  private final Poll poll = new Poll(2);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(8192, 8);
  private final MemorySegment in = arena.allocate(8192, 8);
  private final IoVector into = new IoVector();
  private final boolean eventIndex;
  private boolean indirect;

  private Monitor(UnixListener listener, UnixSocket socket, long bytes, boolean eventIndex)
      throws IOException {
    this.listener = listener;
    this.socket = socket;
    this.eventIndex = eventIndex;
    memfd = Memfd.create("guest-ram", bytes);
    memfd.seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW);
    memory = memfd.map();
    for (int i = 0; i < 2; i++) {
      kicks[i] = new EventFd("kick");
      calls[i] = new EventFd("call");
    }
  }

  /** Connects to a device, and starts a guest with so much memory. */
  public static Monitor start(String path, long bytes) throws IOException {
    Monitor monitor = connect(path, bytes, true);
    monitor.startRings();
    return monitor;
  }

  /** Connects to a device, and says nothing of a guest yet. */
  static Monitor connect(String path, long bytes, boolean eventIndex) throws IOException {
    return new Monitor(null, UnixSocket.connect(path), bytes, eventIndex);
  }

  /** A monitor that devices connect to, and that has none yet. */
  static Monitor listen(String path, long bytes) throws IOException {
    return new Monitor(UnixListener.bind(path), null, bytes, true);
  }

  /** Waits for a device, the first or the next. */
  void accept() throws IOException {
    if (socket != null) {
      socket.close();
    }
    poll.ignore(1);
    do {
      poll.watch(0, listener.fd(), Poll.IN);
      poll.await(PATIENCE);
      socket = listener.accept();
    } while (socket == null);
  }

  /** A driver begins anew, while no device is there. */
  void clearRings() {
    for (int i = 0; i < 2; i++) {
      memory().asSlice(i * RING_BYTES, RING_BYTES).fill((byte) 0);
      available[i] = 0;
      usedSeen[i] = 0;
    }
  }

  /** Makes a ring look as if so many requests had been served. */
  void pretend(int ring, int requests) {
    available[ring] = requests;
    usedSeen[ring] = requests;
    memory().set(SHORT, ring * RING_BYTES + AVAILABLE + 2, (short) requests);
    memory().set(SHORT, ring * RING_BYTES + USED + 2, (short) requests);
  }

  /** The guest's memory; guest addresses are offsets in it. */
  public MemorySegment memory() {
    return memory.segment();
  }

  /** Its file. */
  Memfd memfd() {
    return memfd;
  }

  /** Requests go through indirect descriptors from now on. */
  public void setIndirect(boolean wanted) {
    indirect = wanted;
  }

  /** Says all that QEMU says when its guest's driver is there. */
  public void startRings() throws IOException {
    long features = ask(1);
    assertTrue((features & 1L << 32) != 0, "VERSION_1");
    assertTrue((features & 1L << 30) != 0, "PROTOCOL_FEATURES");
    long protocol = ask(15);
    tell(16, protocol);
    tell(3);
    tell(2, features & ~(eventIndex ? 0 : 1L << 29));
    shareMemory();
    for (int i = 0; i < 2; i++) {
      startRing(i, available[i]);
    }
  }

  /** Gives the device a display of the monitor's own; its other end, which the caller closes. */
  public UnixSocket openDisplay() throws IOException {
    UnixSocket[] pair = UnixSocket.pair("display");
    try (UnixSocket given = pair[0]) {
      out.set(LONG, 12, 0);
      send(33, 0, 0, given.fd());
    }
    return pair[1];
  }

  /** The memory table: all of the guest's memory. */
  void shareMemory() throws IOException {
    out.set(INT, 12, 1);
    out.set(INT, 16, 0);
    region(20, 0, memfd.size(), USER, 0);
    send(5, 40, 0, memfd.fd());
  }

  private void region(long at, long guest, long size, long user, long offset) {
    out.set(LONG, at, guest);
    out.set(LONG, at + 8, size);
    out.set(LONG, at + 16, user);
    out.set(LONG, at + 24, offset);
  }

  void startRing(int ring, int base) throws IOException {
    long at = USER + ring * RING_BYTES;
    pair(8, ring, RING);
    pair(10, ring, base);
    out.set(INT, 12, ring);
    out.set(INT, 16, 0);
    out.set(LONG, 20, at);
    out.set(LONG, 28, at + USED);
    out.set(LONG, 36, at + AVAILABLE);
    out.set(LONG, 44, 0);
    send(9, 40, 0);
    tellFd(13, ring, calls[ring].fd());
    tellFd(12, ring, kicks[ring].fd());
    pair(18, ring, 1);
  }

  /** Stops a ring, and says how far it was served. */
  int stopRing(int ring) throws IOException {
    out.set(INT, 12, ring);
    out.set(INT, 16, 0);
    send(11, 8, 0);
    receive(12 + 8);
    assertEquals(ring, in.get(INT, 12));
    return in.get(INT, 16);
  }

  /** Stops a ring that this device never served: it cannot say how far. */
  void stopUnknownRing(int ring) throws IOException {
    out.set(INT, 12, ring);
    out.set(INT, 16, 0);
    send(11, 8, 0);
    receive(12);
    assertEquals(11, in.get(INT, 0));
    assertEquals(0, in.get(INT, 8), "no number that QEMU would believe");
  }

  /** A guest that was reset: its rings are empty again. */
  void resetRings() throws IOException {
    for (int i = 0; i < 2; i++) {
      stopRing(i);
      calls[i].drain();
      kicks[i].drain();
    }
    clearRings();
    startRings();
  }

  /** A question that is answered with one number. */
  long ask(int request) throws IOException {
    send(request, 0, 0);
    receive(12 + 8);
    return in.get(LONG, 12);
  }

  /** A message without an answer. */
  void tell(int request, long... payload) throws IOException {
    for (int i = 0; i < payload.length; i++) {
      out.set(LONG, 12 + 8L * i, payload[i]);
    }
    send(request, 8 * payload.length, 0);
  }

  /** A message whose success is answered. */
  long acknowledged(int request, long... payload) throws IOException {
    for (int i = 0; i < payload.length; i++) {
      out.set(LONG, 12 + 8L * i, payload[i]);
    }
    send(request, 8 * payload.length, 8);
    receive(12 + 8);
    return in.get(LONG, 12);
  }

  private void pair(int request, int first, int second) throws IOException {
    out.set(INT, 12, first);
    out.set(INT, 16, second);
    send(request, 8, 0);
  }

  /** A message with one descriptor. */
  void tellFd(int request, long value, Fd fd) throws IOException {
    out.set(LONG, 12, value);
    send(request, 8, 0, fd);
  }

  private void send(int request, int size, int flags, Fd... fds) throws IOException {
    out.set(INT, 0, request);
    out.set(INT, 4, 1 | flags);
    out.set(INT, 8, size);
    long r = fds.length == 0 ? socket.send(out, 0, 12 + size) : socket.send(out, 0, 12 + size, fds);
    if (r != 12 + size) {
      throw new IOException("sending: " + r);
    }
  }

  /** Raw bytes, for a monitor that does not keep to the rules. */
  long sendRaw(MemorySegment bytes, Fd... fds) {
    return fds.length == 0
        ? socket.send(bytes, 0, bytes.byteSize())
        : socket.send(bytes, 0, bytes.byteSize(), fds);
  }

  /** Whether the device closes the connection. */
  boolean isCutOff() throws IOException {
    long until = System.nanoTime() + PATIENCE;
    while (System.nanoTime() < until) {
      poll.watch(0, socket.fd(), Poll.IN);
      poll.ignore(1);
      poll.await(until - System.nanoTime());
      into.clear();
      into.add(in, 0, in.byteSize());
      int r = (int) socket.receive(into);
      if (r == 0 || Errno.ECONNRESET.is(r)) {
        return true;
      }
    }
    return false;
  }

  private void receive(int bytes) throws IOException {
    into.clear();
    into.add(in, 0, bytes);
    long until = System.nanoTime() + PATIENCE;
    while (into.remaining() > 0) {
      int r = (int) socket.receive(into);
      if (Errno.EAGAIN.is(r)) {
        poll.watch(0, socket.fd(), Poll.IN);
        poll.ignore(1);
        poll.await(until - System.nanoTime());
        if (System.nanoTime() > until) {
          fail("the device does not answer");
        }
      } else if (r <= 0) {
        throw new IOException("the device has closed the connection: " + r);
      }
    }
    assertEquals(5, in.get(INT, 4), "version 1, reply");
  }

  /** Where the next request of a ring is to be written. */
  MemorySegment request(int ring) {
    return memory().asSlice(REQUESTS + slot(ring) * REQUEST_BYTES, REQUEST_BYTES);
  }

  private long slot(int ring) {
    return ring * (RING / 2L) + available[ring] % (RING / 2);
  }

  /** Puts the request that was written on the ring, and kicks; returns its place for the answer. */
  int submit(int ring, int bytes) {
    return submit(ring, bytes, 0, 0);
  }

  /** As the other, with further bytes of the guest's memory behind the request's own. */
  int submit(int ring, int bytes, long more, int moreBytes) {
    int slot = available[ring] % (RING / 2);
    long request = REQUESTS + slot(ring) * REQUEST_BYTES;
    long answer = ANSWERS + slot(ring) * ANSWER_BYTES;
    memory().asSlice(answer, 24).fill((byte) 0);
    long table = ring * RING_BYTES;
    int head = slot * 2; // two descriptors of the ring a request; three go indirect
    if (indirect || moreBytes > 0) {
      long list = request + REQUEST_BYTES - 64;
      int parts = moreBytes > 0 ? 3 : 2;
      descriptor(list, request, bytes, 1, 1);
      if (moreBytes > 0) {
        descriptor(list + 16, more, moreBytes, 1, 2);
      }
      descriptor(list + 16L * (parts - 1), answer, (int) ANSWER_BYTES, 2, 0);
      descriptor(table + 16L * head, list, 16 * parts, 4, 0);
    } else {
      descriptor(table + 16L * head, request, bytes, 1, head + 1);
      descriptor(table + 16L * (head + 1), answer, (int) ANSWER_BYTES, 2, 0);
    }
    offer(ring, head);
    return slot;
  }

  /** Writes a descriptor anywhere. */
  void descriptor(long at, long address, int length, int flags, int next) {
    memory().set(LONG, at, address);
    memory().set(INT, at + 8, length);
    memory().set(SHORT, at + 12, (short) flags);
    memory().set(SHORT, at + 14, (short) next);
  }

  /** Puts a head on the available ring, and kicks where the device wants that. */
  void offer(int ring, int head) {
    long at = ring * RING_BYTES + AVAILABLE;
    memory().set(SHORT, at + 4 + 2L * (available[ring] % RING), (short) head);
    available[ring]++;
    INDEX.setRelease(memory(), at + 2, (short) available[ring]);
    VarHandle.fullFence();
    kicks[ring].signal();
  }

  /** Makes the available index jump. */
  void setAvailable(int ring, int index) {
    available[ring] = index;
    INDEX.setRelease(memory(), ring * RING_BYTES + AVAILABLE + 2, (short) index);
    kicks[ring].signal();
  }

  /** How many requests of a ring were given back. */
  int used(int ring) {
    return (short) INDEX.getAcquire(memory(), ring * RING_BYTES + USED + 2) & 0xffff;
  }

  /** Waits until so many requests of a ring were given back in all. */
  public void awaitUsed(int ring, int count) throws IOException {
    long until = System.nanoTime() + PATIENCE;
    while (((used(ring) - count) & 0xffff) > 0x7fff) {
      if (eventIndex) { // call when all of them are there
        memory().set(SHORT, ring * RING_BYTES + AVAILABLE + 4 + 2L * RING, (short) (count - 1));
        VarHandle.fullFence();
        if (((used(ring) - count) & 0xffff) <= 0x7fff) {
          return;
        }
      }
      poll.watch(0, calls[ring].fd(), Poll.IN);
      poll.watch(1, socket.fd(), Poll.IN);
      poll.await(until - System.nanoTime());
      if (poll.ready(1) != 0 && isClosed()) {
        throw new IOException("the device has closed the connection");
      }
      calls[ring].drain();
      if (System.nanoTime() > until) {
        fail("only " + used(ring) + " of " + count + " requests were answered");
      }
    }
    usedSeen[ring] = count;
  }

  private boolean isClosed() {
    into.clear();
    into.add(in, 0, 1);
    int r = (int) socket.receive(into);
    return r == 0 || Errno.ECONNRESET.is(r);
  }

  /** How many requests of a ring there were. */
  int submitted(int ring) {
    return available[ring];
  }

  /** The answer in a place that {@link #submit} returned. */
  MemorySegment answer(int ring, int slot) {
    return memory().asSlice(ANSWERS + (ring * (RING / 2L) + slot) * ANSWER_BYTES, ANSWER_BYTES);
  }

  /** Bytes of the guest's memory, for requests. */
  static void put(MemorySegment into, int... words) {
    for (int i = 0; i < words.length; i++) {
      into.set(INT, 4L * i, words[i]);
    }
  }

  /** Fills memory of the guest with one pixel. */
  public void fill(long at, long bytes, int pixel) {
    MemorySegment part = memory().asSlice(at, bytes);
    for (long i = 0; i < bytes; i += 4) {
      part.set(INT, i, pixel);
    }
  }

  /** Copies bytes of the guest's memory. */
  byte[] bytes(long at, int count) {
    return memory().asSlice(at, count).toArray(JAVA_BYTE);
  }

  @Override
  public void close() {
    if (socket != null) {
      socket.close();
    }
    if (listener != null) {
      listener.close();
    }
    for (int i = 0; i < 2; i++) {
      kicks[i].close();
      calls[i].close();
    }
    poll.close();
    memory.close();
    memfd.close();
    arena.close();
  }
}
