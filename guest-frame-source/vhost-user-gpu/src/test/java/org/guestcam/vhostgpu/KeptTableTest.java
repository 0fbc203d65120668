// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest goes on beside one guestcam after the other; or it is another guest. */
class KeptTableTest {
  private static final int WIDTH = 64;
  private static final int HEIGHT = 32;
  private static final long BYTES = 4L * WIDTH * HEIGHT; // two pages
  private static final long A = Monitor.FREE;
  private static final long B = Monitor.FREE + (1 << 16);
  private static final long GUEST = 1 << 20;
  private static final int USED = 12; // where the file has the number of requests

  @TempDir Path scratch;
  private Monitor monitor;
  private Driver driver;

  @BeforeEach
  void listen() throws IOException {
    System.setProperty(KeptTable.DIRECTORY, scratch.resolve("tables").toString());
    boot();
  }

  private void boot() throws IOException {
    monitor = Monitor.listen(path(), GUEST);
    driver = new Driver(monitor);
  }

  private void bootAnother() throws IOException {
    Files.deleteIfExists(Path.of(path()));
    boot();
  }

  @AfterEach
  void close() {
    System.clearProperty(KeptTable.DIRECTORY);
    monitor.close();
  }

  private String path() {
    return scratch.resolve("qemu.sock").toString();
  }

  /** A guestcam that has heard all that a monitor says of a guest. */
  private VhostGpuSource guestcam(Camera camera) throws IOException {
    VhostGpuSource source =
        new VhostGpuSource(
            VhostGpuOptions.parse(new Endpoint("vhost-user-gpu", path() + "?connect")));
    source.start(camera);
    monitor.accept();
    monitor.startRings();
    return source;
  }

  /** Two pictures, the second of scattered pages; the first is shown, and guestcam ends. */
  private void serveOnce() throws Exception {
    Camera camera = new Camera();
    try (VhostGpuSource _ = guestcam(camera)) {
      driver.picture(1, WIDTH, HEIGHT, A, BYTES);
      driver.picture(2, WIDTH, HEIGHT, B + 4096, 4096, B, 4096);
      monitor.fill(A, BYTES, 0x112233);
      driver.flip(1, WIDTH, HEIGHT);
      camera.next().release();
    }
    camera.fine();
  }

  private Path table() throws IOException {
    try (Stream<Path> files = Files.list(scratch.resolve("tables"))) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all.toString());
      return all.getFirst();
    }
  }

  @Test
  void theNextGuestcamKnowsTheGuestsBuffers() throws Exception {
    serveOnce();
    monitor.fill(A, BYTES, 0x445566); // drawn while no guestcam was there
    for (int i = 0; i < 2; i++) {
      Camera camera = new Camera();
      try (VhostGpuSource source = guestcam(camera)) {
        Frame shown = camera.next();
        Camera.assertFilled(i == 0 ? 0x445566 : 0x99aabb, shown);
        shown.release();
        monitor.fill(B + 4096, 4096, 0x778899);
        driver.flip(2, WIDTH, HEIGHT);
        Frame next = camera.next();
        assertEquals(0x778899, Camera.pixel(next, 0, 0));
        assertEquals(0, source.copiedBytes());
        next.release();
        monitor.fill(A, BYTES, 0x99aabb);
        driver.flip(1, WIDTH, HEIGHT);
        camera.next().release();
      }
      camera.fine();
    }
    assertEquals(Driver.OK, afterwards(() -> driver.unref(2)));
  }

  private interface Requests {
    int send() throws IOException;
  }

  /** What another guestcam answers. */
  private int afterwards(Requests requests) throws IOException {
    Camera camera = new Camera();
    try (VhostGpuSource _ = guestcam(camera)) {
      return requests.send();
    } finally {
      camera.fine();
    }
  }

  @Test
  void aGuestThatBeganAnewIsNotTakenForTheOldOne() throws Exception {
    serveOnce();
    monitor.clearRings();
    assertNotEquals(Driver.OK, afterwards(() -> driver.flush(1, WIDTH, HEIGHT)));
  }

  @Test
  void aRingThatWasServedOtherwiseIsNotTakenForTheOldOne() throws Exception {
    serveOnce();
    monitor.pretend(0, monitor.submitted(0) + 1);
    assertNotEquals(Driver.OK, afterwards(() -> driver.flush(1, WIDTH, HEIGHT)));
  }

  @Test
  void anotherGuestsMemoryIsNotTakenForTheOldOnes() throws Exception {
    serveOnce();
    int requests = monitor.submitted(0);
    monitor.close();
    bootAnother();
    monitor.pretend(0, requests);
    assertNotEquals(Driver.OK, afterwards(() -> driver.flush(1, WIDTH, HEIGHT)));
  }

  @Test
  void nothingIsKeptOfAMonitorThatIsGone() throws Exception {
    Camera camera = new Camera();
    try (VhostGpuSource _ = guestcam(camera)) {
      driver.picture(1, WIDTH, HEIGHT, A, BYTES);
      monitor.close();
      assertEquals("QEMU closed the guest's display", camera.end());
    }
    bootAnother();
    try (Stream<Path> files = Files.list(scratch.resolve("tables"))) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void aFileOfOthersIsNotRead() throws Exception {
    serveOnce();
    Path elsewhere = Files.move(table(), scratch.resolve("elsewhere"));
    Files.createSymbolicLink(
        scratch.resolve("tables").resolve(tableName()), elsewhere); // not ours to follow
    assertNotEquals(Driver.OK, afterwards(() -> driver.flush(1, WIDTH, HEIGHT)));
  }

  private String tableName() {
    return KeptTable.name(path());
  }

  /** Whatever the file says, the device serves; what it shows is in the guest's memory. */
  @Test
  void aFileThatIsBrokenHurtsNobody() throws Exception {
    serveOnce();
    byte[] whole = Files.readAllBytes(table());
    Random random = new Random(1);
    int known = 0;
    for (int i = 0; i < 100; i++) {
      byte[] broken = whole.clone();
      ByteBuffer.wrap(broken)
          .order(ByteOrder.nativeOrder())
          .putInt(USED, monitor.used(0)); // each guestcam served a request
      for (int change = random.nextInt(1, 4); change > 0; change--) {
        // What means something: the header's and displays' first bytes, and the lists.
        int at = random.nextInt(2) == 0 ? random.nextInt(16, 112) : 0;
        at = at == 0 ? random.nextInt(4096, broken.length) : at;
        broken[at] = (byte) (random.nextInt(4) == 0 ? 0xff : random.nextInt());
      }
      int bytes = random.nextInt(4) == 0 ? random.nextInt(broken.length) : broken.length;
      Files.write(table(), java.util.Arrays.copyOf(broken, bytes));
      known += afterwards(() -> driver.flush(1, WIDTH, HEIGHT)) == Driver.OK ? 1 : 0;
    }
    assertTrue(known > 0 && known < 100, known + " of 100 could be read");
  }
}
