// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixListener;
import org.guestcam.uapi.UnixSocket;
import org.guestcam.vhostgpu.vhost.VhostSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device on its socket: waits for a monitor, serves it, and waits for the next where the user
 * wants that. One thread does all, in one ppoll(2); cameras of several displays share it, and the
 * last one that goes ends it.
 */
final class GpuServer {
  private static final Logger LOG = LoggerFactory.getLogger(GpuServer.class);
  private static final Map<String, GpuServer> RUNNING = new HashMap<>();
  private static final String FD = "fd:";

  /** How often a socket that QEMU listens on is looked for, nanoseconds. */
  private static final long LOOK_EVERY = 250_000_000L;

  /** A QEMU that begins speaks at once; one whose guest runs already says nothing, nanoseconds. */
  private static final long SILENCE = 3_000_000_000L;

  private static final int WAKE = 0;
  private static final int PEER = 1;
  private static final int CONTROL_KICK = 2;
  private static final int CURSOR_KICK = 3;
  private static final int DISPLAY = 4;
  private static final int WAITS = 5;

  private final VhostGpuOptions options;
  private final Counters counters = new Counters();
  private final EventFd wake = new EventFd("vhost-user-gpu");
  private final Object wakeLock = new Object();
  private final ConcurrentLinkedQueue<Runnable> errands = new ConcurrentLinkedQueue<>();
  private final Gpu gpu;
  private final UnixListener listener; // null where the peer is connected already
  private VhostSession session;
  private long silentAt = Answers.NEVER; // when a peer that has said nothing is spoken of
  private final boolean[] taken = new boolean[Gpu.SCANOUTS]; // guarded by RUNNING
  private int cameras; // guarded by RUNNING
  private Thread thread;
  private boolean ended; // guarded by wakeLock
  private volatile boolean closing;

  private GpuServer(VhostGpuOptions options) throws IOException {
    this.options = options;
    gpu = new Gpu(counters, options.connects() ? KeptTable.of(options.path()) : null, this::wakeUp);
    gpu.configure(options);
    boolean connected = options.path().startsWith(FD);
    try {
      listener = connected || options.connects() ? null : UnixListener.bind(options.path());
      if (connected) {
        serve(inherited(options.path()));
      } else if (options.connects()) {
        connect();
      }
    } catch (IOException | RuntimeException e) {
      wake.close();
      gpu.close();
      throw e;
    }
  }

  private static UnixSocket inherited(String path) {
    String number = path.substring(FD.length());
    if (!number.matches("[0-9]{1,6}")) {
      throw new IllegalArgumentException(path + " is not fd: and the number of a descriptor");
    }
    return new UnixSocket(Fd.own(Integer.parseInt(number), "the monitor's socket " + path));
  }

  private void serve(UnixSocket peer) {
    LOG.debug("a monitor is connected at {}", options.path());
    session = new VhostSession(peer, gpu, "control", "cursor");
    gpu.serve(session);
  }

  /** Connects to QEMU's socket; where it is waited for it need not be there. */
  private void connect() throws IOException {
    try {
      serve(UnixSocket.connect(options.path()));
      silentAt = System.nanoTime() + SILENCE;
    } catch (IOException e) {
      if (!options.waits()) {
        throw e;
      }
    }
  }

  /**
   * The device on the options' socket, with one more camera.
   *
   * @throws IOException where the socket cannot be listened on, or the display has a camera already
   */
  static GpuServer join(VhostGpuOptions options, FrameListener camera) throws IOException {
    synchronized (RUNNING) {
      GpuServer server = RUNNING.get(options.path());
      if (server == null) {
        server = new GpuServer(options);
        RUNNING.put(options.path(), server);
        server.attach(options, camera);
        server.start();
      } else {
        if (!server.options.agreesWith(options)) {
          throw new IOException(
              options.path()
                  + " is served already, with other modes=, connect, wait, window or fence-limit=: these"
                  + " are of the device, not of one display");
        }
        if (server.taken[options.scanout()]) {
          throw new IOException(
              "display " + options.scanout() + " of " + options.path() + " has a camera already");
        }
        server.attach(options, camera);
      }
      server.taken[options.scanout()] = true;
      server.cameras++;
      return server;
    }
  }

  private void attach(VhostGpuOptions wishes, FrameListener camera) {
    errands.add(() -> gpu.attach(wishes.scanout(), camera, wishes));
    wakeUp();
  }

  /** What it counts. */
  Counters counters() {
    return counters;
  }

  /** A camera goes; returns when it hears no more. */
  void leave(int scanout) {
    Thread waitFor = null;
    synchronized (RUNNING) {
      taken[scanout] = false;
      if (--cameras == 0) {
        RUNNING.remove(options.path(), this);
        closing = true;
        waitFor = thread;
      } else {
        errands.add(() -> end(scanout, "the guest's display was closed", null));
      }
    }
    wakeUp();
    OwnThread.awaitEnd(waitFor); // buffers must be gone when this returns
  }

  private void start() {
    thread =
        Thread.ofPlatform().name("vhost-user-gpu " + options.path()).daemon().unstarted(this::run);
    thread.start();
  }

  private void wakeUp() {
    synchronized (wakeLock) {
      if (!ended) {
        wake.signal();
      }
    }
  }

