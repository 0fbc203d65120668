// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ErrnoTest {
  @Test
  void noTwoHaveTheSameNumber() {
    assertEquals(
        Errno.values().length,
        Arrays.stream(Errno.values()).mapToInt(Errno::number).distinct().count());
  }

  @Test
  void describesWhatItKnowsByName() {
    assertEquals("EBUSY (Device or resource busy)", Errno.describe(16));
    assertEquals("EPERM (Operation not permitted)", Errno.describe(1));
  }

  @Test
  void describesWhatItDoesNotKnowByNumber() {
    assertEquals("errno 133", Errno.describe(133));
    assertEquals("errno 134", Errno.describe(134));
    assertEquals("errno 4095", Errno.describe(4095));
    assertEquals("errno 0", Errno.describe(0));
    assertEquals("errno -16", Errno.describe(-16));
  }

  @Test
  void isANegativeResult() {
    assertTrue(Errno.EAGAIN.is(-11));
    assertFalse(Errno.EAGAIN.is(11));
    assertFalse(Errno.EAGAIN.is(0));
  }

  @Test
  void anExceptionNamesCallSubjectAndReason() {
    ErrnoException e = new ErrnoException("VIDIOC_S_FMT", "/dev/video10", 16);
    assertEquals("VIDIOC_S_FMT on /dev/video10: EBUSY (Device or resource busy)", e.getMessage());
    assertEquals("VIDIOC_S_FMT", e.call());
    assertEquals("/dev/video10", e.subject());
    assertEquals(16, e.errno());
    assertTrue(e.is(Errno.EBUSY));
    assertFalse(e.is(Errno.EIO));
  }

  @Test
  void checkPassesResultsOnAndThrowsErrors() throws ErrnoException {
    assertEquals(0, ErrnoException.check(0, "open", "x"));
    assertEquals(7, ErrnoException.check(7, "open", "x"));
    assertEquals(1L << 40, ErrnoException.check(1L << 40, "lseek", "x"));
    assertEquals(
        2, assertThrows(ErrnoException.class, () -> ErrnoException.check(-2, "open", "x")).errno());
    assertEquals(
        22,
        assertThrows(ErrnoException.class, () -> ErrnoException.check(-22L, "lseek", "x")).errno());
  }

  @Test
  void aFailedOpenSaysWhichPath() {
    Path missing = Path.of("/nowhere/at/all");
    ErrnoException e = assertThrows(ErrnoException.class, () -> Fd.open(missing, Fd.O_RDONLY));
    assertEquals("open on /nowhere/at/all: ENOENT (No such file or directory)", e.getMessage());
    assertSame(ErrnoException.class, e.getClass());
  }
}
