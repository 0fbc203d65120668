// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.guestcam.uapi.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The wire, with a xenstored by script: its answers are put there before they are asked for. */
class XenStoreConnectionTest {
  private final Arena arena = Arena.ofConfined();
  private UnixSocket daemon;
  private XenStoreConnection store;

  @BeforeEach
  void connect() throws IOException {
    UnixSocket[] pair = UnixSocket.pair("xenstored");
    daemon = pair[1];
    // As the device would be; a socket waits, so every answer must be there.
    store = new XenStoreConnection(pair[0].fd());
  }

  @AfterEach
  void disconnect() {
    store.close();
    daemon.close();
    arena.close();
  }

  private void say(int type, int request, String payload) {
    byte[] bytes = payload.getBytes(StandardCharsets.UTF_8);
    MemorySegment out = arena.allocate(16L + bytes.length, 8);
    out.set(JAVA_INT, 0, type);
    out.set(JAVA_INT, 4, request);
    out.set(JAVA_INT, 12, bytes.length);
    MemorySegment.copy(bytes, 0, out, JAVA_BYTE, 16, bytes.length);
    assertEquals(out.byteSize(), daemon.send(out, 0, out.byteSize()));
  }

  @Test
  void readsAndLists() throws IOException {
    say(2, 1, "Domain-0");
    assertEquals(Optional.of("Domain-0"), store.read("/local/domain/0/name"));
    say(1, 2, "a\0b\0");
    assertEquals(List.of("a", "b"), store.list("/local"));
    say(1, 3, "");
    assertEquals(List.of(), store.list("/local"));
    say(16, 4, "ENOENT\0");
    assertEquals(Optional.empty(), store.read("/nothing"));
    say(16, 5, "EACCES\0");
    assertThrows(IOException.class, () -> store.write("/x", "y"));
  }

  @Test
  void keepsNewsThatComesBetweenQuestionAndAnswer() throws IOException {
    say(15, 0, "/local/a\0token\0");
    say(2, 99, "an answer to nobody");
    say(2, 1, "yes");
    assertEquals(Optional.of("yes"), store.read("/q"));
    assertEquals("/local/a", store.nextChange());
  }

  @Test
  void errorsAreSaid() {
    say(16, 1, "EQUOTA\0");
    IOException e = assertThrows(IOException.class, () -> store.write("/x", "y"));
    assertTrue(e.getMessage().contains("EQUOTA"), e.getMessage());
    assertThrows(IOException.class, () -> store.write("/x", "y".repeat(5000)));
  }

  @Test
  void aMessageThatIsTooLongIsTheEnd() {
    MemorySegment out = arena.allocate(16, 8);
    out.set(JAVA_INT, 12, 0x7fff_ffff);
    assertEquals(16, daemon.send(out, 0, 16));
    assertThrows(IOException.class, () -> store.read("/x"));
  }

  @Test
  void aDaemonThatIsGoneIsSaid() {
    daemon.shutdown();
    assertThrows(IOException.class, () -> store.read("/x"));
  }
}
