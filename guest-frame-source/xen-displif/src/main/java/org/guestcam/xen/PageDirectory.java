// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.util.Arrays;
import org.guestcam.uapi.Mapping;

/**
 * The chain of pages in which a guest names the pages of a buffer.
 *
 * <pre>
 *   page:  0 u32 next page's reference, 0 at the end | 4 u32 × 1023 references
 * </pre>
 */
final class PageDirectory {
  static final int REFS = 1023;

  private PageDirectory() {}

  /** Does something with one page of the chain. */
  @FunctionalInterface
  private interface Step {
    void at(Hypervisor.Pages page, int from, int count) throws ViolationException;
  }

  /**
   * Reads the references of a buffer's pages, each once.
   *
   * @param first reference of the first page of the chain
   * @param pages how many the buffer has: within the limits by now
   * @throws ViolationException for a chain that is short, or that comes back to a page, and for the
   *     reference 0
   * @throws IOException where Xen does not map a page of it
   */
  static int[] read(Hypervisor xen, int domain, int first, int pages) throws IOException {
    int[] refs = new int[pages];
    walk(
        xen,
        domain,
        first,
        pages,
        Mapping.READ,
        (page, from, count) -> {
          for (int i = 0; i < count; i++) {
            int ref = page.segment().get(JAVA_INT, 4 + 4L * i);
            if (ref == 0) {
              throw new ViolationException(
                  "page " + (from + i) + " of " + pages + " has the grant reference 0");
            }
            refs[from + i] = ref;
          }
        });
    return refs;
  }

  /** Writes references of pages that the backend grants into a guest's empty chain. */
  static void fill(Hypervisor xen, int domain, int first, int[] refs) throws IOException {
    walk(
        xen,
        domain,
        first,
        refs.length,
        Mapping.READ_WRITE,
        (page, from, count) -> {
          for (int i = 0; i < count; i++) {
            page.segment().set(JAVA_INT, 4 + 4L * i, refs[from + i]);
          }
        });
  }

  private static void walk(
      Hypervisor xen, int domain, int first, int pages, int protection, Step step)
      throws IOException {
    int[] seen = new int[Math.ceilDiv(pages, REFS)];
    int ref = first;
    for (int p = 0; p < seen.length; p++) {
      if (ref == 0) {
        throw new ViolationException(
            "the page directory ends after " + p + " of " + seen.length + " pages");
      }
      for (int before = 0; before < p; before++) {
        if (seen[before] == ref) {
          throw new ViolationException(
              "the page directory is a loop: grant reference " + ref + " twice");
        }
      }
      seen[p] = ref;
      int from = p * REFS;
      try (Hypervisor.Pages page =
          xen.map(domain, Arrays.copyOfRange(seen, p, p + 1), protection)) {
        int next = page.segment().get(JAVA_INT, 0);
        step.at(page, from, Math.min(REFS, pages - from));
        ref = next;
      }
    }
  }
}
