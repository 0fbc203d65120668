// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules by which a refused dma-buf is explained. */
class UdmabufExplanationTest {
  private static final long MIB = 1 << 20;

  private static void requireSays(String text, String... parts) {
    assertNotNull(text);
    for (String part : parts) {
      assertTrue(text.contains(part), "'" + part + "' is not in: " + text);
    }
  }

  @Test
  void aShrinkSealIsEnough() {
    assertNull(Udmabuf.explainSeals(Memfd.F_SEAL_SHRINK));
    assertNull(Udmabuf.explainSeals(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW | Memfd.F_SEAL_SEAL));
  }

  @Test
  void withoutAShrinkSealItTellsHowToGetOne() {
    requireSays(Udmabuf.explainSeals(0), "F_SEAL_SHRINK", "memory-backend-memfd", "seal=on");
    requireSays(Udmabuf.explainSeals(Memfd.F_SEAL_GROW), "not sealed against shrinking");
  }

  @Test
  void whatCannotBeSealedIsCalledThat() {
    requireSays(
        Udmabuf.explainSeals(Memfd.F_SEAL_SEAL),
        "F_SEAL_SHRINK",
        "without MFD_ALLOW_SEALING",
        "cannot be sealed any more");
  }

  @ParameterizedTest
  @CsvSource({"8", "16", "10", "24", "31"})
  void aWriteSealIsInTheWayWhateverElseThereIs(int seals) {
    requireSays(Udmabuf.explainSeals(seals), "F_SEAL_WRITE", "cannot be taken off");
  }

  @Test
  void anErrnoInsteadOfSealsIsNoMemfd() {
    requireSays(Udmabuf.explainSeals(-22), "not a memfd", "EINVAL");
  }

  @Test
  void wholePagesWithinTheFileAreRight() {
    assertNull(Udmabuf.explainRange(new PageRange(0, 4096), 4096, 4096));
    assertNull(Udmabuf.explainRange(new PageRange(8192, 4096), 12288, 4096));
    assertNull(Udmabuf.explainRange(new PageRange(16384, 16384), 32768, 16384));
  }

  @ParameterizedTest
  @CsvSource({
    "100, 4096, 65536, 4096, offset 100 is not a multiple of the page size 4096",
    "4096, 16384, 65536, 16384, offset 4096 is not a multiple of the page size 16384",
    "4096, 5000, 65536, 4096, size 5000 is not a multiple of the page size 4096",
    "0, 8192, 4096, 4096, the range 0+8192 ends past the file's 4096 bytes",
    "65536, 4096, 65536, 4096, the range 65536+4096 ends past the file's 65536 bytes"
  })
  void aWrongRangeIsNamedWithItsNumbers(
      long offset, long length, long size, int pageSize, String expected) {
    assertEquals(expected, Udmabuf.explainRange(new PageRange(offset, length), size, pageSize));
  }

  @Test
  void atTheLimitsAllIsWell() {
    assertNull(Udmabuf.explainLimits(1024, 64 * MIB, 1024, 64));
    assertNull(Udmabuf.explainLimits(1, 1, 1, 1));
  }

  @Test
  void aScatteredFullHdBufferExceedsTheList() {
    requireSays(
        Udmabuf.explainLimits(2025, 2025 * 4096L, 1024, 64),
        "scattered over 2025 ranges",
        "list_limit is 1024",
        "echo 2025 | sudo tee /sys/module/udmabuf/parameters/list_limit",
        "udmabuf.list_limit=2025");
  }

  @Test
  void aLargeBufferExceedsTheSizeRoundedUp() {
    requireSays(
        Udmabuf.explainLimits(1, 64 * MIB + 1, 1024, 64),
        "the buffer has 65 MiB",
        "size_limit_mb is 64",
        "echo 65 | sudo tee /sys/module/udmabuf/parameters/size_limit_mb",
        "udmabuf.size_limit_mb=65");
  }

  @Test
  void theListIsToldFirst() {
    requireSays(Udmabuf.explainLimits(2000, 1000 * MIB, 1024, 64), "list_limit");
  }
}
