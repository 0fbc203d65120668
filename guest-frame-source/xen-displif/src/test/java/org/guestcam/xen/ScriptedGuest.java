// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/**
 * A guest's driver by script, over plain memory, with the backend that serves it and a listener
 * that keeps its frames until it is told. Time stands still unless a test moves it.
 */
final class ScriptedGuest implements AutoCloseable {
  static final int DOMAIN = 7;
  static final String ROOT = "/local/domain/0/backend/vdispl";
  static final String BACK = ROOT + "/" + DOMAIN + "/0";
  static final String FRONT = "/local/domain/" + DOMAIN + "/device/vdispl/0";

  /** A connector's two pages, as the guest has them. */
  final class Rings {
    final MemorySegment requests;
    final MemorySegment events;
    final int requestPort;
    final int eventPort;
    int sent;
    int answered;
    int seen;
    short nextId = 100;

    Rings(int index) {
      int[] refs = xen.allocate(2);
      requests = xen.page(refs[0]);
      events = xen.page(refs[1]);
      requests.set(JAVA_INT, 4, 1);
      requests.set(JAVA_INT, 12, 1);
      requestPort = ++ports;
      eventPort = ++ports;
      String path = FRONT + "/" + index;
      store.write(path + "/req-ring-ref", Integer.toString(refs[0]));
      store.write(path + "/req-event-channel", Integer.toString(requestPort));
      store.write(path + "/evt-ring-ref", Integer.toString(refs[1]));
      store.write(path + "/evt-event-channel", Integer.toString(eventPort));
    }

    /** Puts a request into the ring and lets the backend work. */
    void send(int operation, Object... fields) throws IOException {
      long at = 64 + (sent & 31) * 64L;
      // Only what the operation has is written: old bytes stay, as with Linux's driver.
      requests.set(JAVA_SHORT, at, nextId++);
      requests.set(JAVA_BYTE, at + 2, (byte) operation);
      long to = at + 8;
      for (Object field : fields) {
        if (field instanceof Long cookie) {
          requests.set(JAVA_LONG, to, cookie);
          to += 8;
        } else {
          requests.set(JAVA_INT, to, (Integer) field);
          to += 4;
        }
      }
      requests.set(JAVA_INT, 0, ++sent);
      backend.fired(requestPort);
    }

    /** Whether an answer is there. */
    boolean isAnswered() {
      return requests.get(JAVA_INT, 8) != answered;
    }

    /** The status of the next answer. */
    int status() {
      if (!isAnswered()) {
        throw new AssertionError("no answer");
      }
      long at = 64 + (answered++ & 31) * 64L;
      requests.set(JAVA_INT, 12, answered + 1);
      return requests.get(JAVA_INT, at + 4);
    }

    int ask(int operation, Object... fields) throws IOException {
      send(operation, fields);
      return status();
    }

    /** Events that have come since the last call: their framebuffers. */
    List<Long> flips() {
      List<Long> flips = new ArrayList<>();
      for (; seen != events.get(JAVA_INT, 4); seen++) {
        long at = 64 + (seen % 63) * 64L;
        if (Short.toUnsignedInt(events.get(JAVA_SHORT, at)) != (seen & 0xffff)) {
          throw new AssertionError("event " + seen + " has the id " + events.get(JAVA_SHORT, at));
        }
        flips.add(events.get(JAVA_LONG, at + 8));
      }
      return flips;
    }
  }

  /** Keeps what it hears. */
  static final class Heard implements FrameListener {
    final List<Frame> frames = new ArrayList<>();
    final List<Buffer> buffers = new ArrayList<>();
    Mode mode;

    @Override
    public void modeChanged(Mode changed) {
      mode = changed;
    }

    @Override
    public void bufferAdded(Buffer buffer) {
      buffers.add(buffer);
    }

    @Override
    public void bufferRemoved(Buffer buffer) {
      if (!buffers.remove(buffer)) {
        throw new AssertionError(buffer + " was never added");
      }
    }

    @Override
    public void framePresented(Frame frame) {
      frames.add(frame);
    }

    @Override
    public void ended(String reason, Throwable failure) {}

    /** Gives the oldest frame back. */
    void release() {
      frames.removeFirst().release();
    }
  }

  final MemoryStore store = new MemoryStore();
  final MemoryHypervisor xen = new MemoryHypervisor();
  final Heard heard = new Heard();
  final AtomicLong copiedBytes = new AtomicLong();
  final Backend backend;
  String wanted = "0";
  int wakes;
  long now = 1_000_000_000_000L;
  private int ports;

  ScriptedGuest(DisplayMemory.Route route) throws IOException {
    backend =
        new Backend(
            store,
            xen,
            new Routes(route, 0, copiedBytes),
            ROOT,
            domain -> domain == DOMAIN,
            (connector, id) ->
                new XenOptions("1", wanted, null, 0, XenHost.Calls.DEVICES)
                        .isConnector(connector, id)
                    ? heard
                    : null,
            () -> wakes++,
            () -> now);
  }

  /** The toolstack's part. */
  void attach(boolean backendAllocates, String... resolutions) throws IOException {
    store.write(FRONT + "/backend", BACK);
    store.write(FRONT + "/be-alloc", backendAllocates ? "1" : "0");
    for (int i = 0; i < resolutions.length; i++) {
      store.write(FRONT + "/" + i + "/resolution", resolutions[i]);
    }
    store.write(FRONT + "/state", "1");
    store.write(BACK + "/frontend", FRONT);
    store.write(BACK + "/online", "1");
    store.write(BACK + "/state", "1");
    backend.storeChanged();
  }

  /** The driver offers its rings. */
  Rings connect() throws IOException {
    Rings rings = new Rings(0);
    guestState(3);
    return rings;
  }

  void guestState(int state) throws IOException {
    store.write(FRONT + "/state", Integer.toString(state));
    backend.storeChanged();
  }

  int backendState() {
    return Integer.parseInt(store.read(BACK + "/state").orElse("0"));
  }

  /** A chain of directory pages that names these pages. */
  int directory(int... refs) {
    int[] pages = xen.allocate(Math.ceilDiv(refs.length, PageDirectory.REFS));
    for (int i = 0; i < refs.length; i++) {
      MemorySegment page = xen.page(pages[i / PageDirectory.REFS]);
      page.set(JAVA_INT, 4 + 4L * (i % PageDirectory.REFS), refs[i]);
    }
    for (int p = 0; p + 1 < pages.length; p++) {
      xen.page(pages[p]).set(JAVA_INT, 0, pages[p + 1]);
    }
    return pages[0];
  }

  /** What is mapped, copied from, lent and bound, beside nothing. */
  String kept() {
    return "mapped "
        + xen.mapped
        + ", copies "
        + xen.copies
        + ", loans "
        + xen.loans
        + ", ports "
        + xen.bound.size();
  }

  static final String NOTHING = "mapped 0, copies 0, loans 0, ports 0";

  @Override
  public void close() throws IOException {
    while (!heard.frames.isEmpty()) {
      heard.release();
    }
    backend.close();
    while (!heard.frames.isEmpty()) {
      heard.release();
    }
    xen.close();
  }
}
