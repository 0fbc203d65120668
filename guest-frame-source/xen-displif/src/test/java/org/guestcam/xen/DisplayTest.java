// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.guestcam.xen.Displif.DBUF_CREATE;
import static org.guestcam.xen.Displif.DBUF_DESTROY;
import static org.guestcam.xen.Displif.FB_ATTACH;
import static org.guestcam.xen.Displif.FB_DETACH;
import static org.guestcam.xen.Displif.GET_EDID;
import static org.guestcam.xen.Displif.PG_FLIP;
import static org.guestcam.xen.Displif.SET_CONFIG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.guestcam.frame.Fourcc;
import org.guestcam.uapi.Errno;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole life of a display, with a guest by script over plain memory. */
class DisplayTest {
  private static final int XR24 = Fourcc.of("XR24");
  private static final int WIDTH = 64;
  private static final int HEIGHT = 48;
  private static final int BYTES = WIDTH * HEIGHT * 4;
  private static final int PAGES = 3;

  /** Makes buffer and framebuffer {@code cookie}; returns the guest's pages. */
  private static int[] create(ScriptedGuest guest, ScriptedGuest.Rings rings, long cookie)
      throws IOException {
    int[] refs = guest.xen.allocate(PAGES);
    int directory = guest.directory(refs);
    assertEquals(
        0, rings.ask(DBUF_CREATE, cookie, WIDTH, HEIGHT, 32, BYTES, 0, directory, 0), "create");
    assertEquals(0, rings.ask(FB_ATTACH, cookie, cookie + 100, WIDTH, HEIGHT, XR24), "attach");
    return refs;
  }

  private static void show(ScriptedGuest.Rings rings, long cookie) throws IOException {
    assertEquals(0, rings.ask(SET_CONFIG, cookie + 100, 0, 0, WIDTH, HEIGHT, 32));
  }

  @Test
  void followsTheGuestsStates() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      assertEquals(2, guest.backendState());
      guest.connect();
      assertEquals(4, guest.backendState());
      guest.guestState(4);
      assertEquals(4, guest.backendState());
      assertEquals("mapped 2, copies 0, loans 0, ports 2", guest.kept());

