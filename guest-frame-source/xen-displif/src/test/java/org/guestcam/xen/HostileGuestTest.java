// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.guestcam.xen.Displif.DBUF_CREATE;
import static org.guestcam.xen.Displif.FB_ATTACH;
import static org.guestcam.xen.Displif.SET_CONFIG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.guestcam.frame.Fourcc;
import org.guestcam.uapi.Errno;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests that do not keep to the protocol: each loses its display, and nothing else happens. */
class HostileGuestTest {
  private static final int XR24 = Fourcc.of("XR24");

  private static void assertClosed(ScriptedGuest guest, String reason) {
    assertEquals(6, guest.backendState());
    String error = guest.store.read(ScriptedGuest.BACK + "/error").orElse("");
    assertTrue(error.contains(reason), "'" + error + "' does not say '" + reason + "'");
    assertEquals(error, guest.backend.failure());
    while (!guest.heard.frames.isEmpty()) {
      guest.heard.release();
    }
    assertEquals(ScriptedGuest.NOTHING, guest.kept());
  }

  @ParameterizedTest
  @ValueSource(ints = {33, 1000, -1, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void aRingThatClaimsMoreThanItHas(int produced) throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      rings.requests.set(JAVA_INT, 0, produced);
      guest.backend.fired(rings.requestPort);
      assertClosed(guest, "claims");
    }
  }

