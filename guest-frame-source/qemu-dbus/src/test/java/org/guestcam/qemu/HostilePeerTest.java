// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.guestcam.qemu.FakeQemu.LISTENER;
import static org.guestcam.qemu.FakeQemu.XRGB;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.guestcam.qemu.dbus.CallServer;
import org.guestcam.qemu.dbus.Message;
import org.guestcam.qemu.dbus.WireSocket;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A peer that does not play fair gets an error that says what was wrong, and nothing else. */
@Timeout(120)
class HostilePeerTest {
  private static final String MAP = LISTENER + ".Unix.Map";

  private final FrameCollector frames = new FrameCollector();

  static Stream<Arguments> badPictures() {
    byte[] four = new byte[64];
    return Stream.of(
        Arguments.of("Scanout", "uuuuay", List.of(0, 4, 16, XRGB, four), "0x4"),
        Arguments.of("Scanout", "uuuuay", List.of(-1, 4, 16, XRGB, four), "-1x4"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 40000, 16, XRGB, four), "4x40000"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 4, 15, XRGB, four), "stride of 15"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 4, -16, XRGB, four), "stride of -16"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 5, 16, XRGB, four), "64 bytes for 5 rows"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 3, 16, XRGB, four), "64 bytes for 3 rows"),
        Arguments.of("Scanout", "uuuuay", List.of(16384, 16384, 65536, XRGB, four), "64 bytes"),
        Arguments.of("Scanout", "uuuuay", List.of(4, 4, 16, 0x12345678, four), "0x12345678"),
        Arguments.of("Update", "iiiiuuay", List.of(0, 0, 4, 4, 16, XRGB, four), "never sent"),
        Arguments.of("Update", "iiiiuuay", List.of(0, 0, -4, 4, 16, XRGB, four), "-4x4"),
        Arguments.of("CursorDefine", "iiiiay", List.of(600, 1, 0, 0, new byte[2400]), "600x1"),
        Arguments.of("CursorDefine", "iiiiay", List.of(4, 5, 0, 0, four), "64 bytes"));
  }

  @ParameterizedTest
  @MethodSource("badPictures")
  void aPictureWithBadNumbersEndsTheGuest(
      String member, String signature, List<Object> values, String words) throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.call(LISTENER, member, signature, values);
      Throwable why = qemu.end();
      assertNotNull(why);
      assertTrue(why.getMessage().contains(words), why::getMessage);
    }
  }

  @Test
  void aFileThatIsTooShortIsNotMapped() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "");
        Memfd memory = Memfd.createUnsealable("short", 64 * 48 * 4 - 1)) {
      qemu.call(MAP, "ScanoutMap", "huuuuu", List.of(0, 0, 64, 48, 256, XRGB), memory.fd());
      Throwable why = qemu.end();
      assertNotNull(why);
      assertTrue(why.getMessage().contains("12287 bytes"), why::getMessage);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, -1, 1", // an offset of 4 GiB
    "0, 12288, 1", // behind the end
    "1, 0, 1", // a second descriptor of one
    "-1, 0, 1",
    "0, 0, 0" // none at all
  })
  void handlesAndOffsetsAreChecked(int handle, int offset, int sent) throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "");
        Memfd memory = Memfd.createUnsealable("map", 64 * 48 * 4)) {
      qemu.call(
          MAP,
          "ScanoutMap",
          "huuuuu",
          List.of(handle, offset, 64, 48, 256, XRGB),
          sent == 1 ? new org.guestcam.uapi.Fd[] {memory.fd()} : new org.guestcam.uapi.Fd[0]);
      assertNotNull(qemu.end());
    }
  }

  @Test
  void rectanglesOutsideAreCut() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.consoleSize = 8L << 32 | 8;
      qemu.scanout(8, 8, (byte) 1);
      qemu.update(-2, -2, 4, 4, (byte) 2);
      qemu.update(6, 6, 4, 4, (byte) 3);
      qemu.update(100, 100, 4, 4, (byte) 4);
      qemu.update(Integer.MAX_VALUE, Integer.MIN_VALUE, 4, 4, (byte) 5);
      qemu.update(3, -3, 1, 4, (byte) 6);
      frames.await(
          "the last change", f -> f.picture() != null && f.picture().pixels()[3] == 0x060606);
      int[] pixels = frames.picture().pixels();
      for (int i = 0; i < 64; i++) {
        int x = i % 8;
        int y = i / 8;
        int expected = x < 2 && y < 2 ? 2 : x >= 6 && y >= 6 ? 3 : x == 3 && y == 0 ? 6 : 1;
        assertEquals(expected * 0x010101, pixels[i], "pixel " + x + "," + y);
      }
    }
  }

  @Test
  void aModeWithoutScanoutIsFollowed() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.scanout(8, 8, (byte) 1);
      frames.await("the first", f -> f.picture() != null);
      qemu.consoleSize = 16L << 32 | 10;
      qemu.update(0, 0, 16, 2, (byte) 2);
      frames.await("the second", f -> f.picture().width() == 16);
      assertEquals(10, frames.picture().height());
      assertEquals(0x020202, frames.picture().pixels()[31]);
      assertEquals(0x010101, frames.picture().pixels()[2 * 16]);
      assertEquals(0, frames.picture().pixels()[9 * 16]);
    }
  }

  @Test
  void aPeerThatStopsInTheMiddleIsGivenUp() throws Exception {
    byte[] message =
        Message.marshal(
            new Message.Call(
                "", "/", LISTENER, "Scanout", "uuuuay", List.of(4, 4, 16, XRGB, new byte[64])),
            1,
            0);
    for (int length : new int[] {1, 15, 16, 100, message.length - 64, message.length - 1}) {
      try (FakeQemu qemu = new FakeQemu(new FrameCollector(), "", 500_000_000L)) {
        qemu.sendRaw(java.util.Arrays.copyOf(message, length));
        Throwable why = qemu.end();
        assertNotNull(why, "after " + length + " bytes");
        assertTrue(why.getMessage().contains("in time"), why::getMessage);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'', in time", // silent
    "OK 0123, in time", // and then silent
    "REJECTED EXTERNAL, refuses user",
    "OK 0123\\r\\nERROR, does not pass file descriptors"
  })
  void aPeerThatDoesNotAuthenticateIsGivenUp(String says, String words) throws Exception {
    UnixSocket[] pair = UnixSocket.pair("hostile peer");
    try (WireSocket peer = new WireSocket(pair[0])) {
      if (!says.isEmpty()) {
        peer.send((says.replace("\\r\\n", "\r\n") + "\r\n").getBytes(StandardCharsets.US_ASCII));
      }
      IOException why =
          assertThrows(IOException.class, () -> CallServer.over(pair[1], 300_000_000L));
      assertTrue(why.getMessage().contains(words), why::getMessage);
    }
  }

  @Test
  void aPeerThatTalksWithoutEndIsGivenUp() throws Exception {
    UnixSocket[] pair = UnixSocket.pair("hostile peer");
    try (WireSocket peer = new WireSocket(pair[0])) {
      peer.send(new byte[4096]);
      IOException why =
          assertThrows(IOException.class, () -> CallServer.over(pair[1], 10_000_000_000L));
      assertTrue(why.getMessage().contains("longer than 512"), why::getMessage);
    }
  }

  @Test
  void aPeerThatHangsUpInTheMiddleIsAnEnd() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.sendRaw(new byte[] {'l', 1, 0, 1});
      qemu.hangUp();
      assertNull(qemu.end());
    }
  }

  @Test
  void tooLongMessagesAreRefusedBeforeTheyAreRead() throws Exception {
    byte[] header = new byte[16];
    header[0] = 'l';
    header[1] = 1;
    header[3] = 1;
    header[7] = 9; // 9 * 16 MiB
    header[8] = 1;
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      qemu.sendRaw(header);
      Throwable why = qemu.end();
      assertTrue(why.getMessage().contains("150994944 bytes"), why::getMessage);
    }
  }

  @Test
  void unknownCallsAreRefusedAndTheRestGoesOn() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      int unknown = qemu.call(LISTENER, "Explode", "ay", List.of(new byte[100_000]));
      qemu.answer();
      assertTrue(qemu.wasRefused());
      assertEquals(unknown, qemu.lastReply());
      qemu.scanout(4, 4, (byte) 7);
      frames.await("a picture", f -> f.picture() != null);
    }
  }

  @Test
  void aFloodCostsNoMoreThanItsLastPicture() throws Exception {
    try (FakeQemu qemu = new FakeQemu(frames, "")) {
      // Somebody must take the answers, or the flood ends by itself.
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  while (true) {
                    qemu.answer();
                  }
                } catch (Exception | AssertionError e) {
                  // the end of the flood
                }
              });
      qemu.scanout(64, 64, (byte) 1);
      for (int i = 0; i < 20_000; i++) {
        qemu.update(i % 60, i % 61, 3, 3, (byte) i);
      }
      qemu.scanout(64, 64, (byte) 99);
      frames.await("the last", f -> f.picture() != null && f.picture().pixels()[0] == 0x636363);
      assertTrue(frames.frames() < 20_000, () -> frames.frames() + " frames");
    }
  }
}
