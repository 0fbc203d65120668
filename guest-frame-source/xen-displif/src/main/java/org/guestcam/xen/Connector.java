// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.Mapping;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connector of a guest's display: its two pages, its event channels, and what it shows.
 *
 * <p>Pacing: a flip is answered at once, and its event, which lets the guest draw into the
 * framebuffer before, is sent when that one's frame was released; at the latest after {@link
 * #FLIP_LIMIT}, for a guest's driver gives up after three seconds. The frame that is on show is
 * kept by the bridge until the next one comes, so its own release is not waited for. A frame that
 * was overtaken is released at once, so events keep a distance of 1/60 s besides: no guest runs
 * faster than its screen.
 */
final class Connector {
  /** How long a flip's event waits for the frame before, in nanoseconds. */
  static final long FLIP_LIMIT = 500_000_000L;

  /** How long DBUF_DESTROY waits for readers of the buffer. */
  static final long DESTROY_LIMIT = 2_000_000_000L;

  /** Wake-ups without a request that a guest has a second: a driver causes a few. */
  static final int MAX_IDLE_EVENTS = 10_000;

  /** Refused requests that a connected guest has. */
  static final int MAX_REFUSALS = 1000;

  private static final long SECOND = 1_000_000_000L;

  /** The screen's refresh, in nanoseconds: events do not follow each other faster. */
  private static final long REFRESH = SECOND / 60;

  private static final Logger LOG = LoggerFactory.getLogger(Connector.class);

  /** What connectors of one display share. */
  interface Owner {
    /**
     * Does a request that is not about showing.
     *
     * @return what the answer's first word says
     */
    int perform(Connector connector, RequestRing ring, long now) throws IOException;

    Framebuffers framebuffers();

    Hypervisor xen();

    /** Runs when a frame is released, on any thread. */
    void wake();

    /** Where this connector's frames go, or null. */
    FrameListener listener(int connector) throws IOException;
  }

  /** Who looks at which connector. */
  @FunctionalInterface
  interface Listeners {
    /**
     * Where a connector's frames go, or null.
     *
     * @param connector its number
     * @param uniqueId what the toolstack calls it, or ""
     */
    FrameListener listener(int connector, String uniqueId);
  }

  private final Owner owner;
  private final int index;
  private final Arena arena = Arena.ofShared();
  private final Hypervisor.Pages requestPage;
  private final Hypervisor.Pages eventPage;
  private final int requestPort;
  private final int eventPort;
  private final RequestRing ring;
  private final EventPage events;
  private final FrameListener listener;

  /** What was shown of each framebuffer, until it is detached. */
  private final Map<Long, Picture> pictures = new HashMap<>();

  private Framebuffers.Framebuffer shown;
  private int x;
  private int y;
  private int width;
  private int height;
  private Mode mode;
  private Blank blank;
  private long sequence;

  private Picture.Slot current;
  private int currentPresentation;
  private boolean flipPending;
  private long flipped;
  private Picture.Slot before;
  private int beforePresentation;
  private long flipUntil;
  private long lastFlipAt;

  private DisplayMemory dying;
  private long dyingUntil;

  private int nextId;
  private int refusals;
  private int idleEvents;
  private long idleSince;

  /** Maps a guest's pages and binds its ports, all of which came from the guest. */
  Connector(
      Owner owner,
      int index,
      int domain,
      int requestRef,
      int requestChannel,
      int eventRef,
      int eventChannel,
      long now)
      throws IOException {
    this.owner = owner;
    this.index = index;
    this.listener = owner.listener(index);
    this.lastFlipAt = now - REFRESH;
    Hypervisor xen = owner.xen();
    List<AutoCloseable> made = new ArrayList<>();
    try {
      requestPage = xen.map(domain, new int[] {requestRef}, Mapping.READ_WRITE);
      made.add(requestPage);
      eventPage = xen.map(domain, new int[] {eventRef}, Mapping.READ_WRITE);
      made.add(eventPage);
      requestPort = bind(xen, domain, requestChannel);
      made.add(() -> xen.unbind(requestPort));
      eventPort = bind(xen, domain, eventChannel);
      made.add(() -> xen.unbind(eventPort));
    } catch (IOException e) {
      for (AutoCloseable resource : made.reversed()) {
        try {
          resource.close();
        } catch (Exception f) {
          e.addSuppressed(f);
        }
      }
      arena.close();
      throw e;
    }
    ring = new RequestRing(requestPage.segment(), arena.allocate(Displif.PACKET, 8));
    events = new EventPage(eventPage.segment());
  }

