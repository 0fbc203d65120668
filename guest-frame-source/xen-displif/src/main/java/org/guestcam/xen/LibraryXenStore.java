// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jnr.ffi.LastError;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.xen.ffi.LibC;
import org.guestcam.xen.ffi.LibXenstore;
import org.guestcam.xen.ffi.XenLibrary;

/**
 * Speaks to xenstored through libxenstore: by its socket in dom0, by the kernel's device elsewhere.
 * The library waits for an answer as long as it takes, and reads news on a thread of its own.
 */
final class LibraryXenStore implements XenStore {
  private static final int NO_TRANSACTION = 0;
  private static final int PERM_NONE = 0; // of xenstore_lib.h
  private static final int PERM_READ = 1;

  private final LibXenstore library;
  private final LibC memory;
  private final Runtime runtime;
  private final Pointer store;
  private final Fd news;
  private final int[] length = new int[1];

  /** Opens a connection: ENOENT in no domain of Xen, EACCES without the rights. */
  LibraryXenStore(LibXenstore library, LibC memory, Runtime runtime) throws ErrnoException {
    this.library = library;
    this.memory = memory;
    this.runtime = runtime;
    store = library.xs_open(0);
    if (store == null) {
      throw new ErrnoException("xs_open", "xenstored", LastError.getLastError(runtime));
    }
    try {
      news = Fd.duplicate(library.xs_fileno(store), "libxenstore");
    } catch (ErrnoException e) {
      library.xs_close(store);
      throw e;
    }
  }

  /**
   * Loads the library and opens a connection.
   *
   * @throws UnsatisfiedLinkError where it is not installed, with what would install it
   */
  static LibraryXenStore open() throws ErrnoException {
    LibXenstore library = XenLibrary.STORE.load(LibXenstore.class);
    LibC memory = XenLibrary.C.load(LibC.class);
    return new LibraryXenStore(library, memory, Runtime.getRuntime(library));
  }

  /** The connection, for a call that is made now: the library would use a closed one's memory. */
  private Pointer store() {
    if (!news.isOpen()) {
      throw new IllegalStateException("the connection to xenstored is closed");
    }
    return store;
  }

  @Override
  public Optional<String> read(String path) throws IOException {
    Pointer value = library.xs_read(store(), NO_TRANSACTION, path, length);
    if (value == null) {
      allow("xs_read", path);
      return Optional.empty();
    }
    byte[] bytes = new byte[length[0]];
    value.get(0, bytes, 0, bytes.length);
    memory.free(value);
    return Optional.of(new String(bytes, StandardCharsets.UTF_8));
  }

  @Override
  public void write(String path, String value) throws IOException {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    if (!library.xs_write(store(), NO_TRANSACTION, path, bytes, bytes.length)) {
      throw failure("xs_write", path);
    }
  }

  @Override
  public List<String> list(String path) throws IOException {
    Pointer names = library.xs_directory(store(), NO_TRANSACTION, path, length);
    if (names == null) {
      allow("xs_directory", path);
      return List.of();
    }
    List<String> list = new ArrayList<>(length[0]);
    for (int i = 0; i < length[0]; i++) {
      list.add(string(names, i));
    }
    memory.free(names);
    return list;
  }

  /** The string that an array's entry points to. */
  private static String string(Pointer array, int index) {
    return array.getPointer((long) index * Long.BYTES).getString(0);
  }

  @Override
  public void remove(String path) throws IOException {
    if (!library.xs_rm(store(), NO_TRANSACTION, path)) {
      allow("xs_rm", path);
    }
  }

  @Override
  public void share(String path, int owner, int reader) throws IOException {
    int[] permissions = {owner, PERM_NONE, reader, PERM_READ};
    if (!library.xs_set_permissions(
        store(), NO_TRANSACTION, path, permissions, permissions.length / 2)) {
      throw failure("xs_set_permissions", path);
    }
  }

  @Override
  public void watch(String path) throws IOException {
    if (!library.xs_watch(store(), path, path)) {
      throw failure("xs_watch", path);
    }
  }

  @Override
  public void unwatch(String path) throws IOException {
    if (!library.xs_unwatch(store(), path, path)) {
      allow("xs_unwatch", path);
    }
  }

  /** A node that is not there, or that may not be read, is ordinary. */
  private void allow(String call, String path) throws ErrnoException {
    ErrnoException failure = failure(call, path);
    if (!failure.is(Errno.ENOENT) && !failure.is(Errno.EACCES)) {
      throw failure;
    }
  }

  private ErrnoException failure(String call, String path) {
    return new ErrnoException(call, path, LastError.getLastError(runtime));
  }

  @Override
  public Fd fd() {
    return news;
  }

  @Override
  public String nextChange() throws IOException {
    Pointer change = library.xs_check_watch(store());
    if (change == null) {
      ErrnoException failure = failure("xs_check_watch", "xenstored");
      if (failure.is(Errno.EAGAIN)) {
        return null;
      }
      throw failure;
    }
    String path = string(change, 0);
    memory.free(change);
    return path;
  }

  @Override
  public void close() {
    if (news.isOpen()) {
      news.close();
      library.xs_close(store);
    }
  }
}
