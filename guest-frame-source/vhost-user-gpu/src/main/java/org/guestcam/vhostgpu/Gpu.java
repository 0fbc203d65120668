// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.FrameRing;
import org.guestcam.frame.surface.Pointer;
import org.guestcam.uapi.UnixSocket;
import org.guestcam.vhostgpu.vhost.DescriptorChain;
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
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  /** Requests of one queue that are served before others have their turn. */
  private static final int TURN = 128;

  private static final int MAX_SIDE = 16384;
  private static final int SCRATCH = 4096;

  /** How long a resource's memory is kept from the guest while a camera reads it, nanoseconds. */
  private static final long TAKE_BACK_LIMIT = 500_000_000L;

  private static final int CONFIG_SCANOUTS = 8;

  /** The answer is given later. */
  private static final int LATER = 0;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment request = arena.allocate(SCRATCH, 8);
  private final MemorySegment answer = arena.allocate(GpuProtocol.HEADER, 8);
  private final MemorySegment glance = arena.allocate(GpuProtocol.TRANSFER_SIZE, 8);
  private final DescriptorChain chain = new DescriptorChain();
  private final DescriptorChain ahead = new DescriptorChain();
  private final ResourceTable resources = new ResourceTable();
  private final Scanout[] scanouts = new Scanout[SCANOUTS];
  private final boolean[] looked = new boolean[SCANOUTS];
  private final Counters counters;
  private final Answers answers;
  private final DisplayQuestions questions;
  private final Answers.Sender sender = this::sendHeader;
  private final DisplayQuestions.Sender bodySender = this::send;
  private VhostSession session;
  private DisplayLink display;
  private long fenceNanos = 100_000_000L;
  private boolean pushed;
  private int head;
  private int got;

  /** A device without a guest; {@code wake} runs on any thread when {@link #tick} may have work. */
  Gpu(Counters counters, Runnable wake) {
    this.counters = counters;
    answers = new Answers(arena.allocate(Answers.headerBytes(), 8), counters);
    questions = new DisplayQuestions(arena.allocate(DisplayQuestions.bytes(), 8));
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
    fenceNanos = options.fenceNanos();
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
  }

  private void windowsAre(MemorySegment info) {
    questions.windowsAre(info);
    questions.answerAll(looked, bodySender);
    signalPushed();
  }

  /** Reads what QEMU's display says. */
  void receiveFromDisplay() throws IOException {
    if (!display.receive()) {
      closeDisplay();
    }
  }

  private void closeDisplay() {
    if (display != null) {
      display.close();
      display = null;
    }
  }

  @Override
  public void started(boolean resumed) {
    if (!resumed) {
      forgetAll();
    }
    LOG.debug("the guest's driver {}", resumed ? "goes on" : "begins");
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
    }
  }

  @Override
  public void memoryChanging() {
    giveAllBack(); // the answers' places are in the memory that goes
    signalPushed();
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
      head = queue.pop(chain);
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
      session.signal(index);
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
    }
  }

  /** When {@link #tick} wants to be called at the latest. */
  long wakeAt() {
    return Math.min(answers.wakeAt(), questions.wakeAt());
  }

  private void control() {
    got = (int) chain.read(0, request, 0, GpuProtocol.SCANOUT_BLOB_SIZE);
    int type = got < GpuProtocol.HEADER ? 0 : request.get(INT, GpuProtocol.TYPE);
    writeHeader();
    int result = execute(type);
    if (result == LATER) {
      return;
    }
    if (result != GpuProtocol.OK) {
      counters.refused.increment();
      LOG.debug("virtio-gpu request {} refused with {}", type, result);
    }
    answer.set(INT, GpuProtocol.TYPE, result);
    boolean fenced = (answer.get(INT, GpuProtocol.FLAGS) & GpuProtocol.FLAG_FENCE) != 0;
    if (fenced && answers.hasFenced() && answers.inOrder(head, chain, answer)) {
      return;
    }
    sendHeader(head, chain, answer);
  }

  private void writeHeader() {
    answer.fill((byte) 0);
    if (got >= GpuProtocol.HEADER) {
      int flags = request.get(INT, GpuProtocol.FLAGS);
      if ((flags & GpuProtocol.FLAG_FENCE) != 0) {
        answer.set(
            INT, GpuProtocol.FLAGS, flags & (GpuProtocol.FLAG_FENCE | GpuProtocol.FLAG_RING_INDEX));
        answer.set(LONG, GpuProtocol.FENCE_ID, request.get(LONG, GpuProtocol.FENCE_ID));
        answer.set(INT, GpuProtocol.CONTEXT, request.get(INT, GpuProtocol.CONTEXT));
        answer.set(
            JAVA_BYTE, GpuProtocol.RING_INDEX, request.get(JAVA_BYTE, GpuProtocol.RING_INDEX));
      }
    }
    answer.set(INT, GpuProtocol.TYPE, GpuProtocol.OK);
  }

  private void sendHeader(int to, DescriptorChain parts, MemorySegment header) {
    send(to, parts, header, GpuProtocol.HEADER);
  }

  private void send(int to, DescriptorChain parts, MemorySegment bytes, long length) {
    session.queue(CONTROL).push(to, (int) parts.write(bytes, length));
    pushed = true;
  }

  private int execute(int type) {
    if (type == GpuProtocol.RESOURCE_FLUSH) {
      return flush();
    } else if (type == GpuProtocol.TRANSFER_TO_HOST_2D) {
      return transfer();
    } else if (type == GpuProtocol.SET_SCANOUT) {
      return setScanout();
    } else if (type == GpuProtocol.SET_SCANOUT_BLOB) {
      return setScanoutBlob();
    } else if (type == GpuProtocol.RESOURCE_CREATE_2D) {
      return create2d();
    } else if (type == GpuProtocol.RESOURCE_CREATE_BLOB) {
      return createBlob();
    } else if (type == GpuProtocol.ATTACH_BACKING) {
      return attachBacking();
    } else if (type == GpuProtocol.DETACH_BACKING) {
      return detachBacking();
    } else if (type == GpuProtocol.RESOURCE_UNREF) {
      return unref();
    } else if (type == GpuProtocol.GET_DISPLAY_INFO) {
      return question(-1);
    } else if (type == GpuProtocol.GET_EDID) {
      return getEdid();
    }
    return GpuProtocol.UNSPECIFIED;
  }

  private int u32(long offset) {
    return request.get(INT, offset);
  }

  private static boolean isSide(int pixels) {
    return pixels > 0 && pixels <= MAX_SIDE;
  }

  /**
   * Whether a rectangle of the request lies within 0,0 and a size; any of its numbers may be wild.
   */
  private boolean isWithin(long rectangle, int width, int height) {
    long x = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.X));
    long y = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.Y));
    long w = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.WIDTH));
    long h = Integer.toUnsignedLong(u32(rectangle + GpuProtocol.HEIGHT));
    return x + w <= width && y + h <= height;
  }

  private int create2d() {
    if (got < GpuProtocol.CREATE_2D_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int id = u32(GpuProtocol.CREATE_2D_ID);
    int format = u32(GpuProtocol.CREATE_2D_FORMAT);
    int width = u32(GpuProtocol.CREATE_2D_WIDTH);
    int height = u32(GpuProtocol.CREATE_2D_HEIGHT);
    if (id == 0 || resources.find(id) != null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (!GpuFormat.exists(format) || !isSide(width) || !isSide(height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.hasRoom()) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    resources.add(Resource.picture(id, format, width, height));
    return GpuProtocol.OK;
  }

  private int createBlob() {
    if (got < GpuProtocol.BLOB_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int id = u32(GpuProtocol.BLOB_ID);
    long size = request.get(LONG, GpuProtocol.BLOB_BYTES);
    int count = u32(GpuProtocol.BLOB_ENTRIES);
    if (id == 0 || resources.find(id) != null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (u32(GpuProtocol.BLOB_MEM) != GpuProtocol.BLOB_MEM_GUEST || size <= 0) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.hasRoom() || !isCount(count) || !resources.addRanges(count)) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    Backing backing = readBacking(GpuProtocol.BLOB_SIZE, count);
    if (backing == null || backing.size() < size) {
      resources.addRanges(-count);
      return GpuProtocol.INVALID_PARAMETER;
    }
    resources.add(Resource.blob(id, size, backing));
    return GpuProtocol.OK;
  }

  private static boolean isCount(int ranges) {
    return ranges > 0 && ranges <= Backing.MAX_RANGES;
  }

  private Backing readBacking(long from, int count) {
    return Backing.read(chain, from, count, session.memory(), request);
  }

  private int attachBacking() {
    if (got < GpuProtocol.ATTACH_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(u32(GpuProtocol.ATTACH_ID));
    int count = u32(GpuProtocol.ATTACH_ENTRIES);
    if (resource == null || resource.isBlob()) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (resource.backing() != null) {
      return GpuProtocol.UNSPECIFIED;
    }
    if (!isCount(count)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    if (!resources.addRanges(count)) {
      return GpuProtocol.OUT_OF_MEMORY;
    }
    Backing backing = readBacking(GpuProtocol.ATTACH_SIZE, count);
    if (backing == null) {
      resources.addRanges(-count);
      return GpuProtocol.INVALID_PARAMETER;
    }
    resource.setBacking(backing);
    return GpuProtocol.OK;
  }

  private int detachBacking() {
    if (got < GpuProtocol.DETACH_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(u32(GpuProtocol.DETACH_ID));
    if (resource == null || resource.isBlob() || resource.backing() == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    return takeBack(resource, false);
  }

  private int unref() {
    if (got < GpuProtocol.UNREF_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(u32(GpuProtocol.UNREF_ID));
    if (resource == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    resources.remove(resource);
    return takeBack(resource, true);
  }

  /**
   * The guest wants its pages back. It gets the answer, and uses them otherwise, when no camera
   * reads them any more.
   */
  private int takeBack(Resource resource, boolean gone) {
    FrameRing read = null;
    for (Scanout scanout : scanouts) {
      View kept = gone ? null : scanout.view();
      FrameRing frames = scanout.takeBack(resource, session.memory());
      read = frames == null ? read : frames;
      if (kept != null && kept.resource() == resource) {
        resource.setView(scanoutOf(scanout), kept); // its place on the display stays
        scanout.set(kept, session.memory());
      }
    }
    if (resource.backing() != null) {
      resources.addRanges(-resource.backing().count());
      resource.setBacking(null);
    }
    if (read == null) {
      return GpuProtocol.OK;
    }
    boolean fenced = (answer.get(INT, GpuProtocol.FLAGS) & GpuProtocol.FLAG_FENCE) != 0;
    long deadline = System.nanoTime() + TAKE_BACK_LIMIT;
    return answers.untilFree(head, chain, answer, fenced, read, deadline) ? LATER : GpuProtocol.OK;
  }

  private int scanoutOf(Scanout scanout) {
    for (int i = 0; i < SCANOUTS; i++) {
      if (scanouts[i] == scanout) {
        return i;
      }
    }
    throw new IllegalArgumentException("a scanout of another device");
  }

  private int setScanout() {
    if (got < GpuProtocol.SCANOUT_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int index = u32(GpuProtocol.SCANOUT_SCANOUT);
    int id = u32(GpuProtocol.SCANOUT_ID);
    if (index < 0 || index >= SCANOUTS) {
      return GpuProtocol.INVALID_SCANOUT;
    }
    if (id == 0) {
      scanouts[index].set(null, session.memory());
      return GpuProtocol.OK;
    }
    Resource resource = resources.find(id);
    if (resource == null || resource.isBlob()) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (!isWithin(GpuProtocol.SCANOUT_RECT, resource.width(), resource.height())) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    return show(
        index,
        resource,
        GpuFormat.scanout(resource.format()),
        GpuProtocol.SCANOUT_RECT,
        0,
        (long) resource.width() * GpuFormat.BYTES);
  }

  private int setScanoutBlob() {
    if (got < GpuProtocol.SCANOUT_BLOB_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int index = u32(GpuProtocol.SCANOUT_BLOB_SCANOUT);
    int id = u32(GpuProtocol.SCANOUT_BLOB_ID);
    if (index < 0 || index >= SCANOUTS) {
      return GpuProtocol.INVALID_SCANOUT;
    }
    if (id == 0) {
      scanouts[index].set(null, session.memory());
      return GpuProtocol.OK;
    }
    Resource resource = resources.find(id);
    if (resource == null || !resource.isBlob()) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    int width = u32(GpuProtocol.SCANOUT_BLOB_WIDTH);
    int height = u32(GpuProtocol.SCANOUT_BLOB_HEIGHT);
    if (!isSide(width)
        || !isSide(height)
        || !isWithin(GpuProtocol.SCANOUT_BLOB_RECT, width, height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    return show(
        index,
        resource,
        GpuFormat.scanout(u32(GpuProtocol.SCANOUT_BLOB_FORMAT)),
        GpuProtocol.SCANOUT_BLOB_RECT,
        Integer.toUnsignedLong(u32(GpuProtocol.SCANOUT_BLOB_OFFSET)),
        Integer.toUnsignedLong(u32(GpuProtocol.SCANOUT_BLOB_STRIDE)));
  }

  private int show(
      int index, Resource resource, PixelFormat format, long rectangle, long offset, long stride) {
    if (format == null) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    int x = u32(rectangle + GpuProtocol.X);
    int y = u32(rectangle + GpuProtocol.Y);
    int width = u32(rectangle + GpuProtocol.WIDTH);
    int height = u32(rectangle + GpuProtocol.HEIGHT);
    View view = resource.view(index);
    if (view == null || !view.is(format, x, y, width, height, offset, stride)) {
      View other;
      try {
        other = View.of(resource, format, x, y, width, height, offset, stride);
      } catch (LayoutException e) {
        LOG.debug("a display that cannot be: {}", e.getMessage());
        return GpuProtocol.INVALID_PARAMETER;
      }
      scanouts[index].takeBack(resource, session.memory());
      resource.setView(index, other);
      view = other;
    }
    scanouts[index].set(view, session.memory());
    return GpuProtocol.OK;
  }

  private int transfer() {
    if (got < GpuProtocol.TRANSFER_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(u32(GpuProtocol.TRANSFER_ID));
    if (resource == null || resource.isBlob() || resource.backing() == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    if (!isWithin(GpuProtocol.TRANSFER_RECT, resource.width(), resource.height())) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    // There is nothing to transfer: but what a camera reads now was drawn over.
    for (Scanout scanout : scanouts) {
      scanout.overdrawn(resource);
    }
    return GpuProtocol.OK;
  }

  private int flush() {
    if (got < GpuProtocol.FLUSH_SIZE) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    Resource resource = resources.find(u32(GpuProtocol.FLUSH_ID));
    if (resource == null) {
      return GpuProtocol.INVALID_RESOURCE;
    }
    int width = resource.isBlob() ? MAX_SIDE : resource.width();
    int height = resource.isBlob() ? MAX_SIDE : resource.height();
    if (!isWithin(GpuProtocol.FLUSH_RECT, width, height)) {
      return GpuProtocol.INVALID_PARAMETER;
    }
    boolean fenced = (answer.get(INT, GpuProtocol.FLAGS) & GpuProtocol.FLAG_FENCE) != 0;
    boolean later = false;
    for (Scanout scanout : scanouts) {
      View view = scanout.view();
      if (view == null || view.resource() != resource) {
        continue;
      }
      if (resource.isBlob()) {
        scanout.overdrawn(resource); // blobs are not transferred: this is when it is seen
      }
      boolean pages =
          scanout.flush(
              u32(GpuProtocol.FLUSH_RECT + GpuProtocol.X),
              u32(GpuProtocol.FLUSH_RECT + GpuProtocol.Y),
              u32(GpuProtocol.FLUSH_RECT + GpuProtocol.WIDTH),
              u32(GpuProtocol.FLUSH_RECT + GpuProtocol.HEIGHT),
              session.memory());
      if (pages && fenced && !later) {
        later =
            answers.untilShown(
                head,
                chain,
                answer,
                view.frames(),
                scanout.lastFrame(),
                System.nanoTime() + fenceNanos);
      }
    }
    return later ? LATER : GpuProtocol.OK;
  }

  private int getEdid() {
    int scanout = got < GpuProtocol.GET_EDID_SIZE ? -1 : u32(GpuProtocol.GET_EDID_SCANOUT);
    return scanout < 0 || scanout >= SCANOUTS ? GpuProtocol.INVALID_SCANOUT : question(scanout);
  }

  private int question(int scanout) {
    if (questions.dependOnQemu()
        && display != null
        && display.askDisplayInfo()
        && questions.keep(head, chain, answer, scanout, System.nanoTime())) {
      return LATER;
    }
    questions.answer(head, chain, answer, scanout, looked, bodySender);
    return LATER;
  }

  private void cursor() {
    got = (int) chain.read(0, request, 0, GpuProtocol.CURSOR_SIZE);
    if (got < GpuProtocol.CURSOR_SIZE) {
      counters.refused.increment();
      return;
    }
    int type = u32(GpuProtocol.TYPE);
    int index = u32(GpuProtocol.CURSOR_SCANOUT);
    if (index < 0 || index >= SCANOUTS) {
      counters.refused.increment();
      return;
    }
    Scanout scanout = scanouts[index];
    Pointer pointer = scanout.pointer();
    boolean visible = pointer.isVisible();
    if (type == GpuProtocol.UPDATE_CURSOR) {
      visible = updateCursor(pointer);
    } else if (type != GpuProtocol.MOVE_CURSOR) {
      counters.refused.increment();
      return;
    }
    pointer.move(u32(GpuProtocol.CURSOR_X), u32(GpuProtocol.CURSOR_Y), visible);
    scanout.pointerChanged(session.memory());
  }

  /** Takes the pointer's picture; false where there is none. */
  private boolean updateCursor(Pointer pointer) {
    Resource resource = resources.find(u32(GpuProtocol.CURSOR_ID));
    if (resource == null
        || resource.backing() == null
        || resource.isBlob()
        || !GpuFormat.isCursor(resource.format())
        || resource.width() > Pointer.MAX_SIDE
        || resource.height() > Pointer.MAX_SIDE
        || resource.size() > resource.backing().size()) {
      return false;
    }
    int bytes = (int) resource.size();
    try {
      MemorySegment pixels =
          pointer.beginDefine(
              resource.width(),
              resource.height(),
              u32(GpuProtocol.CURSOR_HOT_X),
              u32(GpuProtocol.CURSOR_HOT_Y),
              bytes);
      if (!resource.backing().copy(session.memory(), 0, pixels, 0, bytes)) {
        return false;
      }
      pointer.endDefine();
      return true;
    } catch (LayoutException e) {
      return false;
    }
  }

  @Override
  public void close() {
    closeDisplay();
    arena.close();
  }
}
