// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.vhostgpu.vhost.GuestMemory;
import org.guestcam.vhostgpu.vhost.MemoryRegion;
import org.guestcam.vhostgpu.vhost.RingPlace;
import org.guestcam.vhostgpu.vhost.VhostSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a guest has said of its resources and displays, in a file that outlives this process: the
 * next guestcam that connects to the same QEMU goes on with it, for the guest does not say it
 * again.
 *
 * <p>It holds only for the very guest that it was written of, and only as far as that was served:
 * the memory's files, addresses and inodes, the ring's addresses, and the number of requests that
 * were given back (which stands in the ring too, and no other process moves) must be the same. Each
 * number is checked as if the guest had sent it just now; what a forged file can show are pages of
 * that guest. The pointer is not kept. The device's thread owns it; following a frame allocates
 * nothing and calls nobody.
 *
 * <pre>
 *   0 u64 magic | 8 u32 1: whole | 12 u32 given back | 16 u64 descriptors | 24 u64 available | 32 u64 used
 *   40 u32 regions | 44 u32 resources | 48 u64 bytes behind 4096
 *   64 displays[16], 64 bytes each: 0 u32 resource, 0: none | 4 u32 fourcc | 8 u32 x, y, width, height
 *                                   24 u64 offset | 32 u64 stride
 *   4096 regions[], 40 bytes each: u64 guest address, size, user address, file offset, inode
 *        resources[]: u32 id, format, width, height | u64 blob's bytes | u32 ranges | {u64 address | u32 length}[]
 * </pre>
 */
final class KeptTable implements AutoCloseable {
  /** Overrides the directory of these files; for tests. */
  static final String DIRECTORY = "guestcam.tables";

  private static final Logger LOG = LoggerFactory.getLogger(KeptTable.class);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final long MAGIC = 0x3162_6174_6d61_6367L; // "gcmatab1"
  private static final int WHOLE = 8;
  private static final int USED = 12;
  private static final int PLACE = 16;
  private static final int REGIONS = 40;
  private static final int RESOURCES = 44;
  private static final int BODY = 48;
  private static final int DISPLAYS = 64;
  private static final int DISPLAY = 64;
  private static final int HEADER = 4096;
  private static final int REGION = 40;
  private static final int RESOURCE = 28;
  private static final int RANGE = 12;
  private static final int MAX_BODY =
      GuestMemory.MAX_REGIONS * REGION
          + ResourceTable.MAX_RESOURCES * RESOURCE
          + ResourceTable.MAX_RANGES * RANGE;

  /** A guest that makes and drops resources all the time does not keep this side busy, ns. */
  private static final long SAVE_EVERY = 250_000_000L;

  private final Path file;
  private final FileChannel channel;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment header;
  private final View[] noted = new View[Gpu.SCANOUTS];
  private boolean begun;
  private boolean whole;
  private boolean dirty;
  private long savedAt = System.nanoTime() - SAVE_EVERY;

  private KeptTable(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    if (channel.size() < HEADER) {
      // Written, not only mapped: a full file system says so here, and kills nobody later.
      channel.write(ByteBuffer.allocate(HEADER), 0);
    }
    header = channel.map(FileChannel.MapMode.READ_WRITE, 0, HEADER, arena);
  }

  /**
   * The table of the guest behind a socket; or null where there is no place for one, which the log
   * says.
   */
  static KeptTable of(String socket) {
    Path directory = directory();
    if (directory == null) {
      LOG.debug("no XDG_RUNTIME_DIR: a next guestcam will not know this guest's buffers");
      return null;
    }
    FileChannel channel = null;
    try {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      requireOwn(directory);
      Path file = directory.resolve(name(socket));
      channel =
          FileChannel.open(
              file,
              Set.of(
                  StandardOpenOption.READ,
                  StandardOpenOption.WRITE,
                  StandardOpenOption.CREATE,
                  LinkOption.NOFOLLOW_LINKS),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      requireOwn(file);
      if (channel.tryLock() == null) {
        throw new IOException("another guestcam uses " + file);
      }
      return new KeptTable(file, channel);
    } catch (IOException | OverlappingFileLockException e) {
      LOG.warn("a next guestcam will not know this guest's buffers: {}", e.toString());
      closeQuietly(channel);
      return null;
    }
  }

  private static Path directory() {
    String given = System.getProperty(DIRECTORY);
    if (given != null) {
      return Path.of(given);
    }
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null && runtime.startsWith("/")) {
      return Path.of(runtime, "guestcam-tables");
    }
    return "root".equals(System.getProperty("user.name")) ? Path.of("/run/guestcam-tables") : null;
  }

  private static void requireOwn(Path path) throws IOException {
    Object owner = Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    if (!owner.equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")) || (mode & 022) != 0) {
      throw new IOException(path + " can be written by others than this user");
    }
  }

