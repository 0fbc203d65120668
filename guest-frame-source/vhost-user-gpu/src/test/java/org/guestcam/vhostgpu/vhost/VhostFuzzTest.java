// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.Test;

/**
 * Whatever a monitor or a guest says, a session and a queue return or throw HostileGuestException.
 * The seed is fixed, so that a failure comes again.
 */
class VhostFuzzTest {
  /** -Dguestcam.fuzz=10000000 for a long run. */
  private static final long INPUTS = Long.getLong("guestcam.fuzz", 300_000);

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final long MEMORY = 1 << 16;

  /** A device that takes everything. */
  private static final class Nothing implements VhostDevice {
    @Override
    public long features() {
      return 2;
    }

    @Override
    public void readConfiguration(MemorySegment into, long at, int offset, int length) {
      into.asSlice(at, length).fill((byte) 1);
    }

    @Override
    public void displaySocket(UnixSocket socket) {
      socket.close();
    }

    @Override
    public void started(boolean resumed) {}

    @Override
    public void stopping(int queue) {}

    @Override
    public void memoryChanging() {}
  }

  @Test
  void messagesOfAnyKind() throws Exception {
    SplittableRandom random = new SplittableRandom(6);
    Arena arena = Arena.ofAuto();
    MemorySegment out = arena.allocate(VhostMessage.HEADER + VhostMessage.MAX_PAYLOAD, 8);
    MemorySegment in = arena.allocate(1 << 16, 8);
    IoVector into = new IoVector();
    long refused = 0;
    long served = 0;
    UnixSocket monitor = null;
    VhostSession session = null;
    try (Memfd memory = Memfd.create("fuzz", MEMORY);
        EventFd event = new EventFd("fuzz")) {
      for (long i = 0; i < INPUTS; i++) {
        if (session == null) {
          UnixSocket[] pair = UnixSocket.pair("fuzz");
          monitor = pair[0];
          session = new VhostSession(pair[1], new Nothing(), "control", "cursor");
        }
        int bytes = message(random, out);
        Fd[] fds = new Fd[random.nextInt(8) == 0 ? 1 + random.nextInt(3) : wantsFd(out)];
        for (int f = 0; f < fds.length; f++) {
          fds[f] =
              random.nextInt(8) == 0 || (out.get(INT, 0) >= 12 && out.get(INT, 0) <= 14)
                  ? event.fd()
                  : memory.fd();
        }
        long sent =
            fds.length == 0 ? monitor.send(out, 0, bytes) : monitor.send(out, 0, bytes, fds);
        assertEquals(bytes, sent);
        try {
          assertTrue(session.receive());
          served++;
        } catch (HostileGuestException e) {
          refused++;
          session.close();
          monitor.close();
          session = null;
          continue;
        }
        into.clear();
        into.add(in, 0, in.byteSize());
        long ignored = monitor.receive(into); // whatever it answers
        assertTrue(ignored != 0, "it closed the connection without a word");
      }
    } finally {
      if (session != null) {
        session.close();
        monitor.close();
      }
    }
    assertTrue(refused > 0 && served > 0, refused + " refused, " + served + " served");
  }

  private static int wantsFd(MemorySegment out) {
    return switch (out.get(INT, 0)) {
      case VhostMessage.SET_MEM_TABLE,
          VhostMessage.ADD_MEM_REG,
          VhostMessage.SET_VRING_KICK,
          VhostMessage.SET_VRING_CALL,
          VhostMessage.SET_VRING_ERR ->
          1;
      default -> 0;
    };
  }