  @Test
  void countersOfOursThatTheGuestChangesAreNotRead() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      rings.requests.set(JAVA_INT, 8, 0x7fff_0000);
      rings.events.set(JAVA_INT, 0, -5);
      rings.send(FB_ATTACH, 1L, 101L, 64, 48, XR24);
      assertEquals(1, rings.requests.get(JAVA_INT, 8));
      assertNull(guest.backend.failure());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 64, 48, 32, 12288, the cookie 0",
    "1, 0, 48, 32, 12288, 0x48",
    "1, 64, -1, 32, 12288, 64x4294967295",
    "1, 65536, 65536, 32, 0, 65536x65536",
    "1, 16384, 16384, 32, 0, which are 1073741824",
    "1, 64, 48, 32, 12287, of 12287 bytes",
  })
  void bufferGeometry(long cookie, int width, int height, int bpp, int bytes, String reason)
      throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(guest.xen.allocate(3));
      rings.send(DBUF_CREATE, cookie, width, height, bpp, bytes, 0, directory, 0);
      assertClosed(guest, reason);
    }
  }

  @Test
  void directories() throws IOException {
    int pages = 2 * PageDirectory.REFS;
    int bytes = pages * Displif.PAGE;
    for (String kind : new String[] {"loop", "short", "zero", "none", "wild"}) {
      try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
        guest.attach(false, "64x48");
        ScriptedGuest.Rings rings = guest.connect();
        int[] refs = new int[pages];
        java.util.Arrays.fill(refs, guest.xen.allocate(1)[0]);
        int directory = guest.directory(refs);
        switch (kind) {
          case "loop" -> guest.xen.page(directory).set(JAVA_INT, 0, directory);
          case "short" -> guest.xen.page(directory).set(JAVA_INT, 0, 0);
          case "zero" -> guest.xen.page(directory).set(JAVA_INT, 4 * 500, 0);
          case "none" -> directory = 0;
          default -> guest.xen.page(directory).set(JAVA_INT, 0, 0x7fff_ffff);
        }
        rings.send(DBUF_CREATE, 1L, 1024, 512, 32, bytes, 0, directory, 0);
        switch (kind) {
          case "loop" -> assertClosed(guest, "is a loop");
          case "short" -> assertClosed(guest, "ends after 1 of 2");
          case "zero" -> assertClosed(guest, "page 499 of 2046 has the grant reference 0");
          case "none" -> assertClosed(guest, "of the grant reference 0");
          default -> {
            assertEquals(-Errno.EIO.number(), rings.status(), "Xen refuses it");
            assertNull(guest.backend.failure());
          }
        }
      }
    }
  }

  @Test
  void cookiesThatAreTakenOrUnknown() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int unknown = -Errno.ENOENT.number();
      assertEquals(unknown, rings.ask(FB_ATTACH, 9L, 101L, 64, 48, XR24));
      assertEquals(unknown, rings.ask(SET_CONFIG, 101L, 0, 0, 64, 48, 32));
      assertEquals(unknown, rings.ask(Displif.FB_DETACH, 101L));
      assertEquals(unknown, rings.ask(Displif.DBUF_DESTROY, 1L));
      assertEquals(-Errno.EOPNOTSUPP.number(), rings.ask(0x55));
      int directory = guest.directory(guest.xen.allocate(3));
      assertEquals(0, rings.ask(DBUF_CREATE, 1L, 64, 48, 32, 12288, 0, directory, 0));
      assertEquals(0, rings.ask(FB_ATTACH, 1L, 101L, 64, 48, XR24));
      assertEquals(-Errno.EBUSY.number(), rings.ask(Displif.DBUF_DESTROY, 1L));
      assertEquals(
          -Errno.EINVAL.number(), rings.ask(FB_ATTACH, 1L, 102L, 64, 48, Fourcc.of("NV12")));
      assertNull(guest.backend.failure());
      rings.send(DBUF_CREATE, 1L, 64, 48, 32, 12288, 0, directory, 0);
      assertClosed(guest, "a cookie that is taken: 0x1");
    }
  }

  @Test
  void aFramebufferLargerThanItsBuffer() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(guest.xen.allocate(3));
      assertEquals(0, rings.ask(DBUF_CREATE, 1L, 64, 48, 32, 12288, 0, directory, 0));
      rings.send(FB_ATTACH, 1L, 101L, 64, 49, XR24);
      assertClosed(guest, "FB_ATTACH to a buffer of 64x48");
    }
  }

  @Test
  void memoryHasLimits() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(guest.xen.allocate(3));
      assertEquals(
          -Errno.ENOMEM.number(),
          rings.ask(DBUF_CREATE, 1L, 64, 48, 32, Integer.MIN_VALUE, 0, directory, 0));
      for (long cookie = 1; cookie <= Framebuffers.MAX_BUFFERS; cookie++) {
        assertEquals(0, rings.ask(DBUF_CREATE, cookie, 64, 48, 32, 12288, 0, directory, 0));
      }
      assertEquals(
          -Errno.ENOMEM.number(), rings.ask(DBUF_CREATE, 99L, 64, 48, 32, 12288, 0, directory, 0));
      for (long cookie = 1; cookie <= Framebuffers.MAX_FRAMEBUFFERS; cookie++) {
        assertEquals(0, rings.ask(FB_ATTACH, 1L, cookie, 64, 48, XR24));
      }
      assertEquals(-Errno.ENOMEM.number(), rings.ask(FB_ATTACH, 1L, 999L, 64, 48, XR24));
    }
  }

  @Test
  void floods() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      for (int i = 0; i <= Connector.MAX_IDLE_EVENTS; i++) {
        guest.backend.fired(rings.eventPort);
      }
      assertClosed(guest, "events a second without a request");
    }
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      for (int i = 0; i < Connector.MAX_REFUSALS; i++) {
        assertEquals(-Errno.ENOENT.number(), rings.ask(Displif.FB_DETACH, 5L));
      }
      rings.send(Displif.FB_DETACH, 5L);
      assertClosed(guest, "wrong requests");
    }
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      for (int i = 0; i <= Display.MAX_LOST_CHANNELS; i++) {
        assertNull(guest.backend.failure());
        guest.store.write(ScriptedGuest.FRONT + "/0/req-ring-ref", "8");
        guest.store.write(ScriptedGuest.FRONT + "/0/req-event-channel", "5000");
        guest.store.write(ScriptedGuest.FRONT + "/0/evt-ring-ref", "8");
        guest.store.write(ScriptedGuest.FRONT + "/0/evt-event-channel", "5001");
        guest.guestState(3);
        assertEquals(6, guest.backendState());
        guest.guestState(1);
      }
      assertClosed(guest, "an event channel that is not there");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "-1", "0", "99999999999", "4294967296", "8 "})
  void numbersInTheStore(String value) throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      guest.new Rings(0);
      guest.store.write(ScriptedGuest.FRONT + "/0/evt-ring-ref", value);
      guest.guestState(3);
      assertClosed(guest, "no number");
    }
  }

  @Test
  void referencesThatXenRefuses() throws IOException {
    for (String node : new String[] {"req-ring-ref", "evt-ring-ref"}) {
      try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
        guest.attach(false, "64x48");
        guest.new Rings(0);
        guest.store.write(ScriptedGuest.FRONT + "/0/" + node, "123456789");
        guest.guestState(3);
        assertClosed(guest, "the test's hypervisor");
      }
    }
  }

  @Test
  void aGuestThatOffersNothing() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      guest.guestState(3);
      assertClosed(guest, "offers no connector");
      assertNotNull(guest.backend.failure());
      guest.guestState(1);
      guest.connect();
      assertEquals(6, guest.backendState(), "it stays closed");
    }
  }
}
