// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MemfdTest {
  @Test
  void beginsUnsealedWithItsSize() throws IOException {
    try (Memfd memfd = Memfd.create("guest", 12345)) {
      assertEquals(0, Memfd.sealsOf(memfd.fd()));
      assertEquals(12345, memfd.size());
      assertEquals(12345, memfd.fd().size());
      assertEquals("memfd:guest", memfd.fd().name());
    }
  }

  @Test
  void keepsTheSealsItGets() throws IOException {
    try (Memfd memfd = Memfd.create("guest", 4096)) {
      memfd.seal(Memfd.F_SEAL_SHRINK);
      assertEquals(Memfd.F_SEAL_SHRINK, Memfd.sealsOf(memfd.fd()));
      memfd.seal(Memfd.F_SEAL_GROW | Memfd.F_SEAL_SEAL);
      assertEquals(
          Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_GROW | Memfd.F_SEAL_SEAL, Memfd.sealsOf(memfd.fd()));
      ErrnoException e =
          assertThrows(ErrnoException.class, () -> memfd.seal(Memfd.F_SEAL_FUTURE_WRITE));
      assertTrue(e.is(Errno.EPERM), e.getMessage());
      assertEquals("F_ADD_SEALS on memfd:guest: EPERM (Operation not permitted)", e.getMessage());
    }
  }

  @Test
  void aShrinkSealHoldsTheSize() throws IOException {
    try (Memfd memfd = Memfd.create("guest", 8192).seal(Memfd.F_SEAL_SHRINK)) {
      assertEquals(-Errno.EPERM.number(), Libc.ftruncate(memfd.fd().number(), 4096));
      assertEquals(8192, memfd.fd().size());
    }
  }

  @Test
  void anUnsealableOneRefusesSeals() throws IOException {
    try (Memfd memfd = Memfd.createUnsealable("qemu", 4096)) {
      assertEquals(Memfd.F_SEAL_SEAL, Memfd.sealsOf(memfd.fd()));
      assertThrows(ErrnoException.class, () -> memfd.seal(Memfd.F_SEAL_SHRINK));
    }
  }

  @Test
  void whatIsNoMemfdHasNoSeals() throws IOException {
    try (Fd fd = Fd.open(Path.of("/dev/null"), Fd.O_RDWR)) {
      assertEquals(-Errno.EINVAL.number(), Memfd.sealsOf(fd));
    }
  }

  @Test
  void anImpossibleSizeLeavesNothingBehind() {
    ErrnoException e = assertThrows(ErrnoException.class, () -> Memfd.create("guest", -1));
    assertEquals("ftruncate to -1", e.call());
  }
}
