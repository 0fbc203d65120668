// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** Guests on a bus of the test's own. */
@Tag("qemu")
@QemuVersions.Each
class QemuBusTest {
  private static final String FIRST = "11111111-2222-3333-4444-555555555555";
  private static final String SECOND = "99999999-8888-7777-6666-555555555555";

  /** How often the guest is killed; -Dguestcam.kills=1000 for a long run. */
  private static final int KILLS = Integer.getInteger("guestcam.kills", 8);

  @Parameter private String program;
  @TempDir private Path directory;
  private Process bus;
  private String address;

  @BeforeEach
  void startFirstBus() throws IOException {
    startBus(directory.resolve("bus.sock"));
  }

  private void startBus(Path socket) throws IOException {
    Files.deleteIfExists(socket);
    bus = TestBus.start(directory, socket);
    address = "unix:path=" + socket;
  }

  @AfterEach
  void stopBus() throws InterruptedException {
    bus.destroyForcibly().waitFor();
  }

  private QemuProcess boot(String name, String uuid, BootSector guest) throws IOException {
    return QemuProcess.boot(
        program,
        directory.resolve(name),
        guest,
        "dbus,addr=" + address,
        "-vga",
        "std",
        "-name",
        name,
        "-uuid",
        uuid);
  }

  private FrameSource open(String guest, String more) throws IOException {
    return new QemuProvider().open(Endpoint.parse("qemu:" + guest + "?bus=" + address + more));
  }

  private static void awaitDump(QemuProcess qemu, FrameCollector frames) throws Exception {
    for (int i = 0; i < 200 && !qemu.screendump("").equals(frames.picture()); i++) {
      long before = frames.frames();
      frames.await("another frame", f -> f.frames() > before || f.picture().colours() > 7);
    }
    assertEquals(qemu.screendump(""), frames.picture());
  }

  @Test
  void severalGuestsOnOneBusAreToldApart() throws Exception {
    FrameCollector first = new FrameCollector();
    FrameCollector second = new FrameCollector();
    try (QemuProcess one = boot("one", FIRST, BootSector.TEXT);
        QemuProcess two = boot("two", SECOND, BootSector.STILL);
        FrameSource byName = open("one", "");
        FrameSource byUuid = open(SECOND, "")) {
      byName.start(first);
      byUuid.start(second);
      first.await("text", f -> f.picture() != null && f.picture().colours() >= 7);
      second.await("graphics", f -> f.picture() != null && f.picture().colours() >= 200);
      awaitDump(one, first);
      awaitDump(two, second);
      IOException missing =
          assertThrows(IOException.class, () -> open("three", "").start(new FrameCollector()));
      assertTrue(missing.getMessage().contains("'one'"), missing::getMessage);
      assertTrue(missing.getMessage().contains("'two'"), missing::getMessage);
      IOException ambiguous =
          assertThrows(IOException.class, () -> open("", "").start(new FrameCollector()));
      assertTrue(ambiguous.getMessage().contains(FIRST), ambiguous::getMessage);
    }
  }

