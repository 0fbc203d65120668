// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.bench;

import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.GrantBuffer;
import org.guestcam.uapi.GrantCopy;
import org.guestcam.uapi.GrantDevice;
import org.guestcam.uapi.GrantMapping;
import org.guestcam.uapi.GrantModule;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;

/**
 * What it costs to make a framebuffer of granted pages usable, by route, in a dom0 that grants to
 * itself. tests/bench/grants runs it in Xen. A copy is made for each frame; all else once for each
 * buffer, and undone once.
 */
final class GrantBench {
  private static final int[][] SIZES = {{640, 480}, {1920, 1080}, {4095, 2047}};
  private static final int ROUNDS = 9;
  private static final int OWN_DOMAIN = 0;
  private static final int PATIENCE_MILLIS = 20_000;

  /** Makes a buffer usable. */
  private interface Route {
    Made make() throws IOException;
  }

  /** Undoes it, and returns when the grants are free. */
  private interface Made {
    void end() throws IOException;
  }

  private GrantBench() {}

  public static void main(String[] args) throws IOException {
    try (GrantDevice device = GrantDevice.open();
        Udmabuf udmabuf = Udmabuf.open()) {
      GrantModule module = null;
      try {
        module = GrantModule.open();
      } catch (ErrnoException e) {
        System.out.println("bench: guestcam_grants: " + e.getMessage());
      }
      for (int[] size : SIZES) {
        int pages = (size[0] * 4 * size[1] + GrantDevice.GRANT_SIZE - 1) / GrantDevice.GRANT_SIZE;
        measure(size[0] + "x" + size[1], pages, device, udmabuf, module);
      }
      if (module != null) {
        module.close();
      }
    }
  }

  private static void measure(
      String size, int pages, GrantDevice device, Udmabuf udmabuf, GrantModule module)
      throws IOException {
    long bytes = (long) pages * GrantDevice.GRANT_SIZE;
    try (Memfd memory = Memfd.create("bench", bytes).seal(Memfd.F_SEAL_SHRINK);
        Mapping content = memory.map();
        Memfd target = Memfd.create("target", bytes);
        Mapping copied = target.map();
        DmaBuf dmaBuf = udmabuf.create(memory.fd(), new PageRange(0, bytes))) {
      content.segment().fill((byte) 0x5a);
      copied.segment().fill((byte) 0); // its pages are there before anything is measured
      row(
          size,
          "LEND, gntdev",
          () -> {
            device.grant(dmaBuf, OWN_DOMAIN);
            return () -> device.releaseGranted(dmaBuf);
          });
      if (module != null) {
        row(
            size,
            "LEND, guestcam_grants",
            () -> {
              GrantBuffer lent = module.grant(OWN_DOMAIN, pages);
              return () -> end(lent);
            });
      }
      int[] refs = device.grant(dmaBuf, OWN_DOMAIN);
      try {
        row(
            size,
            "MAP, gntdev",
            () -> {
              GrantMapping mapping = device.map(OWN_DOMAIN, refs, Mapping.READ_WRITE);
              return mapping::close;
            });
        row(size, "EXPORT, gntdev, WC", () -> export(device, refs, GrantDevice.WRITE_COMBINED));
        row(size, "EXPORT, gntdev, COHERENT", () -> export(device, refs, GrantDevice.COHERENT));
        if (module != null) {
          row(
              size,
              "SHARE, guestcam_grants",
              () -> {
                GrantBuffer shared = module.map(OWN_DOMAIN, refs);
                return () -> end(shared);
              });
        }
        try (GrantCopy copy = new GrantCopy(device, OWN_DOMAIN, refs, bytes)) {
          row(
              size,
              "COPY (each frame)",
              () -> {
                int r = copy.copyTo(copied.segment());
                if (r < 0) {
                  throw new IOException("the copy: " + -r);
                }
                return () -> {};
              });
        }
        if (copied.segment().mismatch(content.segment()) >= 0) {
          throw new IOException(size + ": the copy is not the guest's picture");
        }
      } finally {
        device.releaseGranted(dmaBuf);
      }
    }
  }

  private static Made export(GrantDevice device, int[] refs, int flags) throws IOException {
    DmaBuf exported = device.exportDmaBuf(OWN_DOMAIN, refs, flags);
    int number = exported.fd().number();
    return () -> {
      exported.close();
      device.awaitReleased(number, PATIENCE_MILLIS);
    };
  }

  private static void end(GrantBuffer buffer) throws IOException {
    if (!buffer.awaitEnded(PATIENCE_MILLIS)) {
      throw new IOException("grants are still there after " + PATIENCE_MILLIS + " ms");
    }
    buffer.close();
  }

  /** The medians of some rounds; what a route answers where it does not work. */
  private static void row(String size, String name, Route route) throws IOException {
    long[] making = new long[ROUNDS];
    long[] ending = new long[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      long start = System.nanoTime();
      Made made;
      try {
        made = route.make();
      } catch (ErrnoException e) {
        System.out.printf(Locale.ROOT, "bench: %-9s %-26s %s%n", size, name, e.getMessage());
        return;
      }
      long usable = System.nanoTime();
      made.end();
      making[i] = usable - start;
      ending[i] = System.nanoTime() - usable;
    }
    Arrays.sort(making);
    Arrays.sort(ending);
    System.out.printf(
        Locale.ROOT,
        "bench: %-9s %-26s make %8.2f ms, end %8.2f ms%n",
        size,
        name,
        making[ROUNDS / 2] / 1e6,
        ending[ROUNDS / 2] / 1e6);
  }
}
