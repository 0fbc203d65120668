// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The virtio-gpu requests of a guest's driver, on a {@link Monitor}'s rings. */
public final class Driver {
  /** VIRTIO_GPU_RESP_OK_NODATA. */
  static final int OK = 0x1100;

  /** VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM. */
  static final int XRGB = 2;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final int HEADER = 24;

  private final Monitor monitor;

  /** A driver of this monitor's guest. */
  public Driver(Monitor monitor) {
    this.monitor = monitor;
  }

  /** Writes a request behind its header; returns its bytes. */
  int write(int type, int... words) {
    MemorySegment request = monitor.request(0);
    request.asSlice(0, HEADER).fill((byte) 0);
    request.set(INT, 0, type);
    Monitor.put(request.asSlice(HEADER), words);
    return HEADER + 4 * words.length;
  }

  /** Sends a request, and waits for what it is answered with. */
  int request(int type, int... words) throws IOException {
    return answerOf(monitor.submit(0, write(type, words)));
  }

  private int answerOf(int slot) throws IOException {
    monitor.awaitUsed(0, monitor.submitted(0));
    return monitor.answer(0, slot).get(INT, 0);
  }

  /** The whole answer of a request. */
  MemorySegment ask(int type, int... words) throws IOException {
    int slot = monitor.submit(0, write(type, words));
    monitor.awaitUsed(0, monitor.submitted(0));
    return monitor.answer(0, slot);
  }

  /** Makes a 2D resource, and gives it pages: {@code ranges} of addresses and lengths. */
  public void picture(int id, int width, int height, long... ranges) throws IOException {
    assertEquals(OK, request(0x101, id, XRGB, width, height));
    assertEquals(OK, attach(id, ranges));
  }

  /** Gives a resource pages. */
  int attach(int id, long... ranges) throws IOException {
    long list = Monitor.FREE - (1 << 14);
    for (int i = 0; i < ranges.length / 2; i++) {
      entry(list + 16L * i, ranges[2 * i], (int) ranges[2 * i + 1]);
    }
    int bytes = write(0x106, id, ranges.length / 2);
    return answerOf(monitor.submit(0, bytes, list, 8 * ranges.length));
  }

  /** Makes a blob of the guest's memory. */
  public int blob(int id, long size, long... ranges) throws IOException {
    long list = Monitor.FREE - (1 << 14);
    for (int i = 0; i < ranges.length / 2; i++) {
      entry(list + 16L * i, ranges[2 * i], (int) ranges[2 * i + 1]);
    }
    int bytes = write(0x10c, id, 1, 1, ranges.length / 2, 0, 0, (int) size, (int) (size >> 32));
    return answerOf(monitor.submit(0, bytes, list, 8 * ranges.length));
  }

  private void entry(long at, long address, int length) {
    monitor.memory().set(LONG, at, address);
    monitor.memory().set(INT, at + 8, length);
    monitor.memory().set(INT, at + 12, 0);
  }

  /** Shows all of a resource; 0 turns the display off. */
  public int show(int scanout, int id, int width, int height) throws IOException {
    return request(0x103, 0, 0, width, height, scanout, id);
  }

  /** Shows a blob. */
  public int showBlob(int scanout, int id, int width, int height, int stride) throws IOException {
    return request(
        0x10d, 0, 0, width, height, scanout, id, width, height, XRGB, 0, stride, 0, 0, 0, 0, 0, 0,
        0);
  }

  /** TRANSFER_TO_HOST_2D of all of it. */
  public int transfer(int id, int width, int height) throws IOException {
    return request(0x105, 0, 0, width, height, 0, 0, id, 0);
  }

  /** RESOURCE_FLUSH of all of it. */
  public int flush(int id, int width, int height) throws IOException {
    return request(0x104, 0, 0, width, height, id, 0);
  }

  /** The same as {@link #flip}, at once: as Linux puts the three requests on the ring. */
  public void flipAtOnce(int id, int width, int height) throws IOException {
    monitor.submit(0, write(0x105, 0, 0, width, height, 0, 0, id, 0));
    monitor.submit(0, write(0x103, 0, 0, width, height, 0, id));
    int slot = monitor.submit(0, write(0x104, 0, 0, width, height, id, 0));
    assertEquals(OK, answerOf(slot));
  }

  /** RESOURCE_FLUSH of one pixel, so many at once: at most half a ring. */
  public void flushes(int id, int count) throws IOException {
    int slot = 0;
    for (int i = 0; i < count; i++) {
      slot = monitor.submit(0, write(0x104, 0, 0, 1, 1, id, 0));
    }
    assertEquals(OK, answerOf(slot));
  }

  /** RESOURCE_FLUSH with a fence, which is not waited for; returns the place of its answer. */
  public int flushFenced(int id, int width, int height, long fence) {
    int bytes = write(0x104, 0, 0, width, height, id, 0);
    MemorySegment request = monitor.request(0);
    request.set(INT, 4, 1);
    request.set(LONG, 8, fence);
    return monitor.submit(0, bytes);
  }

  /** Requests so far. */
  public int requests() {
    return monitor.submitted(0);
  }

  /** What Linux does at a page flip of a dumb buffer. */
  public void flip(int id, int width, int height) throws IOException {
    assertEquals(OK, transfer(id, width, height));
    assertEquals(OK, show(0, id, width, height));
    assertEquals(OK, flush(id, width, height));
  }

  /** RESOURCE_DETACH_BACKING, not waited for. */
  int detachLater(int id) {
    return monitor.submit(0, write(0x107, id, 0));
  }

  /** RESOURCE_UNREF. */
  public int unref(int id) throws IOException {
    return request(0x102, id, 0);
  }

  /** UPDATE_CURSOR: its picture is a resource. */
  void cursor(int id, int x, int y) throws IOException {
    pointer(0x300, id, x, y);
  }

  /** MOVE_CURSOR. */
  void moveCursor(int x, int y) throws IOException {
    pointer(0x301, 0, x, y);
  }

  private void pointer(int type, int id, int x, int y) throws IOException {
    MemorySegment request = monitor.request(1);
    request.asSlice(0, HEADER).fill((byte) 0);
    request.set(INT, 0, type);
    Monitor.put(request.asSlice(HEADER), 0, x, y, 0, id, 0, 0, 0);
    int slot = monitor.submit(1, HEADER + 32);
    monitor.awaitUsed(1, monitor.submitted(1));
    assertEquals(0, monitor.answer(1, slot).get(INT, 0));
  }
}
