// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Cursor;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The device with a monitor and a driver of ours: what a guest asks, and what a camera sees. */
@Timeout(120)
class DeviceTest {
  private static final int WIDTH = 64;
  private static final int HEIGHT = 32;
  private static final long BYTES = 4L * WIDTH * HEIGHT; // two pages
  private static final long A = Monitor.FREE;
  private static final long B = Monitor.FREE + (1 << 16);
  private static final long GUEST = 1 << 20;

  @TempDir Path scratch;
  private final Camera camera = new Camera();
  private VhostGpuSource source;
  private Monitor monitor;
  private Driver driver;

  private void start(String parameters) throws IOException {
    source = open(parameters);
    source.start(camera);
    monitor = Monitor.start(path(), GUEST);
    driver = new Driver(monitor);
  }

  private String path() {
    return scratch.resolve("gpu.sock").toString();
  }

  private VhostGpuSource open(String parameters) {
    return new VhostGpuSource(
        VhostGpuOptions.parse(new Endpoint("vhost-user-gpu", path() + parameters)));
  }

  @AfterEach
  void close() {
    if (source != null) {
      source.close();
    }
    if (monitor != null) {
      monitor.close();
    }
    camera.fine();
  }

  @Test
  void flipsAreShownFromTheGuestsOwnPages() throws Exception {
    start("?modes=800x600");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.picture(2, WIDTH, HEIGHT, B + 4096, 4096, B, 4096); // its pages in another order
    monitor.fill(A, BYTES, 0x112233);
    driver.flip(1, WIDTH, HEIGHT);
    Frame first = camera.next();
    Camera.assertFilled(0x112233, first);
    monitor.fill(B + 4096, 4096, 0x445566);
    monitor.fill(B, 4096, 0x778899);
    driver.flip(2, WIDTH, HEIGHT);
    Frame second = camera.next();
    assertEquals(0x445566, Camera.pixel(second, WIDTH - 1, HEIGHT / 2 - 1));
    assertEquals(0x778899, Camera.pixel(second, 0, HEIGHT / 2));
    monitor.fill(A, 4, 0xabcdef);
    assertEquals(0xabcdef, Camera.pixel(first, 0, 0), "the guest's page itself, not a copy");
    Buffer known = first.buffer();
    first.release();
    driver.flip(1, WIDTH, HEIGHT);
    Frame third = camera.next();
    assertSame(known, third.buffer(), "kept as long as the backing");
    second.release();
    third.release();
  }