  private static int bind(Hypervisor xen, int domain, int channel) throws LostChannelException {
    try {
      return xen.bind(domain, channel);
    } catch (IOException e) {
      throw new LostChannelException("the guest offers an event channel that is not there", e);
    }
  }

  private void notify(int port) throws LostChannelException {
    try {
      owner.xen().notify(port);
    } catch (IOException e) {
      throw new LostChannelException("the guest cannot be told of what was done", e);
    }
  }

  int index() {
    return index;
  }

  /** Whether a port that fired is of this connector. */
  boolean has(int port) {
    return port == requestPort || port == eventPort;
  }

  /** A port of it has fired. */
  void fired(int port, long now) throws IOException {
    int done = port == requestPort ? work(now) : 0;
    if (done == 0) {
      if (now - idleSince > SECOND) {
        idleSince = now;
        idleEvents = 0;
      }
      if (++idleEvents > MAX_IDLE_EVENTS) {
        throw new ViolationException(
            "more than " + MAX_IDLE_EVENTS + " events a second without a request");
      }
    }
    owner.xen().unmask(port);
  }

  /**
   * Sends an event that is due, and does the requests that are there, a ring's at the most.
   *
   * @return requests that were done
   */
  int work(long now) throws IOException {
    finishFlip(now);
    int done = 0;
    boolean notify = false;
    if (dying != null) {
      if (!dying.canGo() && now < dyingUntil) {
        return 0;
      }
      if (!dying.release()) {
        LOG.debug("a destroyed buffer is still read: its grants go when the reader lets go");
      }
      dying = null;
      notify = ring.respond(0, 0);
    }
    while (dying == null
        && done < RequestRing.SLOTS
        && (ring.next() || (ring.sleep() && ring.next()))) {
      done++;
      notify |= perform(now);
    }
    if (notify) {
      notify(requestPort);
    }
    finishFlip(now);
    return done;
  }

  /** When {@link #work} is due without a request, in nanoseconds; Long.MAX_VALUE for never. */
  long due() {
    long due = flipPending ? flipDue() : Long.MAX_VALUE;
    return dying == null ? due : Math.min(due, dyingUntil);
  }

  /**
   * Does one request and answers it, unless it has to wait; true when the guest wants to be told.
   */
  private boolean perform(long now) throws IOException {
    try {
      int answer = 0;
      switch (ring.operation()) {
        case Displif.SET_CONFIG -> configure(now);
        case Displif.PG_FLIP -> flip(ring.u64(8), now);
        case Displif.DBUF_DESTROY -> {
          dying = owner.framebuffers().destroy(ring.u64(8));
          dyingUntil = now + DESTROY_LIMIT;
          if (!dying.canGo()) {
            return false;
          }
          dying.release();
          dying = null;
        }
        default -> answer = owner.perform(this, ring, now);
      }
      return ring.respond(0, answer);
    } catch (RefusedException e) {
      LOG.warn("connector {}: {}", index, e.getMessage());
      if (++refusals > MAX_REFUSALS) {
        throw new ViolationException(
            "more than " + MAX_REFUSALS + " wrong requests, the last: " + e.getMessage());
      }
      return ring.respond(-e.errno().number(), 0);
    }
  }

  private void configure(long now) throws IOException {
    long cookie = ring.u64(8);
    int wide = ring.u32(24);
    int high = ring.u32(28);
    if (cookie == 0 && wide == 0 && high == 0) {
      turnOff(now);
      return;
    }
    Framebuffers.Framebuffer framebuffer = owner.framebuffers().require(cookie, "SET_CONFIG");
    int left = ring.u32(16);
    int top = ring.u32(20);
    FrameLayout layout = framebuffer.layout(left, top, wide, high);
    if (left != x || top != y || wide != width || high != height) {
      forgetPictures();
      x = left;
      y = top;
      width = wide;
      height = high;
    }
    show(framebuffer, layout, now);
  }

