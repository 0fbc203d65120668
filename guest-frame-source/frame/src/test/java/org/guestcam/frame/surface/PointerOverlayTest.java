// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame.surface;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PointerOverlayTest {
  @Test
  void onePixelOverAnother() {
    assertEquals(0xff123456, PointerOverlay.blend(0, 0xff123456));
    assertEquals(0x00ffffff, PointerOverlay.blend(0xffffffff, 0x00123456));
    assertEquals(0xffffffff, PointerOverlay.blend(0x00ffffff, 0xff808080), "cut, not wrapped");
  }
}
