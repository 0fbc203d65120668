// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MappingTest {
  private static final int PAGE = Mapping.pageSize();

  /** A file whose pages begin with their number. */
  private static Memfd numbered(int pages) throws IOException {
    Memfd memfd = Memfd.create("mapping-test", (long) pages * PAGE);
    try (Mapping all = memfd.map()) {
      for (int i = 0; i < pages; i++) {
        all.segment().set(JAVA_LONG, (long) i * PAGE, i);
      }
    }
    return memfd;
  }

  @Test
  void rangesAreSeenInTheirOrder() throws IOException {
    int pages = 64;
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < pages; i++) {
      order.add(i);
    }
    Collections.shuffle(order, new Random(3));
    List<PageRange> ranges =
        order.stream().map(page -> new PageRange((long) page * PAGE, PAGE)).toList();
    try (Memfd memfd = numbered(pages);
        Mapping mapping = Mapping.ofRanges(memfd.fd(), ranges, Mapping.READ_WRITE);
        Mapping linear = memfd.map()) {
      assertEquals((long) pages * PAGE, mapping.segment().byteSize());
      for (int i = 0; i < pages; i++) {
        assertEquals((long) order.get(i), mapping.segment().get(JAVA_LONG, (long) i * PAGE));
        mapping.segment().set(JAVA_LONG, (long) i * PAGE + 8, -i);
      }
      for (int i = 0; i < pages; i++) {
        assertEquals(-i, linear.segment().get(JAVA_LONG, (long) order.get(i) * PAGE + 8));
      }
    }
  }

  @Test
  void onePageMayBeSeenTwice() throws IOException {
    PageRange second = new PageRange(PAGE, PAGE);
    try (Memfd memfd = numbered(2);
        Mapping mapping =
            Mapping.ofRanges(memfd.fd(), List.of(second, second), Mapping.READ_WRITE)) {
      mapping.segment().set(JAVA_BYTE, 100, (byte) 42);
      assertEquals(42, mapping.segment().get(JAVA_BYTE, PAGE + 100));
    }
  }

  @Test
  void aRangeThatCannotBeMappedLeavesNothingMapped() throws IOException {
    try (Memfd memfd = numbered(2)) {
      List<PageRange> ranges = List.of(new PageRange(0, PAGE), new PageRange(1, PAGE));
      long before = mappings();
      ErrnoException e =
          assertThrows(
              ErrnoException.class,
              () -> Mapping.ofRanges(memfd.fd(), ranges, Mapping.READ_WRITE).close());
      assertTrue(e.is(Errno.EINVAL), e.getMessage());
      assertEquals("mmap(MAP_FIXED)", e.call());
      assertEquals(before, mappings());
    }
  }

  private static long mappings() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines.filter(line -> line.contains("mapping-test")).count();
    }
  }

  @Test
  void aClosedOneThrowsAndIsGone() throws IOException {
    try (Memfd memfd = numbered(1)) {
      long before = mappings();
      Mapping mapping = memfd.map();
      MemorySegment segment = mapping.segment();
      assertEquals(before + 1, mappings());
      mapping.close();
      assertEquals(before, mappings());
      assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
      assertThrows(IllegalStateException.class, () -> segment.set(JAVA_BYTE, 0, (byte) 1));
      mapping.close();
    }
  }

  @Test
  void outlivesItsDescriptor() throws IOException {
    Mapping mapping;
    try (Memfd memfd = numbered(2)) {
      mapping = Mapping.of(memfd.fd(), PAGE, PAGE, Mapping.READ);
    }
    try (mapping) {
      assertEquals(1, mapping.segment().get(JAVA_LONG, 0));
      assertThrows(IndexOutOfBoundsException.class, () -> mapping.segment().get(JAVA_BYTE, PAGE));
    }
  }

  @Test
  void saysWhatCannotBeMapped() throws IOException {
    try (Fd fd = Fd.open(Path.of("/proc/self/fd"), Fd.O_RDONLY)) {
      ErrnoException e =
          assertThrows(ErrnoException.class, () -> Mapping.of(fd, 0, PAGE, Mapping.READ).close());
      assertEquals("mmap", e.call());
      assertEquals("/proc/self/fd", e.subject());
    }
  }
}