  @Test
  void aGuestThatComesBackIsShownAgain() throws Exception {
    FrameCollector frames = new FrameCollector();
    SplittableRandom random = new SplittableRandom(3);
    long descriptors = 0;
    long threads = 0;
    long mappings = 0;
    long began = System.nanoTime();
    int busKills = 0;
    try (FrameSource source = open("phoenix", "&wait")) {
      source.start(frames); // there is none yet
      for (int life = 0; life < KILLS; life++) {
        long before = frames.frames();
        try (QemuProcess qemu = boot("phoenix", FIRST, BootSector.MOVING)) {
          long wanted = before + random.nextInt(1, 4);
          frames.await("a new life", f -> f.frames() >= wanted);
          if (random.nextInt(3) == 0) {
            // The guest's own connection outlives the bus, and the guest goes on.
            bus.destroyForcibly().waitFor();
            busKills++;
            long then = frames.frames();
            frames.await("frames without a bus", f -> f.frames() > then + 3);
          }
          qemu.kill(); // in the middle of a picture as likely as not
        }
        if (!bus.isAlive()) {
          startBus(directory.resolve("bus.sock"));
        }
        if (life == 1) {
          descriptors = openDescriptors();
          threads = Thread.getAllStackTraces().size();
          mappings = mappings();
        }
      }
      try (QemuProcess qemu = boot("phoenix", FIRST, BootSector.STILL)) {
        frames.await("the last life", f -> f.picture().colours() >= 200);
        awaitDump(qemu, frames);
      }
      long left = openDescriptors();
      long most = descriptors + 8; // what the class loader opens meanwhile
      assertTrue(left <= most, () -> left + " descriptors are open, there were " + most);
      long running = Thread.getAllStackTraces().size();
      long mostThreads = threads + 4;
      assertTrue(running <= mostThreads, () -> running + " threads run, there were " + mostThreads);
      long mapped = mappings();
      long mostMapped = mappings + 4;
      assertTrue(mapped <= mostMapped, () -> mapped + " pictures are mapped, not " + mostMapped);
      System.out.printf(
          "%d kills of QEMU, %d of them of the bus as well, in %d s: %d descriptors (%d), %d"
              + " threads (%d), %d mappings (%d)%n",
          KILLS,
          busKills,
          (System.nanoTime() - began) / 1_000_000_000L,
          left,
          descriptors,
          running,
          threads,
          mapped,
          mappings);
    }
    assertEquals("the guest's display was closed", frames.end());
  }

  @Test
  void aGuestThatMigratesIsShownWhereItWent() throws Exception {
    FrameCollector frames = new FrameCollector();
    Path channel = directory.resolve("migration.sock");
    try (QemuProcess here = boot("mover", FIRST, BootSector.STILL);
        FrameSource source = open("mover", "&wait")) {
      source.start(frames);
      frames.await("the pattern", f -> f.picture() != null && f.picture().colours() >= 200);
      try (QemuProcess there =
          QemuProcess.boot(
              program,
              directory.resolve("there"),
              BootSector.STILL,
              "dbus,addr=" + address,
              "-vga",
              "std",
              "-name",
              "mover",
              "-uuid",
              FIRST,
              "-incoming",
              "unix:" + channel)) {
        here.execute("{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:" + channel + "\"}}");
        String state;
        do {
          state = here.execute("{\"execute\":\"query-migrate\"}");
          assertFalse(state.contains("\"failed\""), state);
        } while (!state.contains("\"completed\""));
        long before = frames.frames();
        here.kill(); // as whoever manages guests does then
        frames.await("frames from there", f -> f.frames() > before);
        awaitDump(there, frames);
        assertTrue(frames.picture().colours() >= 200, () -> frames.picture().toString());
      }
    }
  }

  /** Mappings of memory that pictures are in. */
  private static long mappings() throws IOException {
    try (Stream<String> all = Files.lines(Path.of("/proc/self/maps"))) {
      return all.filter(line -> line.contains("memfd:")).count();
    }
  }

  private static long openDescriptors() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.count();
    }
  }

  @Test
  void theBusNamesItsGuests() throws Exception {
    try (QemuProcess qemu = boot("one", FIRST, BootSector.TEXT);
        GuestLink link =
            GuestLink.open(
                QemuOptions.parse(new Endpoint("qemu", "?bus=" + address)), _ -> {}, () -> {})) {
      // QEMU takes its name on the bus some time after its display can be connected to. The bus's
      // replies set the pace.
      List<Guest> guests;
      do {
        guests = link.guests();
      } while (guests.isEmpty());
      assertEquals(List.of("one"), guests.stream().map(Guest::name).collect(Collectors.toList()));
      assertEquals(FIRST, guests.getFirst().uuid());
      assertEquals(List.of(0), guests.getFirst().consoles());
      assertEquals(
          "VGA", Properties.text(link.console(guests.getFirst(), 0), "Label"), qemu::toString);
    }
  }
}
