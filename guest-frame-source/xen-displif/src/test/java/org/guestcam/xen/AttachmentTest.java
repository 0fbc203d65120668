// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttachmentTest {
  @Test
  void aDomainGetsOneDeviceAfterTheOther() throws IOException {
    MemoryStore store = new MemoryStore();
    store.write("/local/domain/7/name", "guest");
    List<Attachment.Screen> screens = Attachment.parse(List.of("a:640x480", "b:1280x720"));
    assertEquals(0, Attachment.attach(store, 0, 7, screens, true));
    assertEquals(1, Attachment.attach(store, 0, 7, screens, false));
    assertEquals("1280x720", store.read("/local/domain/7/device/vdispl/0/1/resolution").get());
    assertEquals("1", store.read("/local/domain/7/device/vdispl/0/be-alloc").get());
    assertEquals("0", store.read("/local/domain/7/device/vdispl/1/be-alloc").get());
    assertEquals(
        "/local/domain/7/device/vdispl/1",
        store.read("/local/domain/0/backend/vdispl/7/1/frontend").get());
    assertEquals("1", store.read("/local/domain/0/backend/vdispl/7/1/state").get());
  }

  @Test
  void aDomainThatIsNotThere() {
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                Attachment.attach(
                    new MemoryStore(), 0, 7, Attachment.parse(List.of("a:640x480")), false));
    assertTrue(e.getMessage().contains("no domain 7"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "640x480", "a:640", "a:0x480", "a:4096x480", "a/b:640x480", "a:1x1x1"})
  void screensThatAreWrittenWrongly(String connector) {
    assertThrows(
        IllegalArgumentException.class, () -> Attachment.parse(List.of("ok:640x480", connector)));
    assertThrows(
        IllegalArgumentException.class, () -> Attachment.parse(List.of("a:1x1", "a:640x480")));
  }
}
