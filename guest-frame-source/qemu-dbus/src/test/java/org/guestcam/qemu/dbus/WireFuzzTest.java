// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Whatever a peer sends, the parser returns or throws WireException. Inputs are damaged messages,
 * for random bytes hardly pass the first check; the seed is fixed, so that a failure comes again.
 */
class WireFuzzTest {
  /** -Dguestcam.fuzz=10000000 for a long run. */
  private static final long INPUTS = Long.getLong("guestcam.fuzz", 1_000_000);

  private static List<byte[]> seeds() throws WireException {
    List<byte[]> seeds = new ArrayList<>();
    seeds.add(
        Message.marshal(
            new Message.Call(
                ":1.2",
                "/org/qemu/Display1/Listener",
                "org.qemu.Display1.Listener",
                "Scanout",
                "uuuuay",
                List.of(4, 4, 16, 0x20020888, new byte[64])),
            7,
            0));
    seeds.add(
        Message.marshalReturn(
            8,
            7,
            "",
            "a{sv}",
            List.of(
                Map.of(
                    "Interfaces",
                    new Variant("as", List.of("one", "two")),
                    "Nested",
                    new Variant("v", new Variant("(ybnqixtd)", nested()))))));
    seeds.add(Message.marshalError(9, 7, ":1.3", "org.example.Error", "text"));
    seeds.add(
        Message.marshal(
            new Message.Call("", "/a", "b.c", "D", "aa(is)a{yas}goh", arrays()), 10, 1));
    return seeds;
  }

  private static List<Object> nested() {
    return List.of(1, true, -2, 3, -4, 5L, 6L, 7.5);
  }

  private static List<Object> arrays() {
    return List.of(
        List.of(List.of(List.of(1, "x")), List.of()),
        Map.of(3, List.of("y", "")),
        "a{sv}",
        "/path",
        0);
  }

  /** Parses as {@link Connection} does. */
  private static List<Object> parse(MessageHeader header, byte[] message) throws WireException {
    MemorySegment bytes = MemorySegment.ofArray(message);
    if (message.length < MessageHeader.FIXED) {
      throw new WireException("short");
    }
    MemorySegment.copy(bytes, 0, header.bytes(), 0, MessageHeader.FIXED);
    int size = header.parseFixed();
    if (size > message.length || header.bodyLength() > message.length - size) {
      throw new WireException("short");
    }
    MemorySegment.copy(bytes, 0, header.bytes(), 0, size);
    header.parseFields();
    MemorySegment body = bytes.asSlice(size);
    return new WireReader()
        .set(body, 0, header.bodyLength(), header.isBigEndian())
        .values(header.signature());
  }

  @Test
  void whatWeWriteWeRead() throws WireException {
    MessageHeader header = new MessageHeader();
    List<byte[]> seeds = seeds();
    List<Object> picture = parse(header, seeds.get(0));
    assertEquals("Scanout", header.member());
    assertEquals(16L, picture.get(2));
    Map<?, ?> properties = (Map<?, ?>) parse(header, seeds.get(1)).getFirst();
    assertEquals(List.of("one", "two"), ((Variant) properties.get("Interfaces")).value());
    Variant inner = (Variant) ((Variant) properties.get("Nested")).value();
    assertEquals(nested(), inner.value());
    assertEquals(List.of("text"), parse(header, seeds.get(2)));
    assertEquals("org.example.Error", header.errorName());
    assertEquals(arrays(), parse(header, seeds.get(3)));
    assertEquals(1, header.fds());
  }

  @Test
  void noDamagedMessageDoesHarm() throws WireException {
    SplittableRandom random = new SplittableRandom(20261121);
    List<byte[]> seeds = seeds();
    MessageHeader header = new MessageHeader();
    long accepted = 0;
    for (long i = 0; i < INPUTS; i++) {
      byte[] message = damage(seeds.get(random.nextInt(seeds.size())), random);
      try {
        parse(header, message);
        accepted++;
      } catch (WireException e) {
        assertTrue(e.getMessage() != null);
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError("input " + i + ": " + java.util.Arrays.toString(message), e);
      }
    }
    long passed = accepted;
    assertTrue(passed > INPUTS / 100, () -> "only " + passed + " inputs got through");
  }

  private static byte[] damage(byte[] seed, SplittableRandom random) {
    byte[] message = seed.clone();
    for (int hits = 1 + random.nextInt(4); hits > 0; hits--) {
      int at = random.nextInt(message.length);
      switch (random.nextInt(5)) {
        case 0 -> message[at] = (byte) random.nextInt(256);
        case 1 -> message[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> message[at] = (byte) 0xff;
        case 3 -> {
          int from = random.nextInt(message.length);
          int length = random.nextInt(1 + message.length - Math.max(at, from));
          System.arraycopy(message, from, message, at, length);
        }
        default -> {
          int length = random.nextInt(1, message.length + 1);
          message = MemorySegment.ofArray(message).asSlice(0, length).toArray(JAVA_BYTE);
        }
      }
    }
    return message;
  }
}
