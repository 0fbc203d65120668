// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.guestcam.frame.Fourcc;
import org.junit.jupiter.api.Test;

/**
 * Guests that put anything into their rings, their page directories and xenstore. Whatever comes,
 * the backend goes on, keeps within its limits, and gives everything back at the end.
 *
 * <p>{@code -Dguestcam.fuzz.requests=10000000} is the long run; {@code -Dguestcam.fuzz.seed}
 * repeats one.
 */
class RingFuzzTest {
  private static final long REQUESTS = Long.getLong("guestcam.fuzz.requests", 300_000);
  private static final long SEED = Long.getLong("guestcam.fuzz.seed", System.nanoTime());

  /** Requests of one guest, if it is not closed before. */
  private static final int LIFE = 2000;

  private static final int[] FORMATS = {
    Fourcc.of("XR24"), Fourcc.of("RG16"), Fourcc.of("YUYV"), Fourcc.of("NV12"), 0, -1
  };

  private final SplittableRandom random = new SplittableRandom(SEED);
  private int closed;
  private int shown;

  @Test
  void whateverAGuestSends() throws IOException {
    long done = 0;
    try {
      while (done < REQUESTS) {
        done += live();
      }
    } catch (IOException | RuntimeException | AssertionError e) {
      throw new AssertionError("seed " + SEED + " after " + done + " requests", e);
    }
    assertTrue(closed > 0, "no guest was ever closed: the fuzzer is too tame");
    assertTrue(shown > 0, "no picture was ever shown: the fuzzer is too wild");
  }

  private int live() throws IOException {
    int done = 0;
    ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP);
    try {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int[] pages = guest.xen.allocate(16);
      int[] directories = guest.xen.allocate(4);
      for (; done < LIFE && guest.backend.failure() == null; done++) {
        directory(guest, directories, pages);
        int count = random.nextInt(50) == 0 ? random.nextInt() : 1 + random.nextInt(3);
        for (int i = 0; i < Math.clamp(count, 0, 32); i++) {
          request(rings.requests, 64 + ((rings.sent + i) & 31) * 64L, directories);
        }
        if (random.nextInt(200) == 0) {
          rings.requests.set(JAVA_INT, 4L * random.nextInt(4), random.nextInt());
        }
        rings.sent += random.nextInt(100) == 0 ? count : Math.clamp(count, 0, 32);
        rings.requests.set(JAVA_INT, 0, rings.sent);
        guest.now += random.nextInt(200_000_000);
        guest.backend.fired(random.nextInt(20) == 0 ? rings.eventPort : rings.requestPort);
        while (!guest.heard.frames.isEmpty() && random.nextInt(4) != 0) {
          guest.heard.release();
          shown++;
        }
        guest.backend.work();
        assertTrue(guest.heard.frames.size() < 2000, "frames without bound");
        assertTrue(
            guest.xen.mapped <= 2 + Framebuffers.MAX_FRAMEBUFFERS * 2,
            guest.xen.mapped + " mapped");
        if (random.nextInt(500) == 0) {
          guest.guestState(random.nextInt(10)); // it may lose its rings, and none comes back
          break;
        }
      }
      closed += guest.backend.failure() == null ? 0 : 1;
      guest.store.remove("/local/domain/" + ScriptedGuest.DOMAIN);
      guest.backend.storeChanged();
      while (!guest.heard.frames.isEmpty()) {
        guest.heard.release();
      }
      assertEquals(ScriptedGuest.NOTHING, guest.kept());
      assertEquals(0, guest.heard.buffers.size());
    } finally {
      guest.close();
    }
    return Math.max(1, done);
  }

  private void directory(ScriptedGuest guest, int[] directories, int[] pages) {
    MemorySegment page = guest.xen.page(directories[random.nextInt(directories.length)]);
    page.set(JAVA_INT, 0, random.nextInt(3) == 0 ? directories[random.nextInt(4)] : 0);
    for (int i = 0; i < 8; i++) {
      page.set(
          JAVA_INT,
          4 + 4L * i,
          random.nextInt(300) == 0 ? random.nextInt() : pages[random.nextInt(pages.length)]);
    }
  }

  /** Mostly what a driver might send, with small cookies so that they meet; sometimes noise. */
  private void request(MemorySegment ring, long at, int[] directories) {
    if (random.nextInt(40) == 0) {
      for (int i = 0; i < 64; i += 8) {
        ring.set(JAVA_LONG, at + i, random.nextLong());
      }
      return;
    }
    int operation = 0x10 + random.nextInt(random.nextInt(20) == 0 ? 20 : 7);
    ring.set(JAVA_BYTE, at + 2, (byte) operation);
    ring.set(JAVA_LONG, at + 8, cookie());
    switch (operation) {
      case Displif.DBUF_CREATE -> {
        ring.set(JAVA_INT, at + 16, side());
        ring.set(JAVA_INT, at + 20, side());
        ring.set(JAVA_INT, at + 24, 8 * (1 + random.nextInt(4)));
        ring.set(JAVA_INT, at + 28, random.nextInt(100) == 0 ? random.nextInt() : 8 * 4096);
        ring.set(JAVA_INT, at + 32, random.nextInt(3));
        ring.set(
            JAVA_INT,
            at + 36,
            random.nextInt(100) == 0 ? random.nextInt() : directories[random.nextInt(4)]);
      }
      case Displif.FB_ATTACH -> {
        ring.set(JAVA_LONG, at + 16, cookie());
        ring.set(JAVA_INT, at + 24, side());
        ring.set(JAVA_INT, at + 28, side());
        ring.set(JAVA_INT, at + 32, FORMATS[random.nextInt(20) == 0 ? random.nextInt(6) : 0]);
      }
      case Displif.SET_CONFIG -> {
        ring.set(JAVA_INT, at + 16, random.nextInt(8));
        ring.set(JAVA_INT, at + 20, random.nextInt(8));
        ring.set(JAVA_INT, at + 24, side());
        ring.set(JAVA_INT, at + 28, side());
      }
      case Displif.GET_EDID -> {
        ring.set(JAVA_INT, at + 8, random.nextInt(2) == 0 ? Displif.EDID_BYTES : random.nextInt());
        ring.set(JAVA_INT, at + 12, directories[random.nextInt(4)]);
      }
      default -> {}
    }
  }

  private long cookie() {
    return random.nextInt(200) == 0 ? 0 : 1 + random.nextInt(random.nextInt(10) == 0 ? 400 : 30);
  }

  private int side() {
    return random.nextInt(300) == 0 ? random.nextInt() : 1 + random.nextInt(80);
  }
}
