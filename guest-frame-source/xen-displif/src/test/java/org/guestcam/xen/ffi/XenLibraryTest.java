// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import jnr.ffi.Pointer;
import org.junit.jupiter.api.Test;

class XenLibraryTest {
  /** Of the C library: it allocates, as Xen's do, what is freed by {@link LibC}. */
  public interface Allocator {
    /** As malloc(3). */
    Pointer malloc(long bytes);
  }

  @Test
  void callsWhatItHasLoaded() {
    Pointer memory = XenLibrary.C.load(Allocator.class).malloc(16);
    assertNotNull(memory);
    memory.putString(0, "guestcam", 16, StandardCharsets.UTF_8);
    assertEquals("guestcam", memory.getString(0));
    XenLibrary.C.load(LibC.class).free(memory);
  }

  @Test
  void saysWhatInstallsALibraryThatIsNotThere() {
    UnsatisfiedLinkError missing =
        assertThrows(
            UnsatisfiedLinkError.class,
            () -> XenLibrary.load(LibC.class, "libguestcam-none.so.7", "libguestcam-none7"));
    assertTrue(
        missing
            .getMessage()
            .matches(
                "libguestcam-none.so.7 cannot be loaded \\(.*No such file.*\\):"
                    + " sudo apt install libguestcam-none7 \\(Debian\\)"),
        missing.getMessage());
  }
}
