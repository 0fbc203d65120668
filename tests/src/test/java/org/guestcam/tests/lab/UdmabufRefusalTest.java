// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;
import org.guestcam.uapi.UdmabufRefusedException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Everything that the kernel's udmabuf refuses, and the message that a user sees then. */
@Tag("lab")
@Tag("refusals")
class UdmabufRefusalTest {
  private static final int PAGE = 4096;
  private static final long MIB = 1 << 20;

  private static Memfd sealed(long size) throws IOException {
    return Memfd.create("refused", size).seal(Memfd.F_SEAL_SHRINK);
  }

  private static String refusal(Fd memfd, List<PageRange> ranges) throws IOException {
    try (Udmabuf udmabuf = Udmabuf.open()) {
      return assertThrows(
              UdmabufRefusedException.class,
              () -> {
                try (DmaBuf unexpected = udmabuf.create(memfd, ranges)) {
                  throw new AssertionError(
                      "udmabuf took " + ranges + ", " + unexpected.size() + " bytes");
                }
              })
          .getMessage();
    }
  }

  private static void requireSays(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), "'" + part + "' is not in: " + message);
    }
  }

  private static List<PageRange> everySecondPage(int count) {
    List<PageRange> ranges = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ranges.add(new PageRange(2L * i * PAGE, PAGE));
    }
    return ranges;
  }

  @Test
  void memoryWithoutTheShrinkSeal() throws IOException {
    try (Memfd memfd = Memfd.create("refused", PAGE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(0, PAGE))),
          "memfd:refused",
          "not sealed against shrinking (F_SEAL_SHRINK)",
          "seal=on",
          "EINVAL");
    }
  }

  @Test
  void memoryThatCannotBeSealedAsQemuMakesItForItsSurfaces() throws IOException {
    try (Memfd memfd = Memfd.createUnsealable("surface", PAGE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(0, PAGE))),
          "F_SEAL_SHRINK",
          "made without MFD_ALLOW_SEALING");
    }
  }

  @Test
  void memorySealedAgainstWriting() throws IOException {
    try (Memfd memfd =
        Memfd.create("refused", PAGE).seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_WRITE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(0, PAGE))),
          "sealed against writing",
          "cannot be taken off");
    }
  }

  @Test
  void memorySealedAgainstFutureWriting() throws IOException {
    try (Memfd memfd =
        Memfd.create("refused", PAGE).seal(Memfd.F_SEAL_SHRINK | Memfd.F_SEAL_FUTURE_WRITE)) {
      requireSays(refusal(memfd.fd(), List.of(new PageRange(0, PAGE))), "F_SEAL_FUTURE_WRITE");
    }
  }

  @Test
  void anOffsetWithinAPage() throws IOException {
    try (Memfd memfd = sealed(4 * PAGE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(512, PAGE))),
          "offset 512 is not a multiple of the page size 4096");
    }
  }

  @Test
  void aSizeThatIsNotWholePages() throws IOException {
    try (Memfd memfd = sealed(4 * PAGE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(0, 1000))),
          "size 1000 is not a multiple of the page size 4096");
    }
  }

  @Test
  void aRangePastTheEnd() throws IOException {
    try (Memfd memfd = sealed(4 * PAGE)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(3 * PAGE, 2 * PAGE))),
          "12288+8192",
          "past the file's 16384 bytes");
    }
  }

  @Test
  void moreThanTheSizeLimit() throws IOException {
    long limit = Udmabuf.sizeLimitMib().orElseThrow();
    assertEquals(64, limit);
    try (Memfd memfd = sealed(65 * MIB)) {
      requireSays(
          refusal(memfd.fd(), List.of(new PageRange(0, 65 * MIB))),
          "65 MiB",
          "size_limit_mb is 64",
          "echo 65 | sudo tee /sys/module/udmabuf/parameters/size_limit_mb");
    }
  }

  @Test
  void aScatteredFullHdPictureNeedsAHigherListLimit() throws IOException {
    // 1920x1080 pixels of four bytes are 2025 pages; no two of them are neighbours here.
    Path parameter = Udmabuf.PARAMETERS.resolve("list_limit");
    assertEquals(1024, Udmabuf.listLimit().orElseThrow());
    try (Memfd memfd = sealed(2L * 2025 * PAGE)) {
      List<PageRange> pages = everySecondPage(2025);
      requireSays(
          refusal(memfd.fd(), pages),
          "scattered over 2025 ranges",
          "list_limit is 1024",
          "echo 2025 | sudo tee " + parameter);
      // What the message says to do makes it work.
      Files.writeString(parameter, "2025");
      try (Udmabuf udmabuf = Udmabuf.open();
          DmaBuf dmaBuf = udmabuf.create(memfd.fd(), pages)) {
        assertEquals(2025L * PAGE, dmaBuf.size());
      } finally {
        Files.writeString(parameter, "1024");
      }
    }
  }

  @Test
  void neighboursAreMergedBeforeTheyAreCounted() throws IOException {
    List<PageRange> pages = new ArrayList<>();
    for (int i = 0; i < 2025; i++) {
      pages.add(new PageRange((long) i * PAGE, PAGE));
    }
    try (Memfd memfd = sealed(2025L * PAGE);
        Udmabuf udmabuf = Udmabuf.open();
        DmaBuf dmaBuf = udmabuf.create(memfd.fd(), pages)) {
      assertEquals(2025L * PAGE, dmaBuf.size());
    }
  }

  @Test
  void aPlainFileOnTmpfs() throws IOException {
    Path file = Files.createTempFile(Path.of("/tmp"), "plain", "");
    try (Fd fd = Fd.open(file, Fd.O_RDWR)) {
      Files.write(file, new byte[PAGE]);
      requireSays(refusal(fd, List.of(new PageRange(0, PAGE))), file.toString(), "F_SEAL_SHRINK");
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void aFileThatIsNoMemory() throws IOException {
    try (Fd fd = Fd.open(Path.of("/dev/null"), Fd.O_RDWR)) {
      requireSays(refusal(fd, List.of(new PageRange(0, PAGE))), "/dev/null", "it is not a memfd");
    }
  }

  @Test
  void aDmaBufShowsTheVeryPages() throws IOException {
    try (Memfd memfd = sealed(64 * PAGE);
        Mapping guest = memfd.map();
        Udmabuf udmabuf = Udmabuf.open();
        DmaBuf dmaBuf = udmabuf.create(memfd.fd(), everySecondPage(32));
        Mapping view = dmaBuf.map(Mapping.READ_WRITE)) {
      assertEquals(32L * PAGE, dmaBuf.size());
      for (int i = 0; i < 32; i++) {
        guest.segment().set(java.lang.foreign.ValueLayout.JAVA_BYTE, 2L * i * PAGE, (byte) (i + 1));
      }
      assertEquals(0, dmaBuf.beginCpuAccess(DmaBuf.READ));
      for (int i = 0; i < 32; i++) {
        assertEquals(
            i + 1, view.segment().get(java.lang.foreign.ValueLayout.JAVA_BYTE, (long) i * PAGE));
      }
      assertEquals(0, dmaBuf.endCpuAccess(DmaBuf.READ));
      dmaBuf.setName("lab");
      try (Fd fence = dmaBuf.exportSyncFile(DmaBuf.WRITE)) {
        dmaBuf.importSyncFile(fence, DmaBuf.WRITE);
      }
    }
  }

  @Test
  void theCommandLineTellsTheLimitAndWorksOnceItIsRaised() throws IOException {
    Vivid vivid = Vivid.connected();
    String[] words = {
      "guestcam",
      "run",
      "pattern:?size=1920x1080&fps=20&layout=scattered&run=1&memory=dmabuf",
      vivid.sink(),
      "--require-zero-copy",
      "--frames",
      "3"
    };
    Command refused = Command.of(words);
    assertEquals(3, refused.status(), refused.output());
    requireSays(refused.output(), "scattered over 2025 ranges", "list_limit is 1024", "echo 2025");
    Path parameter = Udmabuf.PARAMETERS.resolve("list_limit");
    Files.writeString(parameter, "2025");
    try {
      Command works = Command.of(words);
      assertEquals(0, works.status(), works.output());
      requireSays(works.output(), "DMABUF 1920x1080", "copied 0 B");
    } finally {
      Files.writeString(parameter, "1024");
    }
  }
}
