// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventChannels;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connector of a Xen guest's display. It serves all of the guest's displays, for one device has
 * one backend, and shows one connector; it may start before the guest does, and must, for the
 * guest's start waits for it.
 *
 * <p>One thread waits in ppoll(2) for xenstore, the event channels and a released frame.
 */
public final class XenSource implements FrameSource {
  private static final Logger LOG = LoggerFactory.getLogger(XenSource.class);
  private static final int STORE = 0;
  private static final int PORTS = 1;
  private static final int WAKE = 2;
  private static final Path GUEST_TYPE = Path.of("/sys/hypervisor/guest_type");

  private final XenOptions options;
  private final AtomicLong copiedBytes = new AtomicLong();
  private final Object wakeLock = new Object();
  private EventFd wake; // signalled and closed under wakeLock
  private volatile boolean closing;
  private Thread thread;

  XenSource(XenOptions options) {
    this.options = options;
  }

  @Override
  public synchronized void start(FrameListener listener) throws IOException {
    if (thread != null || closing) {
      throw new IllegalStateException(description() + " was started or closed before");
    }
    XenStore store = openStore(options.calls());
    XenHost xen = null;
    try {
      xen = openHost(options.calls());
      wake = new EventFd("xen wake-up");
      Backend backend = backend(store, xen, listener);
      XenHost host = xen;
      if (options.find(store).isEmpty()) {
        LOG.info("no domain {} runs: waiting for it", options.domain());
      }
      thread =
          Thread.ofPlatform().name("xen").daemon().start(() -> run(backend, store, host, listener));
    } catch (IOException e) {
      if (xen != null) {
        xen.close();
      }
      if (wake != null) {
        wake.close();
      }
      store.close();
      throw e;
    }
  }

  private Backend backend(XenStore store, XenHost xen, FrameListener listener) throws IOException {
    String self = store.read("domid").orElse("0");
    DisplayMemory.Route route =
        options.route() == null
            ? Routes.ofThisHost(
                xen.shares(), System.getProperty("os.arch").equals("aarch64"), guestType())
            : options.route();
    return new Backend(
        store,
        xen,
        new Routes(route, options.exportFlags(), copiedBytes),
        "/local/domain/" + self + "/backend/vdispl",
        domain -> options.isDomain(store, domain),
        (connector, id) -> options.isConnector(connector, id) ? listener : null,
        this::signal,
        System::nanoTime);
  }

  private static String guestType() {
    try {
      return Files.readString(GUEST_TYPE).strip();
    } catch (IOException e) {
      return ""; // a kernel without CONFIG_XEN_SYS_HYPERVISOR
    }
  }

  static XenStore openStore(XenHost.Calls calls) throws HostLacksException {
    try {
      return switch (calls) {
        case DEVICES -> XenStoreConnection.open();
        case LIBRARIES -> LibraryXenStore.open();
      };
    } catch (ErrnoException e) {
      throw new HostLacksException(
          "this is no domain of Xen that has a xenstore, or there are no rights for it: "
              + e.getMessage(),
          e);
    } catch (UnsatisfiedLinkError e) {
      throw lacksLibrary(e);
    }
  }

  private static XenHost openHost(XenHost.Calls calls) throws HostLacksException {
    try {
      return switch (calls) {
        case DEVICES -> XenDevices.open();
        case LIBRARIES -> XenLibraries.open();
      };
    } catch (ErrnoException e) {
      throw new HostLacksException(
          "Xen's devices cannot be opened: "
              + e.getMessage()
              + (Files.exists(GrantDevice.DEVICE) && Files.exists(EventChannels.DEVICE)
                  ? ""
                  : "; load them: sudo modprobe xen-gntdev && sudo modprobe xen-evtchn"),
          e);
    } catch (UnsatisfiedLinkError e) {
      throw lacksLibrary(e);
    }
  }

  private static HostLacksException lacksLibrary(UnsatisfiedLinkError e) {
    return new HostLacksException(
        "calls=libraries: " + e.getMessage() + "; or use calls=devices, which needs none");
  }

  private void run(Backend backend, XenStore store, XenHost xen, FrameListener listener) {
    String reason;
    Throwable failure = null;
    try {
      reason = serve(backend, store, xen);
    } catch (Throwable t) { // the listener's as well: whoever waits for the end must hear of it
      reason = t.getMessage() == null ? t.toString() : t.getMessage();
      failure = t;
    }
    try {
      backend.close();
    } catch (IOException e) {
      LOG.warn("at the end of {}: {}", description(), e.getMessage());
    }
    try {
      listener.ended(reason, failure);
    } finally {
      synchronized (wakeLock) {
        wake.close();
        wake = null; // frames may be released long after the end
      }
      xen.close();
      store.close();
    }
  }

  /**
   * Serves until the guest is gone or somebody closes this.
   *
   * @return why it ended
   */
  private String serve(Backend backend, XenStore store, XenHost xen) throws IOException {
    try (Poll poll = new Poll(3)) {
      poll.watch(STORE, store.fd(), Poll.IN);
      poll.watch(PORTS, xen.eventFd(), Poll.IN);
      poll.watch(WAKE, wake.fd(), Poll.IN);
      backend.storeChanged();
      while (!closing) {
        long due = backend.due();
        poll.await(due == Long.MAX_VALUE ? Poll.FOREVER : Math.max(0, due - System.nanoTime()));
        if (poll.ready(WAKE) != 0) {
          wake.drain();
        }
        backend.work();
        if (poll.ready(PORTS) != 0) {
          int fired = xen.receive();
          for (int i = 0; i < fired; i++) {
            backend.fired(xen.port(i));
          }
        }
        if (poll.ready(STORE) != 0) {
          backend.storeChanged();
          if (backend.ended() > 0 && backend.served() == 0) {
            return "the guest's display is gone";
          }
        }
        String broken = backend.failure();
        if (broken != null) {
          throw new IOException("the guest broke the protocol: " + broken);
        }
      }
      return "the display was closed";
    }
  }

  private void signal() {
    synchronized (wakeLock) {
      if (wake != null) {
        wake.signal();
      }
    }
  }

  @Override
  public String description() {
    return "display " + options.connector() + " of Xen's domain " + options.domain();
  }

  @Override
  public long copiedBytes() {
    return copiedBytes.get();
  }

  /** Only the route COPY counts bytes. */
  @Override
  public boolean copiesFrames() {
    return copiedBytes.get() > 0;
  }

  @Override
  public void close() {
    Thread running;
    synchronized (this) {
      closing = true;
      running = thread;
    }
    signal();
    OwnThread.awaitEnd(running); // the guest's pages must be given back when this returns
  }
}
