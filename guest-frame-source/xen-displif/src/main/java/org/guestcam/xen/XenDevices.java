// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventChannels;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.GrantCopy;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantMapping;
import org.guestcam.uapi.Mapping;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Xen through its device files. All that it maps, grants and binds goes with its descriptors, and
 * so with the process, however that ends.
 */
final class XenDevices implements XenHost {
  private static final Logger LOG = LoggerFactory.getLogger(XenDevices.class);

  private final GrantDevice grants;
  private final EventChannels events;
  private final HostGrants host;

  private XenDevices(GrantDevice grants, EventChannels events) {
    this.grants = grants;
    this.events = events;
    this.host = new HostGrants(grants);
  }

  static XenDevices open() throws ErrnoException {
    GrantDevice grants = GrantDevice.open();
    try {
      return new XenDevices(grants, EventChannels.open());
    } catch (ErrnoException e) {
      grants.close();
      throw e;
    }
  }

  @Override
  public boolean shares() {
    return host.shares();
  }

  @Override
  public Fd eventFd() {
    return events.fd();
  }

  @Override
  public int receive() {
    return events.receive();
  }

  @Override
  public int port(int index) {
    return events.port(index);
  }

  private record Mapped(GrantMapping grants) implements Pages {
    @Override
    public MemorySegment segment() {
      return grants.segment();
    }

    @Override
    public Mapping mapping() {
      return grants.mapping();
    }

    @Override
    public void close() {
      grants.close();
    }
  }

  private record Copying(GrantCopy copy) implements Copy {
    @Override
    public int copyTo(MemorySegment to) {
      return copy.copyTo(to);
    }

    @Override
    public void close() {
      copy.close();
    }
  }

  @Override
  public Pages map(int domain, int[] refs, int protection) throws IOException {
    return new Mapped(grants.map(domain, refs, protection));
  }

  @Override
  public Copy copy(int domain, int[] refs, long bytes) {
    return new Copying(new GrantCopy(grants, domain, refs, bytes));
  }

  @Override
  public Export export(int domain, int[] refs, int flags) throws IOException {
    return host.export(domain, refs, flags);
  }

  @Override
  public Export share(int domain, int[] refs) throws IOException {
    return host.share(domain, refs);
  }

  @Override
  public Loan lend(int domain, long bytes) throws IOException {
    return host.lend(domain, bytes);
  }

  @Override
  public int bind(int domain, int port) throws IOException {
    return events.bind(domain, port);
  }

  @Override
  public void notify(int port) throws IOException {
    int r = events.notify(port);
    if (r < 0) {
      throw new ErrnoException("IOCTL_EVTCHN_NOTIFY", "port " + port, -r);
    }
  }

  @Override
  public void unmask(int port) {
    say("unmasking an event channel", events.unmask(port));
  }

  @Override
  public void unbind(int port) {
    say("IOCTL_EVTCHN_UNBIND", events.unbind(port));
  }

  /** A peer that is gone takes its ports with it; the store tells of that. */
  private static void say(String call, int r) {
    if (r < 0) {
      LOG.debug("{}: {}", call, Errno.describe(-r));
    }
  }

  @Override
  public void close() {
    events.close();
    grants.close();
    host.close();
  }
}
