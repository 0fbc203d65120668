// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.ioctl_gntdev_dmabuf_exp_from_refs;
import org.guestcam.uapi.abi.ioctl_gntdev_dmabuf_exp_wait_released;
import org.guestcam.uapi.abi.ioctl_gntdev_dmabuf_imp_release;
import org.guestcam.uapi.abi.ioctl_gntdev_dmabuf_imp_to_refs;
import org.guestcam.uapi.abi.ioctl_gntdev_map_grant_ref;
import org.guestcam.uapi.abi.ioctl_gntdev_unmap_grant_ref;

/**
 * /dev/xen/gntdev: pages that another domain grants, as memory of this process or as a dma-buf, and
 * a dma-buf of this domain as grants for another one ({@code xen/gntdev.h}).
 *
 * <p>Owns its descriptor. The kernel takes back what was mapped and granted through it when it is
 * closed, and so when this process dies; an exported dma-buf lives on until its own last reference.
 * Grant references and domains come from guests: the kernel and Xen check them, and a wrong one is
 * an {@link ErrnoException}.
 */
public final class GrantDevice implements GrantDmaBufs, AutoCloseable {
  /** The device. */
  public static final Path DEVICE = Path.of("/dev/xen/gntdev");

  /** Exported memory is mapped write-combined. */
  public static final int WRITE_COMBINED = Uapi.GNTDEV_DMA_FLAG_WC();

  /** Exported memory is coherent for devices, and contiguous. */
  public static final int COHERENT = Uapi.GNTDEV_DMA_FLAG_COHERENT();

  /** The bytes that one grant reference stands for, whatever the page size of the kernel is. */
  public static final int GRANT_SIZE = 4096;

  private final Fd fd;

  private GrantDevice(Fd fd) {
    this.fd = fd;
  }

  /** Opens the device: ENOENT where xen-gntdev is not loaded, EACCES without the rights. */
  public static GrantDevice open() throws ErrnoException {
    return new GrantDevice(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /**
   * Whether this kernel's gntdev has the dma-buf calls (CONFIG_XEN_GNTDEV_DMABUF); empty where it
   * cannot be opened.
   */
  public static Optional<Boolean> makesDmaBufs() {
    try (GrantDevice device = open()) {
      // No dma-buf has that number: ENOENT from who knows the call.
      return Optional.of(!Errno.ENOTTY.is(device.awaitReleased(-1, 0)));
    } catch (ErrnoException e) {
      return Optional.empty();
    }
  }

  /** The descriptor, borrowed. */
  Fd fd() {
    return fd;
  }

  /**
   * Maps pages that {@code domain} grants, one behind the other; the caller closes the mapping.
   *
   * @param refs one a page
   * @param protection {@link Mapping#READ} or {@link Mapping#READ_WRITE}
   */
  public GrantMapping map(int domain, int[] refs, int protection) throws ErrnoException {
    long index;
    try (Arena scratch = Arena.ofConfined()) {
      long header = ioctl_gntdev_map_grant_ref.refs$offset();
      MemorySegment argument = scratch.allocate(header + 8L * refs.length, 8);
      ioctl_gntdev_map_grant_ref.count(argument, refs.length);
      for (int i = 0; i < refs.length; i++) {
        argument.set(JAVA_INT, header + 8L * i, domain);
        argument.set(JAVA_INT, header + 8L * i + 4, refs[i]);
      }
      Ioctl.require(fd, Uapi.IOCTL_GNTDEV_MAP_GRANT_REF(), "IOCTL_GNTDEV_MAP_GRANT_REF", argument);
      index = ioctl_gntdev_map_grant_ref.index(argument);
    }
    try {
      Mapping mapping = Mapping.of(fd, index, (long) refs.length * GRANT_SIZE, protection);
      return new GrantMapping(this, index, refs.length, mapping);
    } catch (ErrnoException e) {
      unmap(index, refs.length);
      throw e;
    }
  }

  /** Takes a mapping's grants back, after munmap. */
  int unmap(long index, int count) {
    if (!fd.isOpen()) {
      return 0; // closing the device has done it
    }
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment argument = ioctl_gntdev_unmap_grant_ref.allocate(scratch);
      ioctl_gntdev_unmap_grant_ref.index(argument, index);
      ioctl_gntdev_unmap_grant_ref.count(argument, count);
      return Ioctl.call(fd, Uapi.IOCTL_GNTDEV_UNMAP_GRANT_REF(), argument);
    }
  }

  @Override
  public DmaBuf exportDmaBuf(int domain, int[] refs, int flags) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      long header = ioctl_gntdev_dmabuf_exp_from_refs.refs$offset();
      MemorySegment argument = scratch.allocate(header + 4L * refs.length, 8);
      ioctl_gntdev_dmabuf_exp_from_refs.flags(argument, flags);
      ioctl_gntdev_dmabuf_exp_from_refs.count(argument, refs.length);
      ioctl_gntdev_dmabuf_exp_from_refs.domid(argument, domain);
      MemorySegment.copy(refs, 0, argument, JAVA_INT, header, refs.length);
      Ioctl.require(
          fd,
          Uapi.IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS(),
          "IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS",
          argument);
      Fd exported =
          Fd.own(ioctl_gntdev_dmabuf_exp_from_refs.fd(argument), "pages of domain " + domain);
      try {
        return DmaBuf.own(exported);
      } catch (ErrnoException e) {
        exported.close();
        throw e;
      }
    }
  }

  @Override
  public int awaitReleased(int number, int millis) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment argument = ioctl_gntdev_dmabuf_exp_wait_released.allocate(scratch);
      ioctl_gntdev_dmabuf_exp_wait_released.fd(argument, number);
      ioctl_gntdev_dmabuf_exp_wait_released.wait_to_ms(argument, millis);
      return Ioctl.call(fd, Uapi.IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED(), argument);
    }
  }

  @Override
  public int[] grant(DmaBuf dmaBuf, int domain) throws ErrnoException {
    int count = Math.toIntExact(dmaBuf.size() / GRANT_SIZE);
    try (Arena scratch = Arena.ofConfined()) {
      long header = ioctl_gntdev_dmabuf_imp_to_refs.refs$offset();
      MemorySegment argument = scratch.allocate(header + 4L * count, 8);
      ioctl_gntdev_dmabuf_imp_to_refs.fd(argument, dmaBuf.fd().number());
      ioctl_gntdev_dmabuf_imp_to_refs.count(argument, count);
      ioctl_gntdev_dmabuf_imp_to_refs.domid(argument, domain);
      Ioctl.require(
          fd, Uapi.IOCTL_GNTDEV_DMABUF_IMP_TO_REFS(), "IOCTL_GNTDEV_DMABUF_IMP_TO_REFS", argument);
      return argument.asSlice(header).toArray(JAVA_INT);
    }
  }

  @Override
  public int releaseGranted(DmaBuf dmaBuf) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment argument = ioctl_gntdev_dmabuf_imp_release.allocate(scratch);
      ioctl_gntdev_dmabuf_imp_release.fd(argument, dmaBuf.fd().number());
      return Ioctl.call(fd, Uapi.IOCTL_GNTDEV_DMABUF_IMP_RELEASE(), argument);
    }
  }

  @Override
  public void close() {
    fd.close();
  }
}