  /** The file of a socket. */
  static String name(String socket) {
    try {
      byte[] path = Path.of(socket).toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8);
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(path);
      return "vhost-user-gpu-" + HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  private static void closeQuietly(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.debug("closing a table", e);
      }
    }
  }

  /**
   * A guest's ring begins, of which this process knows nothing.
   *
   * @param resources empty; filled where the file knows this guest, and then its displays are set
   * @return whether it does
   */
  boolean begin(VhostSession session, ResourceTable resources, Scanout[] scanouts) {
    RingPlace place = session.place(Gpu.CONTROL);
    boolean known = !begun && isOf(session, place) && restore(session, resources, scanouts);
    begun = true;
    Arrays.fill(noted, null);
    if (known) {
      whole = true;
      dirty = false;
      LOG.info("goes on with {} buffers that the guest has told of before", resources.count());
      return true;
    }
    resources.clear();
    changes();
    header.set(LONG, 0, MAGIC);
    header.set(LONG, PLACE, place.descriptors());
    header.set(LONG, PLACE + 8, place.available());
    header.set(LONG, PLACE + 16, place.used());
    header.asSlice(DISPLAYS, (long) DISPLAY * Gpu.SCANOUTS).fill((byte) 0);
    return false;
  }

  private boolean isOf(VhostSession session, RingPlace place) {
    int used = session.queue(Gpu.CONTROL).used();
    return header.get(LONG, 0) == MAGIC
        && header.get(INT, WHOLE) == 1
        && used != 0 // a driver that begins anew
        && used == place.base()
        && header.get(INT, USED) == used
        && header.get(LONG, PLACE) == place.descriptors()
        && header.get(LONG, PLACE + 8) == place.available()
        && header.get(LONG, PLACE + 16) == place.used();
  }

  private boolean restore(VhostSession session, ResourceTable resources, Scanout[] scanouts) {
    GuestMemory memory = session.memory();
    try {
      long bytes = header.get(LONG, BODY);
      if (bytes < 0 || bytes > MAX_BODY) {
        return false;
      }
      ByteBuffer body = ByteBuffer.allocate((int) bytes).order(ByteOrder.nativeOrder());
      while (body.hasRemaining() && channel.read(body, HEADER + body.position()) > 0) {}
      body.flip();
      return isMemory(body, header.get(INT, REGIONS), memory)
          && readResources(body, header.get(INT, RESOURCES), resources, memory)
          && setDisplays(resources, scanouts, memory);
    } catch (IOException | BufferUnderflowException e) {
      LOG.debug("a table that cannot be read", e);
      return false;
    }
  }

  private static boolean isMemory(ByteBuffer body, int count, GuestMemory memory) {
    boolean same = count == memory.count();
    for (int i = 0; i < count && same; i++) {
      MemoryRegion region = memory.region(i);
      same =
          body.getLong() == region.guestAddress()
              && body.getLong() == region.size()
              && body.getLong() == region.userAddress()
              && body.getLong() == region.fileOffset()
              && body.getLong() == region.inode();
    }
    return same;
  }

  private static boolean readResources(
      ByteBuffer body, int count, ResourceTable resources, GuestMemory memory) {
    for (int i = 0; i < count; i++) {
      int id = body.getInt();
      int format = body.getInt();
      int width = body.getInt();
      int height = body.getInt();
      long blob = body.getLong();
      int ranges = body.getInt();
      if (id == 0
          || resources.find(id) != null
          || !resources.hasRoom()
          || ranges < 0
          || ranges > Backing.MAX_RANGES
          || !resources.addRanges(ranges)) {
        return false;
      }
      Backing backing = ranges == 0 ? null : Backing.read(body, ranges, memory);
      if (backing == null && ranges != 0) {
        return false;
      }
      Resource resource;
      if (blob != 0) {
        if (blob < 0 || backing == null || backing.size() < blob) {
          return false;
        }
        resource = Resource.blob(id, blob, backing);
      } else {
        if (!GpuFormat.exists(format) || !Request.isSide(width) || !Request.isSide(height)) {
          return false;
        }
        resource = Resource.picture(id, format, width, height);
        resource.setBacking(backing);
      }
      resources.add(resource);
    }
    return true;
  }

  private boolean setDisplays(ResourceTable resources, Scanout[] scanouts, GuestMemory memory) {
    View[] views = new View[scanouts.length];
    for (int i = 0; i < scanouts.length; i++) {
      MemorySegment display = header.asSlice(DISPLAYS + (long) i * DISPLAY, DISPLAY);
      int id = display.get(INT, 0);
      if (id == 0) {
        continue;
      }
      Resource resource = resources.find(id);
      PixelFormat format = format(display.get(INT, 4));
      int x = display.get(INT, 8);
      int y = display.get(INT, 12);
      long offset = display.get(LONG, 24);
      long stride = display.get(LONG, 32);
      if (resource == null
          || format == null
          || Math.min(x, y) < 0
          || Math.max(x, y) > Request.MAX_SIDE
          || !Request.isSide(display.get(INT, 16))
          || !Request.isSide(display.get(INT, 20))
          || offset >>> 32 != 0
          || stride >>> 32 != 0) {
        return false;
      }
      try {
        views[i] =
            View.of(
                resource, format, x, y, display.get(INT, 16), display.get(INT, 20), offset, stride);
      } catch (LayoutException e) {
        return false;
      }
    }
    for (int i = 0; i < scanouts.length; i++) {
      if (views[i] != null) {
        views[i].resource().setView(i, views[i]);
        scanouts[i].set(views[i], memory);
      }
    }
    return true;
  }

  /** Those that a scanout can have. */
  private static PixelFormat format(int fourcc) {
    return fourcc == PixelFormat.XRGB8888.drm()
        ? PixelFormat.XRGB8888
        : fourcc == PixelFormat.XBGR8888.drm() ? PixelFormat.XBGR8888 : null;
  }

  /** The file does not hold from now on, until the next {@link #follow}. */
  void changes() {
    dirty = true;
    if (whole || !begun) {
      header.set(INT, WHOLE, 0);
      VarHandle.releaseFence();
      whole = false;
    }
  }

  /** Every request so far was given back: the file says what they made. */
  void follow(VhostSession session, ResourceTable resources, Scanout[] scanouts) {
    if (!begun) {
      return;
    }
    for (int i = 0; i < scanouts.length; i++) {
      if (scanouts[i].view() != noted[i]) {
        note(i, scanouts[i].view());
      }
    }
    if (dirty) {
      long now = System.nanoTime();
      if (now - savedAt < SAVE_EVERY) {
        return;
      }
      savedAt = now;
      if (!save(session.memory(), resources)) {
        return;
      }
    }
    header.set(INT, USED, session.queue(Gpu.CONTROL).used());
    if (!whole) {
      VarHandle.releaseFence();
      header.set(INT, WHOLE, 1);
      whole = true;
    }
  }

  /** As {@link #follow}, without waiting: the ring ends. */
  void finish(VhostSession session, ResourceTable resources, Scanout[] scanouts) {
    savedAt = System.nanoTime() - SAVE_EVERY;
    follow(session, resources, scanouts);
  }

  /** When {@link #follow} wants to be called at the latest. */
  long wakeAt() {
    return begun && dirty ? savedAt + SAVE_EVERY : Answers.NEVER;
  }

  private void note(int index, View view) {
    noted[index] = view;
    long at = DISPLAYS + (long) index * DISPLAY;
    header.set(INT, at, view == null ? 0 : view.resource().id());
    if (view != null) {
      long stride = view.layout().stride(0);
      long first = view.originY() * stride + (long) view.originX() * GpuFormat.BYTES;
      header.set(INT, at + 4, view.layout().format().drm());
      header.set(INT, at + 8, view.originX());
      header.set(INT, at + 12, view.originY());
      header.set(INT, at + 16, view.layout().width());
      header.set(INT, at + 20, view.layout().height());
      header.set(LONG, at + 24, view.layout().offset(0) - first);
      header.set(LONG, at + 32, stride);
    }
  }

  private boolean save(GuestMemory memory, ResourceTable resources) {
    int[] bytes = {memory.count() * REGION};
    resources.forEach(
        r -> bytes[0] += RESOURCE + (r.backing() == null ? 0 : r.backing().writtenBytes()));
    ByteBuffer body = ByteBuffer.allocate(bytes[0]).order(ByteOrder.nativeOrder());
    for (int i = 0; i < memory.count(); i++) {
      MemoryRegion region = memory.region(i);
      body.putLong(region.guestAddress())
          .putLong(region.size())
          .putLong(region.userAddress())
          .putLong(region.fileOffset())
          .putLong(region.inode());
    }
    resources.forEach(
        r -> {
          body.putInt(r.id()).putInt(r.format()).putInt(r.width()).putInt(r.height());
          body.putLong(r.isBlob() ? r.size() : 0);
          body.putInt(r.backing() == null ? 0 : r.backing().count());
          if (r.backing() != null) {
            r.backing().write(body);
          }
        });
    body.flip();
    try {
      while (body.hasRemaining()) {
        int written = channel.write(body, HEADER + body.position());
        assert written > 0;
      }
    } catch (IOException e) {
      LOG.warn("a next guestcam will not know this guest's buffers: {}", e.toString());
      begun = false; // it stays as it is: not whole
      return false;
    }
    header.set(INT, REGIONS, memory.count());
    header.set(INT, RESOURCES, resources.count());
    header.set(LONG, BODY, bytes[0]);
    dirty = false;
    return true;
  }

  /** The guest is gone, and what it said with it. */
  void forget() {
    header.set(INT, WHOLE, 0);
    whole = false;
    begun = false;
    Arrays.fill(noted, null);
    try {
      channel.truncate(HEADER);
    } catch (IOException e) {
      LOG.debug("emptying {}", file, e);
    }
  }

  /** Leaves the file to the next process, where it has something to say. */
  @Override
  public void close() {
    if (!whole) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        LOG.debug("removing {}", file, e);
      }
    }
    arena.close();
    closeQuietly(channel);
  }
}
