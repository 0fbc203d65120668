// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EdidTest {
  @Test
  void blocksHaveTheirSumsAndModes() {
    List<Edid.Size> modes = new ArrayList<>();
    for (int i = 0; i < Edid.MAX_MODES; i++) {
      modes.add(new Edid.Size(640 + 16 * i, 480 + i));
      MemorySegment edid = Arena.ofAuto().allocate(2 * Edid.BLOCK);
      int bytes = Edid.write(modes, 1, edid);
      assertEquals(modes.size() <= 3 ? Edid.BLOCK : 2 * Edid.BLOCK, bytes);
      assertEquals(bytes / Edid.BLOCK - 1, edid.get(ValueLayout.JAVA_BYTE, 126), "extensions");
      for (int block = 0; block < bytes; block += Edid.BLOCK) {
        int sum = 0;
        for (int b = 0; b < Edid.BLOCK; b++) {
          sum += edid.get(ValueLayout.JAVA_BYTE, block + b);
        }
        assertEquals(0, sum & 0xff);
      }
      for (int m = 0; m < modes.size(); m++) {
        int at = m < 3 ? 54 + 18 * m : Edid.BLOCK + 4 + 18 * (m - 3);
        assertEquals(modes.get(m).width(), active(edid, at + 2));
        assertEquals(modes.get(m).height(), active(edid, at + 5));
      }
    }
  }

  /**
   * The low byte of an active size; its high bits stand in the upper half of the byte behind the
   * blanking.
   */
  private static int active(MemorySegment edid, int at) {
    int low = edid.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    return low | (edid.get(ValueLayout.JAVA_BYTE, at + 2) & 0xf0) << 4;
  }
}
