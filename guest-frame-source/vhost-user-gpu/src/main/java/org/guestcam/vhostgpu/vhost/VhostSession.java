// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.UnixSocket;
import org.guestcam.uapi.abi.Uapi;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection of a monitor (QEMU): reads its messages, keeps the guest's memory and the rings.
 * Owns the socket and all that came through it. One thread uses it, and no call blocks.
 *
 * <p>Whatever the monitor sends is checked: its numbers may be the guest's.
 */
public final class VhostSession implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(VhostSession.class);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final long EVENT_INDEX = 1L << Uapi.VIRTIO_RING_F_EVENT_IDX();
  private static final long INDIRECT = 1L << Uapi.VIRTIO_RING_F_INDIRECT_DESC();
  private static final long VERSION_1 = 1L << Uapi.VIRTIO_F_VERSION_1();

  private final UnixSocket socket;
  private final VhostDevice device;
  private final VhostRing[] rings;
  private final GuestMemory memory = new GuestMemory();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment header = arena.allocate(VhostMessage.HEADER, 8);
  private final MemorySegment payload = arena.allocate(VhostMessage.MAX_PAYLOAD, 8);
  private final MemorySegment reply =
      arena.allocate(VhostMessage.HEADER + VhostMessage.MAX_PAYLOAD, 8);
  private final IoVector into = new IoVector();
  private boolean inPayload;
  private int request;
  private int flags;
  private int size;
  private long features;
  private boolean begun;
  private boolean heard;

  /**
   * A session that has heard nothing yet.
   *
   * @param socket connected; taken over
   * @param queues names of the device's queues, for messages
   */
  public VhostSession(UnixSocket socket, VhostDevice device, String... queues) {
    this.socket = socket;
    this.device = device;
    rings = new VhostRing[queues.length];
    for (int i = 0; i < queues.length; i++) {
      rings[i] = new VhostRing(queues[i]);
    }
    expectHeader();
  }

  /** To wait on with {@code Poll.IN}; stays owned by this object. */
  public Fd fd() {
    return socket.fd();
  }

  /** Whether the monitor has said anything yet. */
  public boolean hasHeard() {
    return heard;
  }

  /** The guest's memory, as it is now. */
  public GuestMemory memory() {
    return memory;
  }

  /** A queue; it runs only while {@link #isServed} says so. */
  public VirtQueue queue(int index) {
    return rings[index].queue;
  }

  /** Where a queue's ring lies, and where the monitor said that it goes on. */
  public RingPlace place(int index) {
    return rings[index].place();
  }

  /** Whether requests of a queue may be taken. */
  public boolean isServed(int index) {
    return rings[index].enabled && rings[index].queue.isRunning();
  }

  /** What the guest signals a queue's requests with; or null. */
  public EventFd kick(int index) {
    return rings[index].queue.isRunning() ? rings[index].kick : null;
  }

  /** Calls the guest for what was pushed, where it wants that. */
  public void signal(int index) {
    VhostRing ring = rings[index];
    if (ring.queue.isRunning() && ring.queue.shouldSignal() && ring.call != null) {
      ring.call.signal();
    }
  }

  private void expectHeader() {
    inPayload = false;
    into.clear();
    into.add(header, 0, VhostMessage.HEADER);
  }

  /**
   * Reads and answers the messages that are there.
   *
   * @return false when the monitor has closed its end
   * @throws HostileGuestException for a message that makes no sense
   */
  public boolean receive() throws IOException {
    while (true) {
      while (into.remaining() > 0) {
        int r = (int) socket.receive(into); // no more than the payload's bound
        if (Errno.EAGAIN.is(r) || Errno.EINTR.is(r)) {
          return true;
        }
        if (r == 0 || Errno.ECONNRESET.is(r)) {
          return false;
        }
        if (r < 0) {
          throw new IOException("reading from the monitor: " + Errno.describe(-r));
        }
      }
      if (!inPayload) {
        beginPayload();
        if (size > 0) {
          continue;
        }
      }
      try {
        handle();
      } finally {
        socket.discardFds();
      }
      expectHeader();
    }
  }

  private void beginPayload() throws HostileGuestException {
    request = header.get(INT, 0);
    flags = header.get(INT, 4);
    size = header.get(INT, 8);
    if ((flags & VhostMessage.VERSION_MASK) != VhostMessage.VERSION) {
      throw new HostileGuestException("a vhost-user message of version " + (flags & 3));
    }
    if (size < 0 || size > VhostMessage.MAX_PAYLOAD) {
      throw new HostileGuestException(
          "vhost-user message "
              + request
              + " has "
              + Integer.toUnsignedLong(size)
              + " bytes, more than "
              + VhostMessage.MAX_PAYLOAD);
    }
    heard = true;
    inPayload = true;
    into.clear();
    into.add(payload, 0, size);
  }

  private void handle() throws IOException {
    LOG.trace(
        "vhost-user message {}, {} bytes, {} descriptors", request, size, socket.receivedFds());
    if (socket.lostFds()) {
      throw new HostileGuestException("vhost-user message " + request + " lost descriptors");
    }
    switch (request) {
      case VhostMessage.GET_FEATURES ->
          answer(
              device.features()
                  | EVENT_INDEX
                  | INDIRECT
                  | VERSION_1
                  | VhostMessage.F_PROTOCOL_FEATURES);
      case VhostMessage.GET_PROTOCOL_FEATURES -> answer(VhostMessage.PROTOCOL_FEATURES);
      case VhostMessage.GET_QUEUE_NUM -> answer(rings.length);
      case VhostMessage.GET_MAX_MEM_SLOTS -> answer(GuestMemory.MAX_REGIONS);
      case VhostMessage.GET_CONFIG -> getConfiguration();
      case VhostMessage.GET_VRING_BASE -> getBase();
      default -> {
        boolean known = change();
        if ((flags & VhostMessage.NEED_REPLY) != 0) {
          answer(known ? 0 : 1);
        }
      }
    }
  }

  /** Handles what has no answer of its own; false for what is not known. */
  private boolean change() throws IOException {
    switch (request) {
      case VhostMessage.SET_FEATURES -> setFeatures(u64());
      case VhostMessage.SET_OWNER, VhostMessage.SET_PROTOCOL_FEATURES, VhostMessage.SET_CONFIG -> {}
      case VhostMessage.RESET_OWNER, VhostMessage.RESET_DEVICE -> reset();
      case VhostMessage.SET_MEM_TABLE -> setMemory();
      case VhostMessage.ADD_MEM_REG -> addRegion();
      case VhostMessage.REM_MEM_REG -> removeRegion();
      case VhostMessage.SET_VRING_NUM -> setSize();
      case VhostMessage.SET_VRING_ADDR -> setAddresses();
      case VhostMessage.SET_VRING_BASE -> {
        VhostRing ring = ring();
        requireStopped(ring, "base");
        ring.base = payload.get(INT, 4) & 0xffff;
        ring.hasBase = true;
      }
      case VhostMessage.SET_VRING_KICK -> setKick();
      case VhostMessage.SET_VRING_CALL -> ringOfFd().setCall(eventFd("call"));
      case VhostMessage.SET_VRING_ERR -> ringOfFd(); // nobody listens: a broken ring ends it all
      case VhostMessage.SET_VRING_ENABLE -> {
        VhostRing ring = ring();
        ring.enabled = payload.get(INT, 4) != 0;
      }
      case VhostMessage.GPU_SET_SOCKET -> {
        if (socket.receivedFds() != 1) {
          throw wrong("without one descriptor");
        }
        device.displaySocket(new UnixSocket(socket.takeFd(0, "the monitor's display")));
      }
      default -> {
        LOG.debug("vhost-user message {} is not known", request);
        return false;
      }
    }
    return true;
  }

  private HostileGuestException wrong(String why) {
    return new HostileGuestException("vhost-user message " + request + " " + why);
  }

  private void requireSize(int bytes) throws HostileGuestException {
    if (size < bytes) {
      throw wrong("has " + size + " bytes, less than " + bytes);
    }
  }

  private long u64() throws HostileGuestException {
    requireSize(8);
    return payload.get(LONG, 0);
  }

  private VhostRing ring() throws HostileGuestException {
    requireSize(VhostMessage.RING_STATE);
    return ring(payload.get(INT, 0));
  }

  private VhostRing ring(int index) throws HostileGuestException {
    if (index < 0 || index >= rings.length) {
      throw wrong("names ring " + Integer.toUnsignedLong(index) + " of " + rings.length);
    }
    return rings[index];
  }

  private void requireStopped(VhostRing ring, String what) throws HostileGuestException {
    if (ring.queue.isRunning()) {
      throw wrong("changes the " + what + " of a ring that runs");
    }
  }

  private void setFeatures(long agreed) {
    features = agreed;
    if ((agreed & VhostMessage.F_PROTOCOL_FEATURES) == 0) {
      for (VhostRing ring : rings) {
        ring.enabled = true; // a monitor that does not know SET_VRING_ENABLE
      }
    }
  }

  private void setMemory() throws IOException {
    requireSize(8);
    int count = payload.get(INT, 0);
    if (count < 0 || count > GuestMemory.MAX_REGIONS || count != socket.receivedFds()) {
      throw wrong(
          "has "
              + Integer.toUnsignedLong(count)
              + " regions and "
              + socket.receivedFds()
              + " files");
    }
    requireSize(8 + count * VhostMessage.REGION);
    device.memoryChanging();
    memory.clear();
    for (int i = 0; i < count; i++) {
      memory.add(region(8 + i * VhostMessage.REGION, i));
    }
    placeRings();
  }

  private MemoryRegion region(int at, int fd) throws IOException {
    MemoryRegion region =
        MemoryRegion.map(
            payload.get(LONG, at),
            payload.get(LONG, at + 8),
            payload.get(LONG, at + 16),
            payload.get(LONG, at + 24),
            socket.takeFd(fd, "the guest's memory"));
    LOG.debug(
        "guest memory at {}: {} bytes", Long.toHexString(region.guestAddress()), region.size());
    return region;
  }

  private void addRegion() throws IOException {
    requireSize(8 + VhostMessage.REGION);
    if (socket.receivedFds() != 1) {
      throw wrong("without one descriptor");
    }
    memory.add(region(8, 0));
  }

  private void removeRegion() throws IOException {
    requireSize(8 + VhostMessage.REGION);
    device.memoryChanging();
    if (!memory.remove(payload.get(LONG, 8), payload.get(LONG, 16), payload.get(LONG, 24))) {
      throw wrong("names a region that is not there");
    }
    placeRings();
  }

  /** Finds the rings anew: their old place is not mapped any more. */
  private void placeRings() throws HostileGuestException {
    for (VhostRing ring : rings) {
      if (ring.queue.isRunning()) {
        ring.queue.place(ring.descriptors, ring.available, ring.used);
      }
    }
  }

  private void setSize() throws HostileGuestException {
    VhostRing ring = ring();
    requireStopped(ring, "size");
    int wanted = payload.get(INT, 4);
    if (wanted < 1 || wanted > VirtQueue.MAX_SIZE || Integer.bitCount(wanted) != 1) {
      throw wrong(
          "wants a ring of "
              + Integer.toUnsignedLong(wanted)
              + " entries, not a power of two up to "
              + VirtQueue.MAX_SIZE);
    }
    ring.size = wanted;
  }

  private void setAddresses() throws HostileGuestException {
    requireSize(VhostMessage.RING_ADDRESSES);
    VhostRing ring = ring(payload.get(INT, 0));
    requireStopped(ring, "addresses");
    ring.descriptors = payload.get(LONG, 8);
    ring.used = payload.get(LONG, 16);
    ring.available = payload.get(LONG, 24);
    ring.placed = true;
  }

  private VhostRing ringOfFd() throws HostileGuestException {
    return ring((int) (u64() & 0xff));
  }

  /** The descriptor that came along, or null where the message says that there is none. */
  private EventFd eventFd(String what) throws IOException {
    if ((u64() & VhostMessage.NO_FD) != 0) {
      return null;
    }
    if (socket.receivedFds() != 1) {
      throw wrong("without one descriptor");
    }
    Fd fd = socket.takeFd(0, "a ring's " + what);
    try {
      return EventFd.own(fd);
    } catch (IOException e) {
      fd.close();
      throw e;
    }
  }

  private void setKick() throws IOException {
    VhostRing ring = ringOfFd();
    EventFd kick = eventFd("kick");
    if (kick == null) {
      throw wrong("wants a ring to be polled, which this device does not do");
    }
    ring.setKick(kick);
    if (ring.queue.isRunning()) {
      return;
    }
    if (ring.size == 0 || !ring.placed) {
      throw wrong("starts a ring without size or addresses");
    }
    ring.queue.start(
        memory,
        ring.size,
        ring.descriptors,
        ring.available,
        ring.used,
        ring.base,
        (features & EVENT_INDEX) != 0);
    if (ring == rings[0]) {
      // A guest that was only paused goes on where it was; one that was reset begins at 0.
      boolean resumed = begun && ring.base != 0 && ring.place().equals(ring.stopped);
      begun = true;
      device.started(resumed);
    }
  }

  private void getBase() throws IOException {
    VhostRing ring = ring();
    int index = payload.get(INT, 0);
    if (!ring.hasBase) {
      // A guest that ran before this process did: how far its ring was served is not known here. An
      // answer without a number makes QEMU look into the ring, and what was never answered comes
      // again (vhost_virtqueue_stop, virtio_queue_restore_last_avail_idx).
      send(0);
      return;
    }
    stop(index);
    reply.set(INT, VhostMessage.HEADER, index);
    reply.set(INT, VhostMessage.HEADER + 4L, ring.base);
    send(VhostMessage.RING_STATE);
  }

  private void stop(int index) {
    VhostRing ring = rings[index];
    if (ring.queue.isRunning()) {
      device.stopping(index);
      ring.base = ring.queue.base();
      ring.stopped = ring.place();
    }
    ring.close();
  }

  private void reset() {
    for (int i = 0; i < rings.length; i++) {
      stop(i);
      rings[i].stopped = null;
      rings[i].enabled = false;
    }
    begun = false;
  }

  private void getConfiguration() throws IOException {
    requireSize(VhostMessage.CONFIGURATION);
    int offset = payload.get(INT, 0);
    int length = payload.get(INT, 4);
    if (offset < 0
        || length < 0
        || length > VhostMessage.MAX_PAYLOAD - VhostMessage.CONFIGURATION
        || offset > VhostMessage.MAX_PAYLOAD) {
      throw wrong("asks for " + length + " bytes at " + offset);
    }
    long at = VhostMessage.HEADER + VhostMessage.CONFIGURATION;
    MemorySegment.copy(
        payload, JAVA_BYTE, 0, reply, JAVA_BYTE, VhostMessage.HEADER, VhostMessage.CONFIGURATION);
    reply.asSlice(at, length).fill((byte) 0);
    device.readConfiguration(reply, at, offset, length);
    send(VhostMessage.CONFIGURATION + length);
  }

  private void answer(long value) throws IOException {
    reply.set(LONG, VhostMessage.HEADER, value);
    send(8);
  }

  private void send(int bytes) throws IOException {
    reply.set(INT, 0, request);
    reply.set(INT, 4, VhostMessage.VERSION | VhostMessage.REPLY);
    reply.set(INT, 8, bytes);
    int r = (int) socket.send(reply, 0, VhostMessage.HEADER + bytes);
    if (r != VhostMessage.HEADER + bytes && !Errno.EPIPE.is(r)) {
      // It waits for each answer, so that there is always room for one.
      throw new HostileGuestException(
          "the monitor does not read its answers" + (r < 0 ? ": " + Errno.describe(-r) : ""));
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < rings.length; i++) {
      if (rings[i].queue.isRunning()) {
        device.stopping(i);
      }
      rings[i].close();
    }
    device.memoryChanging();
    memory.close();
    socket.close();
    arena.close();
  }
}
