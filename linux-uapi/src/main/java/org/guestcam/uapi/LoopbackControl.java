// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.guestcam_loopback_camera;

/**
 * The control node of guestcam_loopback, which makes, removes and lists its cameras ({@code
 * loopback-module/uapi/guestcam_loopback.h}). Owns its descriptor.
 */
public final class LoopbackControl implements AutoCloseable {
  /** The device node. */
  public static final Path DEVICE = Path.of("/dev/guestcam-loopback");

  private final Fd device;

  private LoopbackControl(Fd device) {
    this.device = device;
  }

  /**
   * Opens the node.
   *
   * @throws ErrnoException ENOENT where the module is not loaded, EACCES without the rights
   */
  public static LoopbackControl open() throws ErrnoException {
    return new LoopbackControl(Fd.open(DEVICE, Fd.O_RDWR));
  }

  /**
   * Makes a camera.
   *
   * @return what it became
   * @throws ErrnoException EINVAL where a number is out of range, EEXIST where a node's number is
   *     taken, ENOSPC where there are as many cameras as the module makes
   */
  public LoopbackCamera create(LoopbackCamera wish) throws ErrnoException {
    byte[] name = wish.name().getBytes(StandardCharsets.UTF_8);
    if (name.length > LoopbackCamera.MAX_NAME) {
      throw new IllegalArgumentException(
          "name of " + name.length + " bytes: at most " + LoopbackCamera.MAX_NAME);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment camera = guestcam_loopback_camera.allocate(arena);
      int flags = 0;
      for (LoopbackCamera.Option option : wish.options()) {
        flags |= option.flag();
      }
      guestcam_loopback_camera.output_nr(camera, wish.outputNr());
      guestcam_loopback_camera.capture_nr(camera, wish.captureNr());
      guestcam_loopback_camera.flags(camera, flags);
      guestcam_loopback_camera.idle(camera, wish.idle().number());
      guestcam_loopback_camera.max_width(camera, wish.maxWidth());
      guestcam_loopback_camera.max_height(camera, wish.maxHeight());
      guestcam_loopback_camera.max_readers(camera, wish.maxReaders());
      guestcam_loopback_camera.reader_timeout_ms(camera, wish.readerTimeoutMillis());
      guestcam_loopback_camera.name(camera).copyFrom(MemorySegment.ofArray(name));
      Ioctl.require(device, Uapi.GUESTCAM_LOOPBACK_CREATE(), "GUESTCAM_LOOPBACK_CREATE", camera);
      return read(camera);
    }
  }

  /**
   * Removes a camera.
   *
   * @throws ErrnoException ENOENT where there is none of this id, EBUSY while a node of it is open
   */
  public void remove(int id) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocateFrom(JAVA_INT, id);
      Ioctl.require(device, Uapi.GUESTCAM_LOOPBACK_REMOVE(), "GUESTCAM_LOOPBACK_REMOVE", argument);
    }
  }

  /** The cameras that there are, by their ids. */
  public List<LoopbackCamera> list() throws ErrnoException {
    List<LoopbackCamera> cameras = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment camera = guestcam_loopback_camera.allocate(arena);
      while (true) {
        int r = Ioctl.call(device, Uapi.GUESTCAM_LOOPBACK_NEXT(), camera);
        if (Errno.ENOENT.is(r)) {
          return cameras;
        }
        ErrnoException.check(r, "GUESTCAM_LOOPBACK_NEXT", device.name());
        cameras.add(read(camera));
        guestcam_loopback_camera.id(camera, cameras.getLast().id() + 1);
      }
    }
  }

  private static LoopbackCamera read(MemorySegment camera) {
    int flags = guestcam_loopback_camera.flags(camera);
    Set<LoopbackCamera.Option> options = EnumSet.noneOf(LoopbackCamera.Option.class);
    for (LoopbackCamera.Option option : LoopbackCamera.Option.values()) {
      if ((flags & option.flag()) != 0) {
        options.add(option);
      }
    }
    return new LoopbackCamera(
        guestcam_loopback_camera.id(camera),
        guestcam_loopback_camera.output_nr(camera),
        guestcam_loopback_camera.capture_nr(camera),
        options,
        idle(guestcam_loopback_camera.idle(camera)),
        guestcam_loopback_camera.max_width(camera),
        guestcam_loopback_camera.max_height(camera),
        guestcam_loopback_camera.max_readers(camera),
        guestcam_loopback_camera.reader_timeout_ms(camera),
        guestcam_loopback_camera.users(camera),
        guestcam_loopback_camera.name(camera).getString(0));
  }

  /** A newer module may know more of it; then it is not one of these. */
  private static LoopbackCamera.Idle idle(int number) {
    for (LoopbackCamera.Idle idle : LoopbackCamera.Idle.values()) {
      if (idle.number() == number) {
        return idle;
      }
    }
    return LoopbackCamera.Idle.NONE;
  }

  @Override
  public void close() {
    device.close();
  }
}