  private void run() {
    String reason;
    Throwable failure = null;
    try {
      reason = serveAll();
    } catch (Throwable t) { // a camera's as well: whoever waits for the end must hear of it
      reason = "vhost-user-gpu: " + t.getMessage();
      failure = t;
    }
    synchronized (RUNNING) {
      RUNNING.remove(options.path(), this);
    }
    LOG.info(
        "the guest made {} requests, {} refused; torn frames: {}; fences that took too long: {}",
        counters.commands,
        counters.refused,
        counters.torn,
        counters.overdue);
    try {
      runErrands(); // a camera that came at the last moment hears of the end too
      endSession();
      for (int i = 0; i < Gpu.SCANOUTS; i++) {
        end(i, reason, failure);
      }
    } finally {
      synchronized (wakeLock) {
        ended = true; // frames may be released long after the end
        wake.close();
      }
      if (listener != null) {
        listener.close();
      }
      gpu.close();
    }
  }

  private void end(int scanout, String reason, Throwable failure) {
    FrameListener camera = gpu.scanout(scanout).listener();
    if (camera != null) {
      gpu.detach(scanout);
      camera.ended(reason, failure);
    }
  }

  private void runErrands() {
    for (Runnable errand; (errand = errands.poll()) != null; ) {
      errand.run();
    }
  }

  private String serveAll() throws IOException {
    try (Poll poll = new Poll(WAITS)) {
      boolean more = false;
      while (!closing) {
        watch(poll);
        boolean looks = session == null && options.connects();
        long at = looks ? System.nanoTime() + LOOK_EVERY : Math.min(gpu.wakeAt(), silentAt);
        long wait = more ? 0 : at == Answers.NEVER ? Poll.FOREVER : at - System.nanoTime();
        poll.await(wait < 0 && wait != Poll.FOREVER ? 0 : wait);
        if (poll.ready(WAKE) != 0) {
          wake.drain();
        }
        runErrands();
        if (looks) {
          connect();
        }
        if (!hearPeer(poll) && !options.waits()) {
          return "QEMU closed the guest's display";
        }
        more = session != null && serve(poll);
        long now = System.nanoTime();
        gpu.tick(now);
        if (now >= silentAt) {
          speakOfSilence();
        }
      }
    }
    return "the guest's display was closed";
  }

  private void speakOfSilence() {
    silentAt = Answers.NEVER;
    if (session != null && !session.hasHeard()) {
      LOG.warn(
          "QEMU at {} says nothing. It tells a new guestcam of its guest only when the guest's display"
              + " is started: where the guest runs already, pause and continue it (\"stop\" and"
              + " \"cont\" in QEMU's monitor, or virsh suspend and resume)",
          options.path());
    }
  }

  private void watch(Poll poll) {
    poll.watch(WAKE, wake.fd(), Poll.IN);
    if (session != null) {
      poll.watch(PEER, session.fd(), Poll.IN);
    } else if (listener != null) {
      poll.watch(PEER, listener.fd(), Poll.IN);
    } else {
      poll.ignore(PEER);
    }
    watchKick(poll, CONTROL_KICK, Gpu.CONTROL);
    watchKick(poll, CURSOR_KICK, Gpu.CURSOR);
    if (gpu.display() != null) {
      int wanted = gpu.display().isIdle() ? Poll.IN : Poll.IN | Poll.OUT;
      poll.watch(DISPLAY, gpu.display().fd(), wanted);
    } else {
      poll.ignore(DISPLAY);
    }
  }

  private void watchKick(Poll poll, int entry, int queue) {
    EventFd kick = session == null ? null : session.kick(queue);
    if (kick != null) {
      poll.watch(entry, kick.fd(), Poll.IN);
    } else {
      poll.ignore(entry);
    }
  }

  /** Hears what the monitor says; false when it is gone. */
  private boolean hearPeer(Poll poll) throws IOException {
    if (poll.ready(PEER) == 0) {
      return true;
    }
    if (session == null) {
      if (listener == null) {
        return true;
      }
      UnixSocket peer = listener.accept();
      if (peer != null) {
        serve(peer);
      }
      return true;
    }
    try {
      if (session.receive()) {
        return true;
      }
    } catch (IOException e) {
      cutOff(e);
      return false;
    }
    LOG.debug("the monitor has gone");
    endSession();
    gpu.forgetKept();
    return false;
  }

  /** A guest that breaks the rules is cut off; where the next one is waited for, only that. */
  private void cutOff(IOException e) throws IOException {
    endSession();
    gpu.forgetKept();
    if (!options.waits()) {
      throw e;
    }
    LOG.warn("a guest was cut off: {}", e.getMessage());
  }

  private void endSession() {
    if (session != null) {
      session.close();
      gpu.forgetAll();
      gpu.serve(null);
      session = null;
    }
  }

  /** Serves the queues; whether more waits there. */
  private boolean serve(Poll poll) throws IOException {
    drain(poll, CONTROL_KICK, Gpu.CONTROL);
    drain(poll, CURSOR_KICK, Gpu.CURSOR);
    if (poll.ready(DISPLAY) != 0 && gpu.display() != null) {
      gpu.serveDisplay();
    }
    try {
      boolean more = gpu.process(Gpu.CONTROL);
      more |= gpu.process(Gpu.CURSOR);
      return gpu.showInWindow() || more;
    } catch (IOException e) {
      cutOff(e);
      return false;
    }
  }

  private void drain(Poll poll, int entry, int queue) {
    EventFd kick = session.kick(queue);
    if (poll.ready(entry) != 0 && kick != null) {
      kick.drain();
    }
  }
}
