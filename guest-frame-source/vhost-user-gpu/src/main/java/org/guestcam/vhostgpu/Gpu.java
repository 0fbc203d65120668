// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.uapi.UnixSocket;
import org.guestcam.vhostgpu.vhost.DescriptorChain;
import org.guestcam.vhostgpu.vhost.GuestMemory;
import org.guestcam.vhostgpu.vhost.HostileGuestException;
import org.guestcam.vhostgpu.vhost.VhostDevice;
import org.guestcam.vhostgpu.vhost.VhostSession;
import org.guestcam.vhostgpu.vhost.VirtQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A virtio-gpu of 2D and guest blobs: takes the guest's requests and answers them. It keeps no
 * picture of its own: what the guest draws is shown from the guest's pages.
 *
 * <p>A request that makes no sense gets virtio-gpu's error; nothing that a guest asks makes this
 * side allocate without bound, or wait. One thread uses it; a request allocates nothing, but for
 * those that make a resource or change a mode.
 */
final class Gpu implements VhostDevice, AutoCloseable {
  /** Displays of a device at the most (VIRTIO_GPU_MAX_SCANOUTS). */
  static final int SCANOUTS = 16;

  /** The queue of requests. */
  static final int CONTROL = 0;

  /** The queue of the pointer. */
  static final int CURSOR = 1;

  private static final Logger LOG = LoggerFactory.getLogger(Gpu.class);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** Requests of one queue that are served before others have their turn. */
  private static final int TURN = 128;

  private static final int CONFIG_SCANOUTS = 8;

  private final Arena arena = Arena.ofShared();
  private final Request request = new Request(arena);
  private final MemorySegment glance = arena.allocate(GpuProtocol.TRANSFER_SIZE, 8);
  private final DescriptorChain ahead = new DescriptorChain();
  private final ResourceTable resources = new ResourceTable();
  private final Scanout[] scanouts = new Scanout[SCANOUTS];
  private final boolean[] looked = new boolean[SCANOUTS];
  private final Counters counters;
  private final Answers answers;
  private final DisplayQuestions questions;
  private final ResourceRequests resourceRequests;
  private final ScanoutRequests scanoutRequests;
  private final CursorRequests cursorRequests = new CursorRequests(resources, scanouts);
  private final Answers.Sender sender = this::sendHeader;
  private final DisplayQuestions.Sender bodySender = this::send;
  private final QemuWindow window = new QemuWindow();
  private final KeptTable kept;
  private VhostSession session;
  private DisplayLink display;
  private boolean pushed;
  private int head;

  /**
   * A device without a guest.
   *
   * @param kept what the next process goes on with, or null; taken over
   * @param wake runs on any thread when {@link #tick} may have work
   */
  Gpu(Counters counters, KeptTable kept, Runnable wake) {
    this.counters = counters;
    this.kept = kept;
    answers = new Answers(arena.allocate(Answers.headerBytes(), 8), counters);
    questions = new DisplayQuestions(arena.allocate(DisplayQuestions.bytes(), 8));
    resourceRequests = new ResourceRequests(resources, scanouts, answers);
    scanoutRequests = new ScanoutRequests(resources, scanouts, answers, window);
    for (int i = 0; i < SCANOUTS; i++) {
      scanouts[i] = new Scanout(i, counters, wake, this::mayDrawInto);
    }
  }

  /** A display of the device. */
  Scanout scanout(int index) {
    return scanouts[index];
  }

  /** What the user wants of the device itself. */
  void configure(VhostGpuOptions options) {
    questions.setModes(options.modes());
    scanoutRequests.setFenceLimit(options.fenceNanos());
    if (options.window()) {
      window.enable();
    }
  }

  /** A camera looks at a display from now on. */
  void attach(int scanout, FrameListener listener, VhostGpuOptions options) {
    scanouts[scanout].attach(listener, options);
    looked[scanout] = true;
    if (session != null && session.isServed(CONTROL)) {
      scanouts[scanout].showAll(session.memory());
    }
  }

  /** No camera looks at a display any more. */
  void detach(int scanout) {
    scanouts[scanout].detach(resources);
    looked[scanout] = false;
  }

  /** Serves this guest from now on; null for none. */
  void serve(VhostSession guest) {
    session = guest;
  }

  /** QEMU's own display, or null. */
  DisplayLink display() {
    return display;
  }

  @Override
  public long features() {
    return 1L << GpuProtocol.F_EDID | 1L << GpuProtocol.F_RESOURCE_BLOB;
  }

  @Override
  public void readConfiguration(MemorySegment into, long at, int offset, int length) {
    // struct virtio_gpu_config: events_read, events_clear, num_scanouts, num_capsets
    if (offset <= CONFIG_SCANOUTS && CONFIG_SCANOUTS + 4 <= offset + length) {
      into.set(INT, at + CONFIG_SCANOUTS - offset, SCANOUTS);
    }
  }

