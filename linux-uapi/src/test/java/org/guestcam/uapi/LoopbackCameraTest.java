// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemoryLayout.PathElement;
import org.guestcam.uapi.abi.guestcam_loopback_camera;
import org.junit.jupiter.api.Test;

class LoopbackCameraTest {
  @Test
  void aNameHasRoomForItsEnd() {
    assertEquals(
        LoopbackCamera.MAX_NAME + 1,
        guestcam_loopback_camera.layout().select(PathElement.groupElement("name")).byteSize());
  }
}
