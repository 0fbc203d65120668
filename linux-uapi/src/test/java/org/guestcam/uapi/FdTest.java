// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FdTest {
  private static final Path OPEN_FILES = Path.of("/proc/self/fd");

  @TempDir private Path scratch;

  private Path file(String content) throws IOException {
    return Files.writeString(scratch.resolve("file"), content);
  }

  private static boolean exists(int number) {
    return Files.exists(OPEN_FILES.resolve(Integer.toString(number)), LinkOption.NOFOLLOW_LINKS);
  }

  @Test
  void closingTwiceClosesOnce() throws IOException {
    Fd first = Fd.open(file("x"), Fd.O_RDONLY);
    int number = first.number();
    assertTrue(first.isOpen());
    first.close();
    assertFalse(first.isOpen());
    assertFalse(exists(number));
    // The kernel gives the lowest free number: whoever gets it now must not lose it.
    try (Fd second = Fd.open(scratch.resolve("file"), Fd.O_RDONLY)) {
      first.close();
      assertTrue(exists(second.number()));
      assertEquals(1, second.size());
    }
  }

  @Test
  void aClosedOneIsAnExceptionThatNamesIt() throws IOException {
    Fd fd = Fd.open(file("x"), Fd.O_RDONLY);
    fd.close();
    IllegalStateException e = assertThrows(IllegalStateException.class, fd::number);
    assertEquals(fd.name() + " is closed", e.getMessage());
    assertThrows(IllegalStateException.class, fd::size);
    assertThrows(IllegalStateException.class, fd::duplicate);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(8);
      assertThrows(IllegalStateException.class, () -> fd.read(bytes));
      assertThrows(IllegalStateException.class, () -> fd.write(bytes));
      assertThrows(IllegalStateException.class, () -> Ioctl.call(fd, 0, bytes));
    }
  }

  @Test
  void aDuplicateLivesOnItsOwn() throws IOException {
    Fd first = Fd.open(file("abc"), Fd.O_RDONLY);
    try (Fd second = first.duplicate()) {
      assertNotEquals(first.number(), second.number());
      first.close();
      assertEquals(3, second.size());
      assertEquals(first.name(), second.name());
    }
  }

  @Test
  void readsAndWrites() throws IOException {
    Path path = file("");
    try (Fd fd = Fd.open(path, Fd.O_RDWR);
        Arena arena = Arena.ofConfined()) {
      byte[] text = "guest".getBytes(StandardCharsets.US_ASCII);
      MemorySegment bytes = MemorySegment.ofArray(text);
      MemorySegment nativeBytes = arena.allocate(text.length).copyFrom(bytes);
      assertEquals(text.length, fd.write(nativeBytes));
      assertEquals("guest", Files.readString(path));
      assertEquals(0, fd.read(nativeBytes), "at the end of the file");
    }
    try (Fd fd = Fd.open(path, Fd.O_RDONLY);
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(16);
      assertEquals(5, fd.read(bytes));
      assertEquals((byte) 'g', bytes.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
      assertEquals(-Errno.EBADF.number(), fd.write(bytes), "it was opened for reading");
    }
  }

  @Test
  void isClosedInPrograms() throws IOException {
    try (Fd fd = Fd.open(file("x"), Fd.O_RDONLY);
        Fd copy = fd.duplicate()) {
      for (Fd each : new Fd[] {fd, copy}) {
        String flags =
            Files.readString(Path.of("/proc/self/fdinfo/" + each.number()))
                .lines()
                .filter(line -> line.startsWith("flags:"))
                .findFirst()
                .orElseThrow();
        assertEquals(02000000, Integer.parseInt(flags.split("\\s+", 2)[1], 8) & 02000000, flags);
      }
    }
  }

  @Test
  void ownsOnlyWhatIsADescriptor() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Fd.own(-1, "x"));
    assertTrue(e.getMessage().contains("fd=-1"), e.getMessage());
    assertThrows(NullPointerException.class, () -> Fd.own(1000, null));
  }
}