  @Override
  public void displaySocket(UnixSocket socket) {
    closeDisplay();
    display = new DisplayLink(socket, this::windowsAre);
    window.open(display);
  }

  private void windowsAre(MemorySegment info) {
    questions.windowsAre(info);
    questions.answerAll(looked, bodySender);
    signalPushed();
  }

  /** Reads what QEMU's display says, and goes on sending to it. */
  void serveDisplay() throws IOException {
    display.goOn();
    if (!display.receive()) {
      closeDisplay();
    }
  }

  /** Sends pictures for QEMU's windows; whether there is more to send. */
  boolean showInWindow() {
    return window.pump(session.memory());
  }

  private void closeDisplay() {
    if (display != null) {
      window.open(null);
      display.close();
      display = null;
    }
  }

  @Override
  public void started(boolean resumed) {
    boolean known = resumed;
    if (resumed) {
      keptChanges(); // the memory's table came anew
    } else {
      forgetAll();
      known = kept != null && kept.begin(session, resources, scanouts);
    }
    LOG.debug("the guest's driver {}", known ? "goes on" : "begins");
    for (Scanout scanout : scanouts) {
      scanout.showAll(session.memory());
    }
  }

  @Override
  public void stopping(int queue) {
    if (queue == CONTROL) {
      giveAllBack();
      for (Scanout scanout : scanouts) {
        scanout.freeze(session.memory());
      }
      signalPushed();
      if (kept != null && session.queue(CONTROL).isSettled()) {
        kept.finish(session, resources, scanouts);
      }
    }
  }

  @Override
  public void memoryChanging() {
    giveAllBack(); // the answers' places are in the memory that goes
    signalPushed();
    if (session.queue(CONTROL).isRunning()) { // else it is said anew, or this process ends
      keptChanges();
    }
  }

  private void keptChanges() {
    if (kept != null) {
      kept.changes();
    }
  }

  private void giveAllBack() {
    answers.flush(sender);
    questions.answerAll(looked, bodySender);
  }

  /** The guest's driver begins anew, or its monitor is gone: no resource is there any more. */
  void forgetAll() {
    resources.forEach(
        resource -> {
          for (Scanout scanout : scanouts) {
            scanout.takeBack(resource, session.memory());
          }
        });
    resources.clear();
    window.forgetAll();
    for (Scanout scanout : scanouts) {
      scanout.reset();
    }
  }

  /**
   * Serves the requests that wait, a turn of them.
   *
   * @return whether more wait, for which no kick will come
   * @throws HostileGuestException where a queue is broken
   */
  boolean process(int index) throws HostileGuestException {
    if (!session.isServed(index)) {
      return false;
    }
    VirtQueue queue = session.queue(index);
    for (int i = 0; i < TURN; i++) {
      head = queue.pop(request.chain());
      if (head == VirtQueue.EMPTY) {
        if (!queue.waitForKick()) {
          retry();
          signal(index);
          return false;
        }
        continue;
      }
      counters.commands.increment();
      if (index == CONTROL) {
        control();
      } else {
        cursor();
        queue.push(head, 0);
        pushed = true;
      }
    }
    signal(index);
    return true;
  }

  private void retry() {
    for (Scanout scanout : scanouts) {
      scanout.retry(session.memory());
    }
  }

  /**
   * Whether the guest has gone on: a request that waits says that another resource is shown, so
   * that this one is the guest's to draw into, or that it was drawn into.
   */
  private boolean mayDrawInto(Resource resource, int scanout) {
    VirtQueue queue = session.queue(CONTROL);
    for (int i = 0; i < TURN && queue.peek(i, ahead); i++) {
      if (ahead.read(0, glance, 0, GpuProtocol.SCANOUT_SIZE) < GpuProtocol.SCANOUT_SIZE) {
        continue;
      }
      int type = glance.get(INT, GpuProtocol.TYPE);
      if (type == GpuProtocol.SET_SCANOUT || type == GpuProtocol.SET_SCANOUT_BLOB) {
        // Both have scanout and resource in the same place.
        if (glance.get(INT, GpuProtocol.SCANOUT_SCANOUT) == scanout
            && glance.get(INT, GpuProtocol.SCANOUT_ID) != resource.id()) {
          return true;
        }
      } else if (type == GpuProtocol.TRANSFER_TO_HOST_2D
          && glance.get(INT, GpuProtocol.TRANSFER_ID) == resource.id()) {
        return true;
      }
    }
    return false;
  }

  private void signal(int index) {
    if (pushed) {
      pushed = false;
      keep();
      session.signal(index);
    }
  }

  /** What a next process needs is brought up to date, when nothing is half done. */
  private void keep() {
    if (kept != null && session.queue(CONTROL).isSettled()) {
      kept.follow(session, resources, scanouts);
    }
  }

