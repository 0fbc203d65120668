// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.lang.foreign.Arena;

/**
 * An anonymous memory file, memfd_create(2): what the memory of a KVM guest is made of.
 *
 * <p>Owns its descriptor. Mappings and dma-bufs made of it live on when it is closed.
 */
public final class Memfd implements AutoCloseable {
  /** May not be sealed any further ({@code linux/fcntl.h}). */
  public static final int F_SEAL_SEAL = 0x1;

  /** May not become smaller: what udmabuf asks for. */
  public static final int F_SEAL_SHRINK = 0x2;

  /** May not become larger. */
  public static final int F_SEAL_GROW = 0x4;

  /** May not be written: udmabuf refuses such a file. */
  public static final int F_SEAL_WRITE = 0x8;

  /** May not be written from now on: udmabuf refuses such a file as well. */
  public static final int F_SEAL_FUTURE_WRITE = 0x10;

  private static final int MFD_CLOEXEC = 0x1;
  private static final int MFD_ALLOW_SEALING = 0x2;
  private static final int MFD_HUGETLB = 0x4;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;

  private final Fd fd;
  private final long size;

  private Memfd(Fd fd, long size) {
    this.fd = fd;
    this.size = size;
  }

  /**
   * A memory file that can be sealed.
   *
   * @param name shown in /proc/PID/fd, at most 249 bytes
   * @param size bytes; the pages are zero and come when they are touched
   */
  public static Memfd create(String name, long size) throws ErrnoException {
    return create(name, size, MFD_ALLOW_SEALING);
  }

  /** A memory file that refuses seals, as QEMU makes them for its display surfaces. */
  public static Memfd createUnsealable(String name, long size) throws ErrnoException {
    return create(name, size, 0);
  }

  /** A memory file of huge pages (the kernel's default size), sealable; needs reserved ones. */
  public static Memfd createHuge(String name, long size) throws ErrnoException {
    return create(name, size, MFD_ALLOW_SEALING | MFD_HUGETLB);
  }

  private static Memfd create(String name, long size, int flags) throws ErrnoException {
    String label = "memfd:" + name;
    Fd fd;
    try (Arena arena = Arena.ofConfined()) {
      int number = Libc.memfdCreate(arena.allocateFrom(name), flags | MFD_CLOEXEC);
      fd = Fd.own(ErrnoException.check(number, "memfd_create", label), label);
    }
    int r = Libc.ftruncate(fd.number(), size);
    if (r < 0) {
      fd.close();
      throw new ErrnoException("ftruncate to " + size, label, -r);
    }
    return new Memfd(fd, size);
  }

  /** Adds seals ({@link #F_SEAL_SHRINK} and the like); they can never be taken off. */
  public Memfd seal(int seals) throws ErrnoException {
    ErrnoException.check(Libc.fcntl(fd.number(), F_ADD_SEALS, seals), "F_ADD_SEALS", fd.name());
    return this;
  }

  /**
   * The seals of any descriptor.
   *
   * @return seals, or a negative errno: EINVAL for a file that is not a memfd
   */
  static int sealsOf(Fd fd) {
    return Libc.fcntl(fd.number(), F_GET_SEALS, 0);
  }

  /** The descriptor; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /** Bytes. */
  public long size() {
    return size;
  }

  /** Maps all of it read/write; the caller closes the mapping. */
  public Mapping map() throws ErrnoException {
    return Mapping.of(fd, 0, size, Mapping.READ_WRITE);
  }

  @Override
  public void close() {
    fd.close();
  }
}
