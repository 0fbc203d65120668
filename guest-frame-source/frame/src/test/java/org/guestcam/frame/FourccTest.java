// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FourccTest {
  @Test
  void firstCharacterIsTheLowestByte() {
    assertEquals(0x34325258, Fourcc.of("XR24")); // DRM_FORMAT_XRGB8888
    assertEquals(0x20203859, Fourcc.of("Y8  "));
  }

  @ParameterizedTest
  @ValueSource(strings = {"XR24", "NV12", "Y8  ", "~ !\""})
  void nameAndCodeLeadToEachOther(String name) {
    assertEquals(name, Fourcc.name(Fourcc.of(name)));
  }

  @Test
  void unprintableCodesAreShownAsNumbers() {
    assertEquals("0x00000000", Fourcc.name(0));
    assertEquals("0xffffffff", Fourcc.name(-1));
    assertEquals("0x0a325258", Fourcc.name(0x0a325258)); // a line feed from a guest, for a log
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "XR2", "XR240", "XR2\n", "XR2é"})
  void otherNamesAreRefused(String name) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> Fourcc.of(name));
    assertTrue(refused.getMessage().contains(name), refused::getMessage);
  }
}