      guest.guestState(5); // the driver is unloaded
      assertEquals(2, guest.backendState());
      assertEquals(ScriptedGuest.NOTHING, guest.kept());
      guest.guestState(6);
      assertEquals(2, guest.backendState());
      guest.guestState(1); // and loaded again
      assertEquals(2, guest.backendState());
      guest.connect();
      assertEquals(4, guest.backendState());
    }
  }

  @ParameterizedTest
  @CsvSource({"HDMI-7,1", "HDMI-8,0", "0,1", "1,0"})
  void aConnectorIsFoundByItsNumberOrItsId(String wanted, int frames) throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.wanted = wanted;
      guest.attach(false, "64x48");
      guest.store.write(ScriptedGuest.FRONT + "/0/unique-id", "HDMI-7");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      show(rings, 1);
      assertEquals(frames, guest.heard.frames.size());
      while (!guest.heard.frames.isEmpty()) {
        guest.heard.release();
      }
    }
  }

  @Test
  void aGuestThatIsDestroyedGivesEverythingBack() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      show(rings, 1);
      guest.store.remove("/local/domain/" + ScriptedGuest.DOMAIN);
      guest.backend.storeChanged();
      assertEquals(6, guest.backendState());
      assertEquals(1, guest.backend.ended());
      assertEquals(0, guest.backend.served());
      assertEquals(1, guest.xen.mapped, "the reader has its last picture still");
      while (!guest.heard.frames.isEmpty()) {
        guest.heard.release();
      }
      assertEquals(ScriptedGuest.NOTHING, guest.kept());
      assertEquals(1, guest.store.watches(), "only the backend's own");
    }
  }

  @Test
  void aGuestThatClosesItsEventChannelsKeepsItsLastPictureUntilItsDriverComesAnew()
      throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      create(guest, rings, 2);
      show(rings, 1);
      assertEquals(0, rings.ask(PG_FLIP, 102L));
      guest.heard.release();
      // From here on nothing fires: Xen drops what is sent to a port that is closed.
      guest.backend.work();
      assertEquals(List.of(102L), rings.flips(), "it may be looked for by other means");
      guest.now += 10 * Connector.FLIP_LIMIT;
      guest.backend.work();
      assertEquals(1, guest.heard.frames.size(), "the last picture is shown");
      assertEquals(4, guest.backendState());
      assertNull(guest.backend.failure());

      guest.guestState(5);
      while (!guest.heard.frames.isEmpty()) {
        guest.heard.release();
      }
      assertEquals(ScriptedGuest.NOTHING, guest.kept());
      guest.guestState(1);
      ScriptedGuest.Rings anew = guest.connect();
      assertEquals(4, guest.backendState());
      create(guest, anew, 1);
      show(anew, 1);
      assertEquals(1, guest.heard.frames.size());
    }
  }

  @Test
  void anEventChannelThatCannotBeBoundClosesTheDisplayUntilTheDriverComesAnew() throws IOException {
    for (String channel : new String[] {"req-event-channel", "evt-event-channel"}) {
      try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
        guest.attach(false, "64x48");
        guest.new Rings(0);
        guest.store.write(ScriptedGuest.FRONT + "/0/" + channel, "5000");
        guest.guestState(3);
        assertLost(guest, "an event channel that is not there");
        guest.guestState(3);
        assertEquals(6, guest.backendState(), "it is not tried again and again");
        guest.guestState(5);
        assertEquals(2, guest.backendState());
        guest.guestState(1);
        guest.connect();
        assertEquals(4, guest.backendState());
        assertTrue(guest.store.read(ScriptedGuest.BACK + "/error").isEmpty());
      }
    }
  }

  @Test
  void anEventChannelThatIsLostClosesTheDisplayUntilTheDriverComesAnew() throws IOException {
    for (boolean flip : new boolean[] {false, true}) {
      try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
        guest.attach(false, "64x48");
        ScriptedGuest.Rings rings = guest.connect();
        create(guest, rings, 1);
        create(guest, rings, 2);
        show(rings, 1);
        guest.guestState(4);
        guest.xen.lost.add(flip ? rings.eventPort : rings.requestPort);
        if (flip) {
          assertEquals(0, rings.ask(PG_FLIP, 102L));
          guest.now += Connector.FLIP_LIMIT;
          guest.backend.work();
        } else {
          rings.send(FB_DETACH, 101L);
        }
        assertLost(guest, "cannot be told");
        guest.guestState(7); // as Linux's driver does when the backend closes
        guest.guestState(1);
        assertEquals(2, guest.backendState());
        ScriptedGuest.Rings anew = guest.connect();
        create(guest, anew, 1);
        show(anew, 1);
        assertEquals(1, guest.heard.frames.size());
      }
    }
  }

  private static void assertLost(ScriptedGuest guest, String reason) {
    assertEquals(6, guest.backendState());
    String error = guest.store.read(ScriptedGuest.BACK + "/error").orElse("");
    assertTrue(error.contains(reason), "'" + error + "' does not say '" + reason + "'");
    assertNull(guest.backend.failure(), "guestcam goes on");
    while (!guest.heard.frames.isEmpty()) {
      guest.heard.release();
    }
    assertEquals(ScriptedGuest.NOTHING, guest.kept());
  }

  @Test
  void libxlsEndIsAnsweredWithClosed() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      guest.connect();
      guest.store.write(ScriptedGuest.BACK + "/online", "0");
      guest.store.write(ScriptedGuest.BACK + "/state", "5");
      guest.backend.storeChanged();
      assertEquals(6, guest.backendState());
      assertEquals(ScriptedGuest.NOTHING, guest.kept());
    }
  }

  @Test
  void aBackendThatComesSecondLetsTheGuestBeginAnew() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.store.write(ScriptedGuest.FRONT + "/state", "4");
      guest.store.write(ScriptedGuest.BACK + "/frontend", ScriptedGuest.FRONT);
      guest.store.write(ScriptedGuest.BACK + "/state", "4");
      guest.backend.storeChanged();
      assertEquals(2, guest.backendState());
      guest.guestState(7);
      guest.guestState(1);
      guest.connect();
      assertEquals(4, guest.backendState());
    }
  }

  @Test
  void aFlipsEventComesWhenTheFrameBeforeIsReleased() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int[] pages = create(guest, rings, 1);
      create(guest, rings, 2);
      guest.xen.page(pages[0]).set(JAVA_INT, 0, 0x00abcdef);
      show(rings, 1);
      assertEquals(List.of(), rings.flips(), "a mode is no flip");
      assertEquals(64, guest.heard.mode.width());
      assertEquals(1, guest.heard.frames.size());
      assertEquals(
          0x00abcdef,
          guest.heard.frames.getFirst().buffer().pixels().get(JAVA_INT, 0),
          "its pages");

      assertEquals(0, rings.ask(PG_FLIP, 102L));
      assertEquals(List.of(), rings.flips(), "frame 0 is still read");
      guest.heard.release();
      guest.backend.work();
      assertEquals(List.of(102L), rings.flips());
      assertTrue(guest.wakes > 0);

      assertEquals(0, rings.ask(PG_FLIP, 101L));
      assertEquals(guest.now + Connector.FLIP_LIMIT, guest.backend.due());
      guest.backend.work();
      assertEquals(List.of(), rings.flips());
      guest.now += Connector.FLIP_LIMIT;
      guest.backend.work();
      assertEquals(List.of(101L), rings.flips(), "a consumer that hangs does not hang the guest");
      assertEquals(Long.MAX_VALUE, guest.backend.due());
      assertEquals(3, guest.heard.frames.size() + 1);
      for (int i = 0; i < guest.heard.frames.size(); i++) {
        assertEquals(i + 1, guest.heard.frames.get(i).sequence());
      }
    }
  }

  @Test
  void aGuestWhoseFramesAreOvertakenRunsNoFasterThanItsScreen() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      create(guest, rings, 2);
      show(rings, 1);
      guest.heard.release();
      assertEquals(0, rings.ask(PG_FLIP, 102L));
      assertEquals(List.of(102L), rings.flips());
      guest.heard.release();
      assertEquals(0, rings.ask(PG_FLIP, 101L));
      assertEquals(List.of(), rings.flips());
      long due = guest.backend.due();
      assertEquals(16, (due - guest.now) / 1_000_000);
      guest.now = due;
      guest.backend.work();
      assertEquals(List.of(101L), rings.flips());
    }
  }

  @Test
  void aConnectorThatNobodyWatchesFlipsAtSixtyHertz() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48", "64x48");
      ScriptedGuest.Rings first = guest.new Rings(0);
      ScriptedGuest.Rings second = guest.new Rings(1);
      guest.guestState(3);
      create(guest, first, 1);
      show(second, 1);
      assertEquals(0, second.ask(PG_FLIP, 101L));
      assertEquals(List.of(), second.flips());
      guest.now += 17_000_000;
      guest.backend.work();
      assertEquals(List.of(101L), second.flips());
      assertEquals(0, guest.heard.frames.size());
      assertEquals(List.of(), first.flips());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MAP", "COPY"})
  void aDestroyedBufferIsAnsweredWhenNothingOfItIsMapped(DisplayMemory.Route route)
      throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(route)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      show(rings, 1);
      assertEquals(0, rings.ask(SET_CONFIG, 0L, 0, 0, 0, 0, 0), "the screen goes off");
      assertEquals(2, guest.heard.frames.size(), "black takes the picture's place");
      assertEquals(0, rings.ask(FB_DETACH, 101L));
      rings.send(DBUF_DESTROY, 1L);
      if (route == DisplayMemory.Route.MAP) {
        assertFalse(rings.isAnswered(), "its pages are still read");
        assertEquals(guest.now + Connector.DESTROY_LIMIT, guest.backend.due());
        guest.heard.release();
        guest.backend.work();
      }
      assertEquals(0, rings.status());
      assertEquals(2, guest.xen.mapped, "only the rings");
      if (route == DisplayMemory.Route.COPY) {
        assertEquals(BYTES, guest.copiedBytes.get());
      }
      // The cookie may be used again.
      create(guest, rings, 1);
    }
  }

  @Test
  void aReaderThatHangsDelaysDestroyByTwoSecondsOnly() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      show(rings, 1);
      assertEquals(0, rings.ask(FB_DETACH, 101L));
      rings.send(DBUF_DESTROY, 1L);
      assertFalse(rings.isAnswered());
      rings.send(PG_FLIP, 101L);
      assertFalse(rings.isAnswered(), "requests are answered in order");
      guest.now += Connector.DESTROY_LIMIT;
      guest.backend.work();
      assertEquals(0, rings.status());
      assertEquals(-Errno.EINVAL.number(), rings.status(), "a flip of a screen that is off");
    }
  }

  @Test
  void theBackendsMemoryIsGrantedToTheGuest() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(true, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(0, 0, 0);
      assertEquals(0, rings.ask(DBUF_CREATE, 1L, WIDTH, HEIGHT, 32, BYTES, 1, directory, 0));
      assertEquals(1, guest.xen.loans);
      int[] refs = new int[PAGES];
      for (int i = 0; i < PAGES; i++) {
        refs[i] = guest.xen.page(directory).get(JAVA_INT, 4 + 4L * i);
      }
      guest.xen.lent.get(refs[1]).set(JAVA_INT, 8, 0x00123456); // the guest draws
      assertEquals(0, rings.ask(FB_ATTACH, 1L, 101L, WIDTH, HEIGHT, XR24));
      show(rings, 1);
      assertEquals(
          0x00123456,
          guest.heard.frames.getFirst().buffer().pixels().get(JAVA_INT, Displif.PAGE + 8));
      assertEquals(0, rings.ask(FB_DETACH, 101L));
      assertEquals(0, rings.ask(DBUF_DESTROY, 1L), "at once: the pages are the host's");
      assertEquals(0, guest.xen.loans);
      assertEquals(2, guest.xen.mapped);
    }
  }

  @Test
  void oldBytesInASlotAreNoFlags() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(guest.xen.allocate(PAGES));
      assertEquals(
          0, rings.ask(DBUF_CREATE, 1L, WIDTH, HEIGHT, 32, BYTES, 0x34325259, directory, 0x77777));
      assertEquals(0, guest.xen.loans, "be-alloc is 0");
    }
  }

  @Test
  void answersAreWrittenWhole() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      rings.requests.asSlice(64, 64).fill((byte) 0x5a);
      assertEquals(-Errno.ENOENT.number(), rings.ask(FB_DETACH, 5L));
      for (long at = 8; at < 64; at++) {
        assertEquals(0, rings.requests.get(JAVA_BYTE, 64 + at), "byte " + at);
      }
    }
  }

  @Test
  void anEdidSaysTheConnectorsSize() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "1280x720");
      ScriptedGuest.Rings rings = guest.connect();
      int[] pages = guest.xen.allocate(8);
      assertEquals(0, rings.ask(GET_EDID, Displif.EDID_BYTES, guest.directory(pages)));
      assertEquals(128, rings.requests.get(JAVA_INT, 64 + 8));
      MemorySegment edid = guest.xen.page(pages[0]);
      int sum = 0;
      for (int i = 0; i < 128; i++) {
        sum += edid.get(JAVA_BYTE, i);
      }
      assertEquals(0, sum & 0xff);
      int width = (edid.get(JAVA_BYTE, 56) & 0xff) | (edid.get(JAVA_BYTE, 58) & 0xf0) << 4;
      int height = (edid.get(JAVA_BYTE, 59) & 0xff) | (edid.get(JAVA_BYTE, 61) & 0xf0) << 4;
      assertEquals("1280x720", width + "x" + height);
    }
  }

  @Test
  void dataMayBeginWithinTheFirstPageInVersionTwo() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      guest.store.write(ScriptedGuest.FRONT + "/version", "2");
      ScriptedGuest.Rings rings = guest.connect();
      int[] refs = guest.xen.allocate(PAGES + 1);
      guest.xen.page(refs[0]).set(JAVA_INT, 128, 77);
      int directory = guest.directory(refs);
      assertEquals(
          0, rings.ask(DBUF_CREATE, 1L, WIDTH, HEIGHT, 32, BYTES + 128, 0, directory, 128));
      assertEquals(0, rings.ask(FB_ATTACH, 1L, 101L, WIDTH, HEIGHT, XR24));
      show(rings, 1);
      assertEquals(128, guest.heard.frames.getFirst().buffer().layout().offset(0));
    }
  }

  @Test
  void aScreenMayBeAPartOfAFramebuffer() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.MAP)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      create(guest, rings, 1);
      assertEquals(0, rings.ask(SET_CONFIG, 101L, 16, 8, 32, 32, 32));
      var layout = guest.heard.frames.getFirst().buffer().layout();
      assertEquals("32x32", layout.width() + "x" + layout.height());
      assertEquals((8 * WIDTH + 16) * 4, layout.offset(0));
      assertEquals(WIDTH * 4, layout.stride(0));
      assertEquals(
          -Errno.EINVAL.number(), rings.ask(SET_CONFIG, 101L, 40, 8, 32, 32, 32), "past its edge");
      assertEquals(
          -Errno.EINVAL.number(),
          rings.ask(SET_CONFIG, 101L, Integer.MAX_VALUE, 0, 32, 32, 32),
          "overflow");
    }
  }

  @Test
  void aRouteThatCannotWorkHereRefusesTheBufferAndSaysWhy() throws IOException {
    try (ScriptedGuest guest = new ScriptedGuest(DisplayMemory.Route.EXPORT)) {
      guest.attach(false, "64x48");
      ScriptedGuest.Rings rings = guest.connect();
      int directory = guest.directory(guest.xen.allocate(PAGES));
      assertEquals(
          -Errno.EIO.number(),
          rings.ask(DBUF_CREATE, 1L, WIDTH, HEIGHT, 32, BYTES, 0, directory, 0));
      assertNull(guest.backend.failure(), "the guest is not to blame");
      assertEquals(4, guest.backendState());
    }
  }

  @Test
  void aSlowReaderCostsFramesAndNoMemory() throws IOException {
    for (DisplayMemory.Route route : List.of(DisplayMemory.Route.MAP, DisplayMemory.Route.COPY)) {
      try (ScriptedGuest guest = new ScriptedGuest(route)) {
        guest.attach(false, "64x48");
        ScriptedGuest.Rings rings = guest.connect();
        create(guest, rings, 1);
        show(rings, 1);
        int flips = 0;
        for (int i = 0; i < 100; i++) {
          assertEquals(0, rings.ask(PG_FLIP, 101L));
          flips += rings.flips().size();
        }
        assertTrue(guest.heard.frames.size() <= 8, guest.heard.frames.size() + " frames");
        assertEquals(99, flips, "all but the last, which waits");
      }
    }
  }
}
