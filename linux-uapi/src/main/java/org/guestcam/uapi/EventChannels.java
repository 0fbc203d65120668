// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.guestcam.uapi.abi.Uapi;
import org.guestcam.uapi.abi.ioctl_evtchn_bind_interdomain;
import org.guestcam.uapi.abi.ioctl_evtchn_notify;
import org.guestcam.uapi.abi.ioctl_evtchn_unbind;

/**
 * /dev/xen/evtchn: Xen's event channels, interrupts between domains ({@code xen/evtchn.h}). A port
 * that fired is masked until {@link #unmask}.
 *
 * <p>Owns its descriptor; closing it unbinds every port. One thread at a time. Receiving and
 * notifying allocate nothing.
 */
public final class EventChannels implements AutoCloseable {
  /** The device. */
  public static final Path DEVICE = Path.of("/dev/xen/evtchn");

  private static final int AT_ONCE = 64;

  private final Fd fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment argument = arena.allocate(ioctl_evtchn_notify.layout());
  private final MemorySegment ports = arena.allocate(JAVA_INT, AT_ONCE);
  private final MemorySegment one = arena.allocate(JAVA_INT);

  private EventChannels(Fd fd) {
    this.fd = fd;
  }

  /** Opens the device: ENOENT where xen-evtchn is not loaded, EACCES without the rights. */
  public static EventChannels open() throws ErrnoException {
    return new EventChannels(Fd.open(DEVICE, Fd.O_RDWR | Fd.O_NONBLOCK));
  }

  /** Readable when a port has fired; stays owned by this object. */
  public Fd fd() {
    return fd;
  }

  /**
   * Binds a port that {@code domain} offers to this one. It fires once at once.
   *
   * @param remotePort a number from the other domain; Xen checks it
   * @return the local port
   */
  public int bind(int domain, int remotePort) throws ErrnoException {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment bind = ioctl_evtchn_bind_interdomain.allocate(scratch);
      ioctl_evtchn_bind_interdomain.remote_domain(bind, domain);
      ioctl_evtchn_bind_interdomain.remote_port(bind, remotePort);
      return Ioctl.require(
          fd,
          Uapi.IOCTL_EVTCHN_BIND_INTERDOMAIN(),
          "IOCTL_EVTCHN_BIND_INTERDOMAIN (domain " + domain + ", port " + remotePort + ")",
          bind);
    }
  }

  /**
   * Gives a local port back.
   *
   * @return zero or a negative errno
   */
  public int unbind(int port) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment unbind = ioctl_evtchn_unbind.allocate(scratch);
      ioctl_evtchn_unbind.port(unbind, port);
      return Ioctl.call(fd, Uapi.IOCTL_EVTCHN_UNBIND(), unbind);
    }
  }

  /**
   * Makes the other side's port fire.
   *
   * @return zero or a negative errno
   */
  public int notify(int port) {
    ioctl_evtchn_notify.port(argument, port);
    return Ioctl.call(fd, Uapi.IOCTL_EVTCHN_NOTIFY(), argument);
  }

  /**
   * Receives the ports that have fired, without waiting; each stays masked.
   *
   * @return how many; {@link #port} has them; or a negative errno, EAGAIN where none has fired
   */
  public int receive() {
    long r = fd.read(ports);
    return r < 0 ? (int) r : (int) (r / JAVA_INT.byteSize());
  }

  /** One of the ports that the last {@link #receive} found. */
  public int port(int index) {
    return ports.getAtIndex(JAVA_INT, index);
  }

  /**
   * Lets a port fire again.
   *
   * @return zero or a negative errno
   */
  public int unmask(int port) {
    one.set(JAVA_INT, 0, port);
    long r = fd.write(one);
    return r < 0 ? (int) r : 0;
  }

  @Override
  public void close() {
    if (fd.isOpen()) {
      fd.close();
      arena.close();
    }
  }
}
