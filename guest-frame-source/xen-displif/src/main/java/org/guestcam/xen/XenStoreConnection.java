// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Poll;

/**
 * Speaks xenstore's protocol ({@code xen/io/xs_wire.h}) over the kernel's /dev/xen/xenbus, which
 * leads to xenstored from dom0 and from a driver domain alike.
 *
 * <pre>
 *   message:  0 u32 type | 4 u32 request | 8 u32 transaction | 12 u32 length | 16 bytes
 * </pre>
 */
final class XenStoreConnection implements XenStore {
  static final Path DEVICE = Path.of("/dev/xen/xenbus");

  private static final int DIRECTORY = 1;
  private static final int READ = 2;
  private static final int WATCH = 4;
  private static final int UNWATCH = 5;
  private static final int WRITE = 11;
  private static final int RM = 13;
  private static final int SET_PERMS = 14;
  private static final int WATCH_EVENT = 15;
  private static final int ERROR = 16;

  private static final int HEADER = 16;
  private static final int MAX_PAYLOAD = 4096;
  private static final long PATIENCE = 10_000_000_000L;

  /** More news than this that nobody takes: somebody floods the store. */
  private static final int MAX_CHANGES = 100_000;

  private final Fd fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment message = arena.allocate(HEADER + MAX_PAYLOAD, 8);
  private final Poll poll = new Poll(1);
  private final ArrayDeque<String> changes = new ArrayDeque<>();
  private int received; // bytes of an incomplete message
  private int requests;

  /** Takes over {@code fd}, which does not block. */
  XenStoreConnection(Fd fd) {
    this.fd = fd;
  }

  /** Opens the kernel's device: ENOENT in no domain of Xen, EACCES without the rights. */
  static XenStoreConnection open() throws ErrnoException {
    return new XenStoreConnection(Fd.open(DEVICE, Fd.O_RDWR | Fd.O_NONBLOCK));
  }

  @Override
  public Optional<String> read(String path) throws IOException {
    return ask(READ, path + "\0").map(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  @Override
  public void write(String path, String value) throws IOException {
    require(WRITE, path, path + "\0" + value);
  }

  @Override
  public List<String> list(String path) throws IOException {
    return ask(DIRECTORY, path + "\0")
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
        .filter(names -> !names.isEmpty())
        .map(names -> List.of(names.split("\0")))
        .orElse(List.of());
  }

  @Override
  public void remove(String path) throws IOException {
    ask(RM, path + "\0");
  }

  @Override
  public void share(String path, int owner, int reader) throws IOException {
    require(SET_PERMS, path, path + "\0n" + owner + "\0r" + reader + "\0");
  }

  @Override
  public void watch(String path) throws IOException {
    require(WATCH, path, path + "\0" + path + "\0");
  }

  @Override
  public void unwatch(String path) throws IOException {
    ask(UNWATCH, path + "\0" + path + "\0");
  }

  private void require(int type, String path, String payload) throws IOException {
    if (ask(type, payload).isEmpty()) {
      throw new IOException("xenstore has no " + path + ", or it may not be changed");
    }
  }

  /** The answer's bytes; empty for ENOENT and EACCES, which are ordinary. */
  private Optional<byte[]> ask(int type, String payload) throws IOException {
    byte[] bytes = payload.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > MAX_PAYLOAD) {
      throw new IOException("a message of " + bytes.length + " bytes is too long for xenstore");
    }
    int request = ++requests;
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment out = scratch.allocate(HEADER + bytes.length, 8);
      out.set(JAVA_INT, 0, type);
      out.set(JAVA_INT, 4, request);
      out.set(JAVA_INT, 8, 0);
      out.set(JAVA_INT, 12, bytes.length);
      MemorySegment.copy(bytes, 0, out, JAVA_BYTE, HEADER, bytes.length);
      for (long sent = 0; sent < out.byteSize(); ) {
        long r = fd.write(out.asSlice(sent));
        if (Errno.EAGAIN.is((int) r)) {
          await(Poll.OUT);
        } else if (r < 0) {
          throw new ErrnoException("write", fd.name(), (int) -r);
        } else {
          sent += r;
        }
      }
    }
    while (true) {
      if (!receive()) {
        await(Poll.IN);
        continue;
      }
      byte[] answer = payload();
      int answered = message.get(JAVA_INT, 0);
      if (answered == WATCH_EVENT) {
        changed(answer);
      } else if (message.get(JAVA_INT, 4) == request) {
        if (answered != ERROR) {
          return Optional.of(answer);
        }
        String error = new String(answer, StandardCharsets.UTF_8).replace("\0", "");
        if (error.equals("ENOENT") || error.equals("EACCES")) {
          return Optional.empty();
        }
        throw new IOException("xenstore says " + error + " to " + payload.replace('\0', ' '));
      }
    }
  }

  /** Reads on without waiting; true when a whole message is there. */
  private boolean receive() throws IOException {
    while (true) {
      int wanted = HEADER;
      if (received >= HEADER) {
        int length = message.get(JAVA_INT, 12);
        if (length < 0 || length > MAX_PAYLOAD) {
          throw new IOException("xenstore sent a message of " + length + " bytes");
        }
        wanted += length;
        if (received == wanted) {
          received = 0;
          return true;
        }
      }
      long r = fd.read(message.asSlice(received, wanted - received));
      if (Errno.EAGAIN.is((int) r)) {
        return false;
      }
      if (r <= 0) {
        throw new IOException(
            "xenstore is gone: " + (r == 0 ? "end of stream" : Errno.describe((int) -r)));
      }
      received += (int) r;
    }
  }

  private byte[] payload() {
    return message.asSlice(HEADER, message.get(JAVA_INT, 12)).toArray(JAVA_BYTE);
  }

  private void changed(byte[] event) throws IOException {
    if (changes.size() >= MAX_CHANGES) {
      throw new IOException("xenstore told of more than " + MAX_CHANGES + " changes at once");
    }
    String text = new String(event, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    changes.add(end < 0 ? text : text.substring(0, end));
  }

  private void await(int events) throws IOException {
    poll.watch(0, fd, events);
    if (poll.await(PATIENCE) == 0 && poll.ready(0) == 0) {
      throw new IOException("xenstore has not answered for " + PATIENCE / 1_000_000_000 + " s");
    }
  }

  @Override
  public Fd fd() {
    return fd;
  }

  @Override
  public String nextChange() throws IOException {
    while (changes.isEmpty() && receive()) {
      if (message.get(JAVA_INT, 0) == WATCH_EVENT) {
        changed(payload());
      }
    }
    return changes.poll();
  }

  @Override
  public void close() {
    if (fd.isOpen()) {
      fd.close();
      poll.close();
      arena.close();
    }
  }
}