  @Test
  void requestsMayBeIndirect() throws Exception {
    start("");
    monitor.setIndirect(true);
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x0000ff);
    driver.flip(1, WIDTH, HEIGHT);
    Frame frame = camera.next();
    Camera.assertFilled(0x0000ff, frame);
    frame.release();
  }

  @Test
  void aPartOfAResourceIsShown() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x010101);
    monitor.memory().set(ValueLayout.JAVA_INT_UNALIGNED, A + 4 * (8L * WIDTH + 16), 0xfedcba);
    assertEquals(Driver.OK, driver.request(0x103, 16, 8, 20, 10, 0, 1));
    assertEquals(Driver.OK, driver.flush(1, WIDTH, HEIGHT));
    Frame frame = camera.next();
    assertEquals(20, frame.buffer().layout().width());
    assertEquals(10, frame.buffer().layout().height());
    assertEquals(0xfedcba, Camera.pixel(frame, 0, 0));
    assertEquals(0x010101, Camera.pixel(frame, 1, 0));
    frame.release();
  }

  @Test
  void theGuestLearnsTheModesThatWereAskedFor() throws Exception {
    start("?modes=1920x1080,1280x720,640x480,800x600,1024x768");
    MemorySegment info = driver.ask(0x100);
    assertEquals(0x1101, info.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
    assertEquals(1920, info.get(ValueLayout.JAVA_INT_UNALIGNED, 24 + 8));
    assertEquals(1080, info.get(ValueLayout.JAVA_INT_UNALIGNED, 24 + 12));
    assertEquals(1, info.get(ValueLayout.JAVA_INT_UNALIGNED, 24 + 16), "display 0 is connected");
    assertEquals(0, info.get(ValueLayout.JAVA_INT_UNALIGNED, 48 + 16), "display 1 is not");
    MemorySegment edid = driver.ask(0x10a, 0, 0);
    assertEquals(0x1104, edid.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
    assertEquals(256, edid.get(ValueLayout.JAVA_INT_UNALIGNED, 24));
    assertEquals(0x1202, driver.request(0x10a, 16, 0), "INVALID_SCANOUT_ID");
  }

  @Test
  void aFenceIsDoneWhenTheFrameWasShown() throws Exception {
    start("?fence-limit=10000");
    assertEquals(Driver.OK, driver.blob(1, BYTES, A, BYTES));
    assertEquals(Driver.OK, driver.showBlob(0, 1, WIDTH, HEIGHT, 4 * WIDTH));
    monitor.fill(A, BYTES, 0x00ff00);
    int before = monitor.used(0);
    int slot = driver.flushFenced(1, WIDTH, HEIGHT, 77);
    Frame frame = camera.next();
    Camera.assertFilled(0x00ff00, frame);
    frame.keep(); // the bridge does so, to show it again
    driver.write(0x104);
    assertEquals(before, monitor.used(0), "the guest waits while the frame is read");
    frame.release();
    monitor.awaitUsed(0, before + 1);
    MemorySegment answer = monitor.answer(0, slot);
    assertEquals(Driver.OK, answer.get(ValueLayout.JAVA_INT_UNALIGNED, 0));
    assertEquals(1, answer.get(ValueLayout.JAVA_INT_UNALIGNED, 4), "FLAG_FENCE");
    assertEquals(77, answer.get(ValueLayout.JAVA_LONG_UNALIGNED, 8));
    frame.letGo();
  }

  @Test
  void aStalledCameraDoesNotHangTheGuest() throws Exception {
    start("?fence-limit=50");
    assertEquals(Driver.OK, driver.blob(1, BYTES, A, BYTES));
    assertEquals(Driver.OK, driver.showBlob(0, 1, WIDTH, HEIGHT, 4 * WIDTH));
    int before = monitor.used(0);
    driver.flushFenced(1, WIDTH, HEIGHT, 1);
    Frame kept = camera.next();
    monitor.awaitUsed(0, before + 1);
    assertEquals(1, source.counters().overdue.sum());
    kept.release();
  }

  @Test
  void fencedAnswersKeepTheirOrder() throws Exception {
    start("?fence-limit=10000");
    assertEquals(Driver.OK, driver.blob(1, BYTES, A, BYTES));
    assertEquals(Driver.OK, driver.showBlob(0, 1, WIDTH, HEIGHT, 4 * WIDTH));
    int before = monitor.used(0);
    driver.flushFenced(1, WIDTH, HEIGHT, 1);
    Frame first = camera.next();
    int bytes = driver.write(0x100 + 9, 0, 0); // an unknown request, with a fence
    monitor.request(0).set(ValueLayout.JAVA_INT_UNALIGNED, 4, 1);
    monitor.submit(0, bytes);
    driver.flushFenced(1, WIDTH, HEIGHT, 3);
    Frame second = camera.next();
    second.release();
    assertEquals(before, monitor.used(0), "none before the first");
    first.release();
    monitor.awaitUsed(0, before + 3);
  }

  @Test
  void aTransferUnderTheCamerasEyesIsCounted() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    assertEquals(0, source.counters().torn.sum());
    Frame held = camera.next();
    driver.transfer(1, WIDTH, HEIGHT);
    driver.transfer(1, WIDTH, HEIGHT);
    assertEquals(1, source.counters().torn.sum(), "one frame, once");
    held.release();
    driver.transfer(1, WIDTH, HEIGHT);
    assertEquals(1, source.counters().torn.sum(), "nobody reads");
  }

  @Test
  void tearFreeFramesNeverChange() throws Exception {
    start("?tear-free");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x123456);
    driver.flip(1, WIDTH, HEIGHT);
    Frame frame = camera.next();
    monitor.fill(A, BYTES, 0x654321);
    Camera.assertFilled(0x123456, frame);
    assertEquals(Driver.OK, driver.transfer(1, WIDTH, HEIGHT));
    assertEquals(Driver.OK, driver.request(0x104, 0, 0, WIDTH, 1, 1, 0)); // one row
    Frame next = camera.next();
    assertEquals(0x654321, Camera.pixel(next, 5, 0));
    assertEquals(0x123456, Camera.pixel(next, 5, 1), "only what was flushed");
    frame.release();
    next.release();
    assertEquals(0, source.counters().torn.sum());
    // All of it, then a row, and the other rows out of the first buffer into the second.
    assertEquals(2 * BYTES, source.copiedBytes());
  }

  @Test
  void aPointerIsDrawnOrTold() throws Exception {
    start("?cursor=blend");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
    assertEquals(Driver.OK, driver.request(0x101, 9, 1, 64, 64));
    assertEquals(Driver.OK, driver.attach(9, B, 64 * 64 * 4));
    monitor.fill(B, 64 * 64 * 4, 0xffff0000);
    driver.cursor(9, 60, 30);
    Frame frame = camera.next();
    assertEquals(0, Camera.pixel(frame, 59, 30));
    assertEquals(0xff0000, Camera.pixel(frame, 60, 30));
    assertEquals(0xff0000, Camera.pixel(frame, 63, 31));
    frame.release();
    driver.moveCursor(0, 31);
    frame = camera.next();
    assertEquals(0xff0000, Camera.pixel(frame, 0, 31));
    assertEquals(0xff0000, Camera.pixel(frame, 63, 31));
    assertEquals(0, Camera.pixel(frame, 60, 30));
    frame.release();
  }

  @Test
  void aPointerIsTold() throws Exception {
    start("?cursor=meta");
    assertEquals(Driver.OK, driver.request(0x101, 9, 1, 64, 64));
    assertEquals(Driver.OK, driver.attach(9, B, 64 * 64 * 4));
    monitor.fill(B, 64 * 64 * 4, 0x80402010);
    driver.cursor(9, -3, 7);
    Cursor cursor = camera.nextCursor();
    assertTrue(cursor.visible());
    assertEquals(-3, cursor.x());
    assertEquals(7, cursor.y());
    assertEquals(0x80402010, cursor.shape().pixels().get(ValueLayout.JAVA_INT_UNALIGNED, 400));
    driver.cursor(0, 0, 0);
    assertFalse(camera.nextCursor().visible());
  }

  @Test
  void pagesThatTheGuestTakesBackAreNotLeftOnShow() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x00aa00);
    driver.flip(1, WIDTH, HEIGHT);
    Frame pages = camera.next();
    int before = monitor.used(0);
    driver.detachLater(1);
    Frame still = camera.next();
    assertNotSame(pages.buffer(), still.buffer());
    assertEquals(before, monitor.used(0), "the guest gets its pages when they are not read");
    pages.release();
    monitor.awaitUsed(0, before + 1);
    monitor.fill(A, BYTES, 0x5ec2e7); // the guest's secret
    Camera.assertFilled(0x00aa00, still);
    still.release();
  }

  @Test
  void aDisplayThatIsOffCanBeBlank() throws Exception {
    start("?off=blank");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x00aa00);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
    assertEquals(Driver.OK, driver.show(0, 0, 0, 0));
    Frame black = camera.next();
    Camera.assertFilled(0, black);
    black.release();
  }

  @Test
  void aResetGuestBeginsAnew() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x010203);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
    monitor.resetRings();
    Frame still = camera.next();
    Camera.assertFilled(0x010203, still);
    still.release();
    driver.picture(1, WIDTH / 2, HEIGHT / 2, A, BYTES); // the number is free again
    driver.flip(1, WIDTH / 2, HEIGHT / 2);
    Frame frame = camera.next();
    assertEquals(WIDTH / 2, frame.buffer().layout().width());
    frame.release();
  }

  @Test
  void aPausedGuestGoesOn() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
    int base = monitor.stopRing(0);
    assertEquals(monitor.submitted(0), base);
    camera.next().release(); // a still picture
    monitor.fill(A, BYTES, 0x0a0b0c);
    monitor.startRing(0, base);
    Frame frame = camera.next();
    Camera.assertFilled(0x0a0b0c, frame);
    frame.release();
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
  }

  @Test
  void aRingThatAnotherProcessServedHasNoBaseHere() throws Exception {
    source = open("?wait");
    source.start(camera);
    monitor = Monitor.connect(path(), GUEST, true);
    monitor.stopUnknownRing(0);
    monitor.stopUnknownRing(1);
    monitor.startRings(); // and goes on with this one
    assertEquals(0, monitor.stopRing(0));
  }

  @Test
  void allOfTheMemoryIsToldAnewWhenAGuestIsStarted() throws Exception {
    source = open("");
    source.start(camera);
    monitor = Monitor.connect(path(), GUEST, true);
    assertEquals(
        0, monitor.ask(15) & 1L << 15, "CONFIGURE_MEM_SLOTS: QEMU would tell changes only");
  }

  @Test
  void theNextMonitorIsServedWhereThatIsWanted() throws Exception {
    start("?wait");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
    monitor.close();
    camera.next().release(); // a still picture
    monitor = Monitor.start(path(), GUEST);
    driver = new Driver(monitor);
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    monitor.fill(A, BYTES, 0x314159);
    driver.flip(1, WIDTH, HEIGHT);
    Frame frame = camera.next();
    Camera.assertFilled(0x314159, frame);
    frame.release();
  }

  @Test
  void aMonitorThatGoesEndsTheSource() throws Exception {
    start("");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    Frame held = camera.next();
    monitor.close();
    assertTrue(camera.end().contains("QEMU closed"));
    camera.next().release();
    Camera.assertFilled(0, held); // its pages live on
    held.release();
    monitor = null;
  }

  @Test
  void twoDisplaysAreTwoCameras() throws Exception {
    start("?modes=640x480");
    Camera other = new Camera();
    try (VhostGpuSource second = open("?modes=640x480&scanout=3")) {
      second.start(other);
      driver.picture(1, WIDTH, HEIGHT, A, BYTES);
      driver.picture(2, WIDTH, HEIGHT, B, BYTES);
      monitor.fill(A, BYTES, 0xaaaaaa);
      monitor.fill(B, BYTES, 0xbbbbbb);
      assertEquals(Driver.OK, driver.show(3, 2, WIDTH, HEIGHT));
      assertEquals(Driver.OK, driver.flush(2, WIDTH, HEIGHT));
      driver.flip(1, WIDTH, HEIGHT);
      Frame here = camera.next();
      Frame there = other.next();
      Camera.assertFilled(0xaaaaaa, here);
      Camera.assertFilled(0xbbbbbb, there);
      here.release();
      there.release();
      try (VhostGpuSource third = open("?modes=640x480&scanout=3")) {
        IOException taken = assertThrows(IOException.class, () -> third.start(new Camera()));
        assertTrue(taken.getMessage().contains("has a camera"), taken.getMessage());
      }
      try (VhostGpuSource third = open("?modes=800x600&scanout=4")) {
        assertThrows(IOException.class, () -> third.start(new Camera()));
      }
    }
    assertEquals("the guest's display was closed", other.end());
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
  }

  @Test
  void requestsThatMakeNoSenseAreRefused() throws Exception {
    start("");
    assertEquals(0x1203, driver.request(0x101, 0, 2, 64, 64), "resource 0");
    assertEquals(0x1205, driver.request(0x101, 1, 99, 64, 64), "format 99");
    assertEquals(0x1205, driver.request(0x101, 1, 2, 0x40000000, 0x40000000), "size");
    assertEquals(Driver.OK, driver.request(0x101, 1, 2, 64, 64));
    assertEquals(0x1203, driver.request(0x101, 1, 2, 64, 64), "there already");
    assertEquals(0x1205, driver.attach(1, GUEST - 4096, 8192), "past the guest's memory");
    assertEquals(0x1205, driver.attach(1, -4096, 8192), "a negative address");
    assertEquals(0x1205, driver.request(0x106, 1, 0x7fffffff), "more ranges than there may be");
    assertEquals(0x1205, driver.request(0x106, 1, 5000), "ranges that are not sent");
    assertEquals(0x1205, driver.request(0x103, 1, 0, 64, 64, 0, 1), "a rectangle outside");
    assertEquals(0x1205, driver.request(0x103, -1, 0, 2, 64, 0, 1), "a sum that overflows");
    assertEquals(0x1202, driver.request(0x103, 0, 0, 64, 64, 16, 1), "display 16");
    assertEquals(0x1203, driver.request(0x103, 0, 0, 64, 64, 0, 7), "resource 7");
    assertEquals(0x1203, driver.flush(7, 64, 64));
    assertEquals(0x1205, driver.flush(1, 65, 64));
    assertEquals(0x1203, driver.transfer(1, 64, 64), "without pages");
    assertEquals(0x1203, driver.unref(7));
    assertEquals(0x1205, driver.blob(3, BYTES + 1, A, BYTES), "more than its ranges");
    assertEquals(0x1205, driver.blob(3, -1, A, BYTES));
    assertEquals(Driver.OK, driver.blob(3, BYTES, A, BYTES));
    assertEquals(0x1205, driver.showBlob(0, 3, WIDTH, HEIGHT + 1, 4 * WIDTH), "too high for it");
    assertEquals(0x1205, driver.showBlob(0, 3, WIDTH, HEIGHT, 4), "stride");
    assertEquals(0x1200, driver.request(0x9999), "unknown");
    assertNotEquals(0, source.counters().refused.sum());
    assertEquals(Driver.OK, driver.unref(1));
    driver.picture(1, WIDTH, HEIGHT, A, BYTES); // and it goes on
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
  }

  @Test
  void resourcesAreLimited() throws Exception {
    start("");
    for (int i = 1; i <= ResourceTable.MAX_RESOURCES; i++) {
      assertEquals(Driver.OK, driver.request(0x101, i, 2, 16, 16));
    }
    assertEquals(0x1201, driver.request(0x101, -1, 2, 16, 16), "OUT_OF_MEMORY");
    assertEquals(Driver.OK, driver.unref(17));
    assertEquals(Driver.OK, driver.request(0x101, -1, 2, 16, 16));
  }

  @Test
  void brokenRingsEndTheGuestsSource() throws Exception {
    start("");
    monitor.setAvailable(0, 1000);
    assertTrue(camera.end().contains("index moved by 1000"));
    assertTrue(monitor.isCutOff());
  }

  @Test
  void aLoopOfDescriptorsEndsTheGuestsSource() throws Exception {
    start("");
    monitor.descriptor(0, A, 16, 1, 1);
    monitor.descriptor(16, A, 16, 1, 0);
    monitor.offer(0, 0);
    assertTrue(camera.end().contains("loop"));
  }

  @Test
  void descriptorsOutsideTheGuestsMemoryEndIt() throws Exception {
    start("?wait"); // with wait, only this monitor's connection ends
    monitor.descriptor(0, GUEST - 8, 16, 0, 0);
    monitor.offer(0, 0);
    assertTrue(monitor.isCutOff());
    monitor.close();
    monitor = Monitor.start(path(), GUEST);
    driver = new Driver(monitor);
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    driver.flip(1, WIDTH, HEIGHT);
    camera.next().release();
  }

  @Test
  void framesGoOutWhileTheCameraHoldsMany() throws Exception {
    start("?tear-free");
    driver.picture(1, WIDTH, HEIGHT, A, BYTES);
    Frame[] held = new Frame[7];
    for (int i = 0; i < held.length; i++) {
      monitor.fill(A, BYTES, 0x100000 + i);
      driver.flip(1, WIDTH, HEIGHT);
      held[i] = camera.next();
    }
    monitor.fill(A, BYTES, 0x200000);
    driver.flip(1, WIDTH, HEIGHT); // no buffer is free: it waits
    assertEquals(0, camera.waiting());
    for (int i = 0; i < held.length; i++) {
      Camera.assertFilled(0x100000 + i, held[i]);
    }
    held[0].release();
    Frame late = camera.next();
    Camera.assertFilled(0x200000, late);
    late.release();
    for (int i = 1; i < held.length; i++) {
      held[i].release();
    }
  }
}
