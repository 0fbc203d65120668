// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import jnr.ffi.LastError;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.xen.ffi.LibC;
import org.guestcam.xen.ffi.LibXenstore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** libxenstore's results and errors, from a library that plays it. */
class LibraryXenStoreTest {
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();

  private final Played library = new Played();
  private LibraryXenStore store;

  @BeforeEach
  void open() throws Exception {
    library.news = new EventFd("news");
    store = new LibraryXenStore(library, library, RUNTIME);
  }

  @AfterEach
  void nothingIsLeft() {
    store.close();
    store.close();
    library.news.close();
    assertEquals(1, library.closed);
    assertEquals(Set.of(), library.lent, "memory of the library's that nobody freed");
  }

  @Test
  void readsWritesListsAndRemoves() throws Exception {
    store.write("/local/name", "größer");
    store.write("/local/id", "");
    assertEquals(Optional.of("größer"), store.read("/local/name"));
    assertEquals(Optional.of(""), store.read("/local/id"));
    assertEquals(List.of("id", "name"), store.list("/local"));
    store.remove("/local/name");
    assertEquals(Optional.empty(), store.read("/local/name"));
    assertEquals(List.of(), store.list("/elsewhere"));
    store.remove("/local/name");
  }

  @Test
  void ownersAndReadersAreXenstoresPermissions() throws Exception {
    store.share("/local", 3, 0);
    assertArrayEquals(new int[] {3, 0, 0, 1}, library.permissions);
  }

  @Test
  void newsComeOneByOneAndThenNone() throws Exception {
    store.watch("/local");
    library.changes.add("/local/name");
    library.changes.add("/local/id");
    assertEquals("/local/name", store.nextChange());
    assertEquals("/local/id", store.nextChange());
    assertNull(store.nextChange());
    store.unwatch("/local");
    store.unwatch("/local");
    assertFalse(library.watched);
    store.close();
    assertThrows(IllegalStateException.class, store::nextChange);
  }

  @Test
  void aStoreThatIsGoneIsNoEmptyNode() {
    library.gone = true;
    for (Task task :
        List.<Task>of(
            () -> store.read("/local"),
            () -> store.list("/local"),
            () -> store.write("/local", "1"),
            () -> store.remove("/local"),
            () -> store.share("/local", 0, 1),
            () -> store.watch("/local"),
            () -> store.unwatch("/local"),
            () -> store.nextChange())) {
      ErrnoException e = assertThrows(ErrnoException.class, task::run);
      assertTrue(e.is(Errno.EPIPE), e.getMessage());
    }
  }

  private interface Task {
    void run() throws IOException;
  }

  /** A store of its own; it knows which memory of its results was not freed. */
  private static final class Played implements LibXenstore, LibC {
    private static final long HANDLE = 4096;

    final TreeMap<String, String> nodes = new TreeMap<>();
    final ArrayDeque<String> changes = new ArrayDeque<>();
    final Set<Long> lent = new HashSet<>();
    final List<Pointer> kept = new ArrayList<>(); // jnr frees what nobody reaches
    int[] permissions;
    boolean watched;
    boolean gone;
    int closed;
    EventFd news;

    private Pointer lend(byte[] bytes) {
      Pointer memory = Memory.allocateDirect(RUNTIME, Math.max(1, bytes.length));
      memory.put(0, bytes, 0, bytes.length);
      kept.add(memory);
      lent.add(memory.address());
      return memory;
    }

    private Pointer lend(List<String> strings) {
      Pointer array = lend(new byte[8 * strings.size()]);
      for (int i = 0; i < strings.size(); i++) {
        byte[] bytes = (strings.get(i) + "\0").getBytes(StandardCharsets.UTF_8);
        Pointer string = Memory.allocateDirect(RUNTIME, bytes.length);
        string.put(0, bytes, 0, bytes.length);
        kept.add(string); // of the array's memory: it is not freed by itself
        array.putPointer(8L * i, string);
      }
      return array;
    }

    private boolean fail(Errno errno) {
      LastError.setLastError(RUNTIME, (gone ? Errno.EPIPE : errno).number());
      return false;
    }

    @Override
    public void free(Pointer memory) {
      assertTrue(lent.remove(memory.address()), "freed, but not lent");
    }

    @Override
    public Pointer xs_open(long flags) {
      return Pointer.wrap(RUNTIME, HANDLE);
    }

    @Override
    public void xs_close(Pointer handle) {
      closed++;
    }

    @Override
    public Pointer xs_read(Pointer handle, int transaction, String path, int[] length) {
      String value = nodes.get(path);
      if (gone || value == null) {
        fail(Errno.ENOENT);
        return null;
      }
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      length[0] = bytes.length;
      return lend(bytes);
    }

    @Override
    public boolean xs_write(Pointer handle, int transaction, String path, byte[] data, int length) {
      nodes.put(path, new String(data, 0, length, StandardCharsets.UTF_8));
      return !gone || fail(Errno.EPIPE);
    }

    @Override
    public Pointer xs_directory(Pointer handle, int transaction, String path, int[] count) {
      List<String> names =
          nodes.keySet().stream()
              .filter(node -> node.startsWith(path + "/"))
              .map(node -> node.substring(path.length() + 1))
              .toList();
      if (gone || names.isEmpty()) {
        fail(Errno.ENOENT);
        return null;
      }
      count[0] = names.size();
      return lend(names);
    }

    @Override
    public boolean xs_rm(Pointer handle, int transaction, String path) {
      return (!gone && nodes.remove(path) != null) || fail(Errno.ENOENT);
    }

    @Override
    public boolean xs_set_permissions(
        Pointer handle, int transaction, String path, int[] given, int count) {
      assertEquals(given.length, 2 * count);
      permissions = given;
      return !gone || fail(Errno.EPIPE);
    }

    @Override
    public boolean xs_watch(Pointer handle, String path, String token) {
      watched = true;
      return !gone || fail(Errno.EPIPE);
    }

    @Override
    public boolean xs_unwatch(Pointer handle, String path, String token) {
      boolean was = watched;
      watched = false;
      return (!gone && was) || fail(Errno.ENOENT);
    }

    @Override
    public int xs_fileno(Pointer handle) {
      return news.fd().number();
    }

    @Override
    public Pointer xs_check_watch(Pointer handle) {
      if (gone || changes.isEmpty()) {
        fail(Errno.EAGAIN);
        return null;
      }
      return lend(List.of(changes.poll(), "token"));
    }
  }
}