  /** A message that mostly makes sense, with damage now and then. */
  private static int message(SplittableRandom random, MemorySegment out) {
    int request = random.nextInt(16) == 0 ? random.nextInt() : 1 + random.nextInt(40);
    int[] sizes = {0, 8, 40, 40, 20, 8 + 32};
    int size = sizes[random.nextInt(sizes.length)];
    for (int at = 0; at < size; at += 4) {
      out.set(INT, VhostMessage.HEADER + at, small(random));
    }
    if (request == VhostMessage.SET_MEM_TABLE || request == VhostMessage.ADD_MEM_REG) {
      size = 40;
      out.set(LONG, 12, 1);
      out.set(LONG, 20, 0);
      out.set(LONG, 28, MEMORY);
      out.set(LONG, 36, 0);
      out.set(LONG, 44, 0);
    } else if (request == VhostMessage.SET_VRING_ADDR) {
      size = 40;
      out.set(INT, 12, random.nextInt(3));
      out.set(LONG, 20, 4096L * random.nextInt(16));
      out.set(LONG, 28, 4096L * random.nextInt(16));
      out.set(LONG, 36, 4096L * random.nextInt(16));
    }
    if (random.nextInt(6) == 0 && size > 0) {
      out.set(INT, VhostMessage.HEADER + 4L * random.nextInt(size / 4), random.nextInt());
    }
    out.set(INT, 0, request);
    out.set(INT, 4, random.nextInt(64) == 0 ? random.nextInt() : 1 | (random.nextInt(2) << 3));
    out.set(INT, 8, random.nextInt(256) == 0 ? random.nextInt() : size);
    return VhostMessage.HEADER + size;
  }

  private static int small(SplittableRandom random) {
    return switch (random.nextInt(6)) {
      case 0 -> 0;
      case 1 -> 1;
      case 2 -> random.nextInt(300);
      case 3 -> 64;
      case 4 -> random.nextInt(1 << 17);
      default -> -random.nextInt(4);
    };
  }

  @Test
  void ringsOfAnyKind() throws IOException {
    SplittableRandom random = new SplittableRandom(66);
    long taken = 0;
    long broken = 0;
    long signals = 0;
    try (Memfd file = Memfd.create("fuzz", MEMORY);
        GuestMemory memory = new GuestMemory()) {
      memory.add(MemoryRegion.map(0x1000, MEMORY, 0, 0, file.fd().duplicate()));
      MemorySegment bytes = memory.find(0x1000, 1).bytes();
      MemorySegment into = Arena.ofAuto().allocate(256);
      DescriptorChain chain = new DescriptorChain();
      VirtQueue queue = new VirtQueue("fuzzed");
      for (long i = 0; i < INPUTS; i++) {
        if (!queue.isRunning()) {
          queue.start(memory, 16, 0, 1024, 2048, random.nextInt(4), random.nextBoolean());
        }
        damage(random, bytes);
        try {
          for (int head; (head = queue.pop(chain)) != VirtQueue.EMPTY; ) {
            assertTrue(chain.read(0, into, 0, 256) <= 256);
            assertTrue(chain.write(into, 24) <= 24);
            queue.push(head, 24);
            taken++;
          }
          signals += queue.shouldSignal() ? 1 : 0;
          signals += queue.waitForKick() ? 1 : 0;
        } catch (HostileGuestException e) {
          broken++;
          queue.stop();
        }
      }
    }
    assertTrue(taken > 0 && broken > 0 && signals > 0, taken + " taken, " + broken + " broken");
  }

  /** New descriptors, and an available index that moved. */
  private static void damage(SplittableRandom random, MemorySegment bytes) {
    for (int d = 0; d < 16; d++) {
      long at = random.nextInt(4) == 0 ? 4096 + 16L * random.nextInt(16) : 16L * d;
      long address = 0x1000 + 16L * random.nextInt(300) + 4096;
      bytes.set(LONG, at, random.nextInt(64) == 0 ? random.nextLong() : address);
      bytes.set(INT, at + 8, random.nextInt(64) == 0 ? random.nextInt() : 16 * random.nextInt(8));
      bytes.set(SHORT, at + 12, (short) (random.nextInt(3) == 0 ? random.nextInt(8) : 0));
      bytes.set(SHORT, at + 14, (short) random.nextInt(random.nextInt(32) == 0 ? 65536 : 16));
      bytes.set(
          SHORT, 1024 + 4 + 2L * d, (short) random.nextInt(random.nextInt(64) == 0 ? 99 : 16));
    }
    int index = bytes.get(SHORT, 1024 + 2) + random.nextInt(4);
    bytes.set(SHORT, 1024 + 2, (short) (random.nextInt(256) == 0 ? random.nextInt() : index));
  }
}
