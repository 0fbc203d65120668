// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.FrameListener;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Mapping;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One display device of a guest, from the backend's side: xenstore's state machine, its connectors,
 * and its buffers. The backend's thread drives it; it waits for nothing.
 *
 * <pre>
 *   the guest's state         what happens here                              our state
 *   (node gone)               all is given back: the domain is gone          -
 *   1 initialising            all is given back                              2 wait for it
 *   3 initialised             its rings are mapped, its channels bound       4 connected
 *   4 connected               -                                              -
 *   5 closing, 6 closed       all is given back                              2, or 6 when offline
 *   our own online=0          all is given back (libxl, at the domain's end) 6 closed
 *   a lost event channel      all is given back, the reason is written       6 closed, until 1, 5 or 6
 *   a broken protocol         all is given back, the reason is written       6 closed, for good
 * </pre>
 */
final class Display implements Connector.Owner {
  /** Connectors of a display at the most. */
  static final int MAX_CONNECTORS = 16;

  /** How often a display may lose an event channel. */
  static final int MAX_LOST_CHANNELS = 1000;

  private static final Logger LOG = LoggerFactory.getLogger(Display.class);

  private final XenStore store;
  private final Hypervisor xen;
  private final Routes routes;
  private final int domain;
  private final String backend;
  private final String frontend;
  private final Connector.Listeners listeners;
  private final Runnable wake;
  private final Framebuffers framebuffers = new Framebuffers();
  private final List<Connector> connectors = new ArrayList<>();
  private int state;
  private boolean backendAllocates;
  private boolean versionTwo;
  private String failure;
  private boolean channelLost;
  private int channelsLost;
  private boolean gone;

  /**
   * A display that xenstore has nodes of.
   *
   * @param domain the guest's id
   * @param backend path of our node, below which {@code frontend} names the guest's
   * @param listeners where each connector's frames go, or null
   * @param wake makes the backend's thread call {@link #work}; runs on any thread
   */
  Display(
      XenStore store,
      Hypervisor xen,
      Routes routes,
      int domain,
      String backend,
      Connector.Listeners listeners,
      Runnable wake)
      throws IOException {
    this.store = store;
    this.xen = xen;
    this.routes = routes;
    this.domain = domain;
    this.backend = backend;
    this.listeners = listeners;
    this.wake = wake;
    frontend =
        store
            .read(backend + "/frontend")
            .orElseThrow(() -> new IOException("xenstore has no " + backend + "/frontend"));
    store.watch(frontend + "/state");
    store.write(backend + "/versions", "1,2");
  }

  /** The guest's node of the device. */
  String frontend() {
    return frontend;
  }

  /** The guest's domain. */
  int domain() {
    return domain;
  }

  /** Whether the device is no more. */
  boolean isGone() {
    return gone;
  }

  /** Why the display was closed, or null while the guest keeps to the protocol. */
  String failure() {
    return failure;
  }

  /** Whether guest and backend are connected. */
  boolean isConnected() {
    return state == Displif.CONNECTED;
  }

  /** Something at its nodes changed: looks at both states, and follows. */
  void storeChanged(long now) throws IOException {
    int theirs = state(frontend + "/state");
    int ours = state(backend + "/state");
    boolean online = store.read(backend + "/online").orElse("1").equals("1");
    if (theirs == Displif.UNKNOWN || ours == Displif.UNKNOWN) {
      disconnect(now);
      gone = true;
      store.unwatch(frontend + "/state");
      if (ours != Displif.UNKNOWN) {
        enter(Displif.CLOSED);
      }
      return;
    }
    if (failure != null) {
      return;
    }
    if (!online && (ours == Displif.CLOSING || state == Displif.CLOSED)) {
      if (state != Displif.CLOSED) {
        disconnect(now);
        enter(Displif.CLOSED);
      }
      return;
    }
    if (channelLost && theirs >= Displif.INITIALISED && theirs <= Displif.CONNECTED) {
      return; // what it offers is what failed
    }
    if (channelLost) {
      channelLost = false;
      store.remove(backend + "/error");
    }
    switch (theirs) {
      case Displif.INITIALISING -> {
        if (state != Displif.INIT_WAIT) {
          disconnect(now);
          enter(Displif.INIT_WAIT);
        }
      }
      case Displif.INITIALISED -> {
        if (state == Displif.INIT_WAIT) {
          connect(now);
        } else if (state != Displif.CONNECTED) {
          enter(Displif.INIT_WAIT); // offered to a backend before this one: the next look connects
        }
      }
      case Displif.CONNECTED -> {
        if (state == Displif.UNKNOWN) {
          enter(Displif.INIT_WAIT); // to a backend before this one: the guest reconfigures
        }
      }
      case Displif.CLOSING, Displif.CLOSED -> {
        disconnect(now);
        // With 6, Linux's driver would not take the device again when it is bound anew.
        int next = online ? Displif.INIT_WAIT : Displif.CLOSED;
        if (state != next) {
          enter(next);
        }
      }
      default -> {} // reconfiguring: the guest goes on to 1 or 3
    }
  }

  private int state(String path) throws IOException {
    String text = store.read(path).orElse("");
    // A guest writes what it likes there.
    return text.matches("[0-9]") ? text.charAt(0) - '0' : Displif.UNKNOWN;
  }

  private void enter(int next) throws IOException {
    state = next;
    if (store
        .read(backend + "/state")
        .isPresent()) { // never make the node of a device that is gone
      store.write(backend + "/state", Integer.toString(next));
    }
  }

  private void connect(long now) throws IOException {
    try {
      backendAllocates = store.read(frontend + "/be-alloc").orElse("0").equals("1");
      versionTwo = number(frontend + "/version", 1, 1, 1 << 16) >= 2;
      while (connectors.size() < MAX_CONNECTORS) {
        int index = connectors.size();
        String path = frontend + "/" + index;
        if (store.read(path + "/req-ring-ref").isEmpty()) {
          break;
        }
        connectors.add(
            new Connector(
                this,
                index,
                domain,
                number(path + "/req-ring-ref", -1, 1, Integer.MAX_VALUE),
                number(path + "/req-event-channel", -1, 1, Integer.MAX_VALUE),
                number(path + "/evt-ring-ref", -1, 1, Integer.MAX_VALUE),
                number(path + "/evt-event-channel", -1, 1, Integer.MAX_VALUE),
                now));
      }
      if (connectors.isEmpty()) {
        throw new ViolationException("the guest is initialised, but offers no connector");
      }
      enter(Displif.CONNECTED);
      LOG.info(
          "{}: connected, {} connector(s), buffers from the {}",
          this,
          connectors.size(),
          backendAllocates ? "host (LEND)" : "guest (" + routes.grantedByGuest() + ")");
    } catch (IOException e) {
      fail(e, now);
    }
  }

  /** A number that the guest wrote. */
  private int number(String path, int otherwise, int least, int most) throws IOException {
    String text = store.read(path).orElse("");
    if (text.isEmpty() && otherwise >= least) {
      return otherwise;
    }
    if (!text.matches("[0-9]{1,10}")
        || Long.parseLong(text) < least
        || Long.parseLong(text) > most) {
      throw new ViolationException(
          path + " is '" + text.substring(0, Math.min(20, text.length())) + "', no number");
    }
    return Integer.parseInt(text);
  }

  /** A port has fired; true when it is one of this display's. */
  boolean fired(int port, long now) throws IOException {
    for (int i = 0; i < connectors.size(); i++) {
      Connector connector = connectors.get(i);
      if (connector.has(port)) {
        try {
          connector.fired(port, now);
        } catch (IOException e) {
          fail(e, now);
        }
        return true;
      }
    }
    return false;
  }

  /** Does what is due: after a frame was released, or at {@link #due}. */
  void work(long now) throws IOException {
    try {
      for (int i = 0; i < connectors.size(); i++) {
        connectors.get(i).work(now);
      }
    } catch (IOException e) {
      fail(e, now);
    }
  }

  /** When {@link #work} is due, in nanoseconds; Long.MAX_VALUE for never. */
  long due() {
    long due = Long.MAX_VALUE;
    for (int i = 0; i < connectors.size(); i++) {
      due = Math.min(due, connectors.get(i).due());
    }
    return due;
  }

  private void fail(IOException e, long now) throws IOException {
    String reason = e.getMessage();
    if (e instanceof LostChannelException && ++channelsLost <= MAX_LOST_CHANNELS) {
      channelLost = true;
    } else {
      failure = reason;
    }
    LOG.warn("{}: closed, {}", this, reason);
    disconnect(now);
    store.write(backend + "/error", reason);
    enter(Displif.CLOSED);
  }

  /** Gives everything back that is the guest's. */
  private void disconnect(long now) {
    connectors.forEach(connector -> connector.close(now));
    connectors.clear();
    framebuffers.close();
  }

  /** Ends it from our side: the guest may go on with another backend. */
  void close(long now) throws IOException {
    disconnect(now);
    if (!gone) {
      store.unwatch(frontend + "/state");
      if (failure == null && state != Displif.UNKNOWN) {
        enter(Displif.CLOSED);
      }
      gone = true;
    }
  }

  @Override
  public int perform(Connector connector, RequestRing ring, long now) throws IOException {
    switch (ring.operation()) {
      case Displif.DBUF_CREATE -> create(ring);
      case Displif.FB_ATTACH ->
          framebuffers.attach(ring.u64(8), ring.u64(16), ring.u32(24), ring.u32(28), ring.u32(32));
      case Displif.FB_DETACH -> {
        long cookie = ring.u64(8);
        framebuffers.detach(cookie);
        connectors.forEach(c -> c.forget(cookie, now));
      }
      case Displif.GET_EDID -> {
        return sendEdid(connector.index(), ring.u32(8), ring.u32(12));
      }
      default ->
          throw new RefusedException(
              Errno.EOPNOTSUPP, "the operation 0x" + Integer.toHexString(ring.operation()));
    }
    return 0;
  }

  private void create(RequestRing ring) throws IOException {
    long cookie = ring.u64(8);
    int width = ring.u32(16);
    int height = ring.u32(20);
    int bytes = ring.u32(28);
    int directory = ring.u32(36);
    // Linux's frontend leaves old bytes in what version 1 does not name.
    boolean lend = backendAllocates && (ring.u32(32) & Displif.REQ_ALLOC) != 0;
    int offset = versionTwo && !lend ? ring.u32(40) : 0;
    int pages = framebuffers.check(cookie, width, height, ring.u32(24), bytes, offset);
    if (directory == 0) {
      throw new ViolationException("DBUF_CREATE with a page directory of the grant reference 0");
    }
    DisplayMemory memory;
    try {
      if (lend) {
        Hypervisor.Loan loan = routes.lend(xen, domain, Integer.toUnsignedLong(bytes));
        try {
          PageDirectory.fill(xen, domain, directory, loan.refs());
        } catch (IOException e) {
          loan.close();
          throw e;
        }
        memory = new DisplayMemory.Lent(loan);
      } else {
        memory = routes.of(xen, domain, PageDirectory.read(xen, domain, directory, pages));
      }
    } catch (ViolationException | RefusedException e) {
      throw e;
    } catch (IOException e) {
      throw new RefusedException(Errno.EIO, "DBUF_CREATE: " + e.getMessage(), e);
    }
    framebuffers.add(cookie, width, height, bytes, offset, memory);
  }

  private int sendEdid(int connector, int bytes, int directory) throws IOException {
    if (Integer.toUnsignedLong(bytes) < Displif.EDID_BYTES) {
      throw new RefusedException(
          Errno.EINVAL, "GET_EDID of " + Integer.toUnsignedString(bytes) + " bytes");
    }
    if (directory == 0) {
      throw new ViolationException("GET_EDID with a page directory of the grant reference 0");
    }
    String[] size =
        store.read(frontend + "/" + connector + "/resolution").orElse("").split("x", -1);
    byte[] edid;
    try {
      edid = Edid.of(Integer.parseInt(size[0]), Integer.parseInt(size[1]));
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new RefusedException(Errno.ENOENT, "connector " + connector + " has no resolution", e);
    }
    try {
      int[] refs = PageDirectory.read(xen, domain, directory, 1);
      try (Hypervisor.Pages page = xen.map(domain, refs, Mapping.READ_WRITE)) {
        MemorySegment.copy(edid, 0, page.segment(), ValueLayout.JAVA_BYTE, 0, edid.length);
      }
    } catch (ErrnoException e) {
      throw new RefusedException(Errno.EIO, "GET_EDID: " + e.getMessage(), e);
    }
    return edid.length;
  }

  @Override
  public Framebuffers framebuffers() {
    return framebuffers;
  }

  @Override
  public Hypervisor xen() {
    return xen;
  }

  @Override
  public void wake() {
    wake.run();
  }

  @Override
  public FrameListener listener(int connector) throws IOException {
    String id = store.read(frontend + "/" + connector + "/unique-id").orElse("");
    return listeners.listener(connector, id);
  }

  @Override
  public String toString() {
    return "display " + backend.substring(backend.lastIndexOf('/') + 1) + " of domain " + domain;
  }
}
