// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixListenerTest {
  @TempDir Path scratch;

  @Test
  void bytesAndDescriptorsArrive() throws Exception {
    String path = scratch.resolve("a.sock").toString();
    try (UnixListener listener = UnixListener.bind(path);
        Arena arena = Arena.ofConfined();
        Memfd memory = Memfd.create("sent", 4096)) {
      assertNull(listener.accept());
      try (UnixSocket client = UnixSocket.connect(path);
          UnixSocket server = listener.accept()) {
        assertNotNull(server);
        MemorySegment message = arena.allocateFrom("hello");
        assertEquals(6, client.send(message, 0, 6, memory.fd()));
        MemorySegment into = arena.allocate(6);
        IoVector vector = new IoVector();
        vector.add(into, 0, 6);
        assertEquals(6, server.receive(vector));
        assertEquals("hello", into.getString(0));
        try (Fd got = server.takeFd(0, "got")) {
          assertEquals(FileView.inode(memory.fd()), FileView.inode(got));
        }
      }
    }
    assertFalse(Files.exists(Path.of(path)), "the path goes with the listener");
  }

  @Test
  void aLiveListenerIsNotReplacedAndADeadOneIs() throws Exception {
    String path = scratch.resolve("b.sock").toString();
    try (UnixListener first = UnixListener.bind(path)) {
      ErrnoException e = assertThrows(ErrnoException.class, () -> UnixListener.bind(path));
      assertTrue(e.is(Errno.EADDRINUSE));
      assertTrue(first.fd().isOpen());
    }
    Files.delete(
        Files.writeString(scratch.resolve("c"), "")); // the directory can be written: not the cause
    // A socket whose process died: its file stays.
    try (UnixListener dying = UnixListener.bind(path)) {
      dying.fd().close();
    }
    assertTrue(Files.exists(Path.of(path)));
    try (UnixListener second = UnixListener.bind(path)) {
      assertTrue(second.fd().isOpen());
    }
  }

  @Test
  void aFileInTheWayStays() throws Exception {
    Path file = Files.writeString(scratch.resolve("d.sock"), "mine");
    assertThrows(ErrnoException.class, () -> UnixListener.bind(file.toString()));
    assertEquals("mine", Files.readString(file));
  }

  @Test
  void anAdoptedEventFdNeverBlocks() throws Exception {
    try (EventFd event = new EventFd("mine")) {
      Fd blocking = event.fd().duplicate();
      try (EventFd adopted = EventFd.own(blocking)) {
        adopted.drain();
        adopted.signal();
        adopted.drain();
      }
    }
  }
}
