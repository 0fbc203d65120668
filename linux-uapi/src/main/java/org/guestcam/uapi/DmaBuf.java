// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.dma_buf_export_sync_file;
import org.guestcam.uapi.abi.dma_buf_import_sync_file;
import org.guestcam.uapi.abi.dma_buf_sync;

/**
 * A dma-buf: memory that devices and processes share by a descriptor ({@code linux/dma-buf.h}).
 *
 * <p>Owns its descriptor. The memory lives until the last descriptor, mapping and device that uses
 * it has let go, so closing this never pulls a queued picture from under a device.
 */
public final class DmaBuf implements AutoCloseable {
  /** The CPU will read. */
  public static final long READ = 1;

  /** The CPU will write. */
  public static final long WRITE = 2;

  private static final long END = 4;
  private static final int MAX_NAME = 31;

  private final Fd fd;
  private final long size;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment sync = dma_buf_sync.allocate(arena);

  private DmaBuf(Fd fd, long size) {
    this.fd = fd;
    this.size = size;
  }

  /** Takes over {@code fd}, which must be a dma-buf; on failure the caller keeps it. */
  public static DmaBuf own(Fd fd) throws ErrnoException {
    return new DmaBuf(fd, fd.size());
  }

  /** The descriptor; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** Bytes, a multiple of the page size. */
  public long size() {
    return size;
  }

  /**
   * Begins CPU access; goes before the first read or write through a mapping. One thread at a time
   * brackets its access with these two. For calls of every frame: allocates nothing.
   *
   * @param access {@link #READ}, {@link #WRITE} or both
   * @return zero or a negative errno
   */
  public int beginCpuAccess(long access) {
    return sync(access);
  }

  /** Ends what {@link #beginCpuAccess} began, with the same {@code access}. */
  public int endCpuAccess(long access) {
    return sync(access | END);
  }

  private int sync(long flags) {
    dma_buf_sync.flags(sync, flags);
    int r;
    do {
      r = Ioctl.call(fd, Uapi.DMA_BUF_IOCTL_SYNC(), sync);
    } while (Errno.EAGAIN.is(r));
    return r;
  }

  /**
   * Maps all of it; the caller closes the mapping.
   *
   * @param protection {@link Mapping#READ} or {@link Mapping#READ_WRITE}
   * @throws ErrnoException where the exporter has no mmap, as Xen's gntdev
   */
  public Mapping map(int protection) throws ErrnoException {
    return Mapping.of(fd, 0, size, protection);
  }

  /**
   * The fences to wait for before an access, as a sync_file (Linux 6.0 and newer).
   *
   * @param access {@link #READ}: what readers must wait for; {@link #WRITE}: what writers must
   * @return a descriptor that polls readable when the fences are signalled; the caller owns it
   */
  public Fd exportSyncFile(long access) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment argument = dma_buf_export_sync_file.allocate(scratch);
      dma_buf_export_sync_file.flags(argument, (int) access);
      dma_buf_export_sync_file.fd(argument, -1);
      Ioctl.require(
          fd, Uapi.DMA_BUF_IOCTL_EXPORT_SYNC_FILE(), "DMA_BUF_IOCTL_EXPORT_SYNC_FILE", argument);
      return Fd.own(dma_buf_export_sync_file.fd(argument), "sync_file of " + fd.name());
    }
  }

  /**
   * Adds a fence that others must wait for (Linux 6.0 and newer).
   *
   * @param access {@link #WRITE}: readers wait for it; {@link #READ}: only writers do
   * @param syncFile stays owned by the caller
   */
  public void importSyncFile(Fd syncFile, long access) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment argument = dma_buf_import_sync_file.allocate(scratch);
      dma_buf_import_sync_file.flags(argument, (int) access);
      dma_buf_import_sync_file.fd(argument, syncFile.number());
      Ioctl.require(
          fd, Uapi.DMA_BUF_IOCTL_IMPORT_SYNC_FILE(), "DMA_BUF_IOCTL_IMPORT_SYNC_FILE", argument);
    }
  }

  /**
   * Names it for /sys/kernel/debug/dma_buf and /proc/PID/fdinfo.
   *
   * @param name at most 31 bytes
   */
  public void setName(String name) throws ErrnoException {
    if (name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
      throw new IllegalArgumentException(
          "a dma-buf's name has at most " + MAX_NAME + " bytes, got '" + name + "'");
    }
    try (Arena scratch = Arena.ofConfined()) {
      Ioctl.require(fd, Uapi.DMA_BUF_SET_NAME_B(), "DMA_BUF_SET_NAME", scratch.allocateFrom(name));
    }
  }

  @Override
  public void close() {
    if (fd.isOpen()) {
      fd.close();
      arena.close();
    }
  }
}