  private void flip(long cookie, long now) throws IOException {
    if (shown == null) {
      throw new RefusedException(Errno.EINVAL, "PG_FLIP of a connector that is off");
    }
    Framebuffers.Framebuffer framebuffer = owner.framebuffers().require(cookie, "PG_FLIP");
    FrameLayout layout = framebuffer.layout(x, y, width, height);
    if (flipPending) {
      sendFlip(); // a guest that does not wait for its event gets it now
    }
    before = current;
    beforePresentation = currentPresentation;
    show(framebuffer, layout, now);
    flipPending = true;
    flipped = cookie;
    flipUntil = now + (listener == null ? REFRESH : FLIP_LIMIT);
  }

  private void finishFlip(long now) throws LostChannelException {
    if (flipPending && now >= flipDue()) {
      lastFlipAt = now;
      sendFlip();
    }
  }

  /** When the pending flip's event may be sent: as early as now where the frame before is free. */
  private long flipDue() {
    boolean free = listener != null && (before == null || before.isReleased(beforePresentation));
    return free ? Math.min(flipUntil, lastFlipAt + REFRESH) : flipUntil;
  }

  private void sendFlip() throws LostChannelException {
    flipPending = false;
    events.flipped(flipped);
    notify(eventPort);
  }

  private void show(Framebuffers.Framebuffer framebuffer, FrameLayout layout, long now)
      throws IOException {
    shown = framebuffer;
    if (listener == null) {
      return;
    }
    Mode next = new Mode(width, height, framebuffer.format(), 0);
    if (!next.equals(mode)) {
      mode = next;
      listener.modeChanged(next);
    }
    Picture picture = pictures.get(framebuffer.cookie());
    if (picture == null) {
      picture = make(framebuffer, layout);
      pictures.put(framebuffer.cookie(), picture);
      picture.add(listener);
    }
    present(picture, now);
  }

  private Picture make(Framebuffers.Framebuffer framebuffer, FrameLayout layout)
      throws RefusedException {
    try {
      Picture picture = framebuffer.memory().picture(layout, nextId, owner::wake);
      nextId += framebuffer.memory().buffers();
      return picture;
    } catch (IOException e) {
      throw new RefusedException(Errno.EIO, "a framebuffer cannot be shown: " + e.getMessage(), e);
    }
  }

  private void present(Picture picture, long now) {
    Picture.Slot slot = picture.present(sequence, now);
    if (slot == null) {
      LOG.debug("connector {}: frame {} is left out, nothing is free", index, sequence);
      return;
    }
    sequence++;
    current = slot;
    currentPresentation = slot.presentation();
    listener.framePresented(slot.frame());
  }

  /** The guest shows nothing: a black picture takes the place of its last one, which is let go. */
  private void turnOff(long now) {
    shown = null;
    if (listener == null || current == null) {
      return;
    }
    try {
      boolean asDmaBuf = current.isDmaBuf();
      if (blank == null || !blank.fits(mode, asDmaBuf)) {
        if (blank != null) {
          blank.remove(listener);
        }
        blank = new Blank(mode, asDmaBuf, nextId++, owner::wake);
        blank.picture().add(listener);
      }
      present(blank.picture(), now);
    } catch (IOException e) {
      LOG.debug("no black picture", e);
    }
  }

  /** A framebuffer goes. */
  void forget(long cookie, long now) {
    if (shown != null && shown.cookie() == cookie) {
      turnOff(now);
    }
    Picture picture = pictures.remove(cookie);
    if (picture != null) {
      picture.remove(listener);
    }
  }

  private void forgetPictures() {
    pictures.values().forEach(picture -> picture.remove(listener));
    pictures.clear();
  }

  /** The display ends: black is shown, every buffer goes, and the guest's pages are given back. */
  void close(long now) {
    turnOff(now);
    forgetPictures();
    if (blank != null) {
      blank.remove(listener);
      blank = null;
    }
    if (dying != null) {
      dying.release();
      dying = null;
    }
    owner.xen().unbind(eventPort);
    owner.xen().unbind(requestPort);
    eventPage.close();
    requestPage.close();
    arena.close();
  }
}