  /** The guest is gone: no next process will see it. */
  void forgetKept() {
    if (kept != null) {
      kept.forget();
    }
  }

  private void signalPushed() {
    signal(CONTROL);
  }

  /** Sends answers that are due, and shows what had to wait. */
  void tick(long now) {
    if (session == null) {
      for (Scanout scanout : scanouts) {
        scanout.retry(null);
      }
      return;
    }
    retry();
    if (session.queue(CONTROL).isRunning()) {
      answers.tick(now, sender);
      questions.tick(now, looked, bodySender);
      signalPushed();
      keep();
    }
  }

  /** When {@link #tick} wants to be called at the latest. */
  long wakeAt() {
    long at = Math.min(answers.wakeAt(), questions.wakeAt());
    return kept != null && session != null && session.queue(CONTROL).isSettled()
        ? Math.min(at, kept.wakeAt())
        : at;
  }

  private void control() {
    request.read(head, GpuProtocol.SCANOUT_BLOB_SIZE);
    int type = request.type();
    if (changesTable(type)) {
      keptChanges();
    }
    int result = execute(type);
    if (result == Answers.LATER) {
      return;
    }
    if (result != GpuProtocol.OK) {
      counters.refused.increment();
      LOG.debug("virtio-gpu request {} refused with {}", type, result);
    }
    request.setResult(result);
    if (request.isFenced()
        && answers.hasFenced()
        && answers.inOrder(head, request.chain(), request.answer())) {
      return;
    }
    sendHeader(head, request.chain(), request.answer());
  }

  private static boolean changesTable(int type) {
    return type == GpuProtocol.RESOURCE_CREATE_2D
        || type == GpuProtocol.RESOURCE_CREATE_BLOB
        || type == GpuProtocol.ATTACH_BACKING
        || type == GpuProtocol.DETACH_BACKING
        || type == GpuProtocol.RESOURCE_UNREF;
  }

  private void cursor() {
    request.read(head, GpuProtocol.CURSOR_SIZE);
    if (!cursorRequests.handle(request, session.memory())) {
      counters.refused.increment();
    }
  }

  private void sendHeader(int to, DescriptorChain parts, MemorySegment header) {
    send(to, parts, header, GpuProtocol.HEADER);
  }

  private void send(int to, DescriptorChain parts, MemorySegment bytes, long length) {
    session.queue(CONTROL).push(to, (int) parts.write(bytes, length));
    pushed = true;
  }

  private int execute(int type) {
    GuestMemory memory = session.memory();
    if (type == GpuProtocol.RESOURCE_FLUSH) {
      return scanoutRequests.flush(request, memory);
    } else if (type == GpuProtocol.TRANSFER_TO_HOST_2D) {
      return scanoutRequests.transfer(request);
    } else if (type == GpuProtocol.SET_SCANOUT) {
      return scanoutRequests.setScanout(request, false, memory);
    } else if (type == GpuProtocol.SET_SCANOUT_BLOB) {
      return scanoutRequests.setScanout(request, true, memory);
    } else if (type == GpuProtocol.RESOURCE_CREATE_2D) {
      return resourceRequests.create2d(request);
    } else if (type == GpuProtocol.RESOURCE_CREATE_BLOB) {
      return resourceRequests.createBlob(request, memory);
    } else if (type == GpuProtocol.ATTACH_BACKING) {
      return resourceRequests.attachBacking(request, memory);
    } else if (type == GpuProtocol.DETACH_BACKING) {
      return resourceRequests.detachBacking(request, memory);
    } else if (type == GpuProtocol.RESOURCE_UNREF) {
      return resourceRequests.unref(request, memory);
    } else if (type == GpuProtocol.GET_DISPLAY_INFO) {
      return question(-1);
    } else if (type == GpuProtocol.GET_EDID) {
      return getEdid();
    }
    return GpuProtocol.UNSPECIFIED;
  }

  private int getEdid() {
    int scanout =
        request.has(GpuProtocol.GET_EDID_SIZE) ? request.u32(GpuProtocol.GET_EDID_SCANOUT) : -1;
    return scanout < 0 || scanout >= SCANOUTS ? GpuProtocol.INVALID_SCANOUT : question(scanout);
  }

  private int question(int scanout) {
    DescriptorChain chain = request.chain();
    MemorySegment header = request.answer();
    if (questions.dependOnQemu()
        && display != null
        && display.askDisplayInfo()
        && questions.keep(head, chain, header, scanout, System.nanoTime())) {
      return Answers.LATER;
    }
    questions.answer(head, chain, header, scanout, looked, bodySender);
    return Answers.LATER;
  }

  @Override
  public void close() {
    closeDisplay();
    if (kept != null) {
      kept.close();
    }
    arena.close();
  }
}
