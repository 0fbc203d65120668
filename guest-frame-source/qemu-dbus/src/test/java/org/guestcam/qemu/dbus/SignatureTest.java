// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SignatureTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"", "y", "uuuuay", "a{sv}", "a(ii)", "aaaai", "(y(b))", "ahuuuuauauuuuutb"})
  void complete(String signature) {
    assertDoesNotThrow(() -> Signature.require(signature));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a", "(", "()", "(i", "i)", "{sv}", "a{vs}", "a{s}", "a{sii}", "a{s", "z", "ä"})
  void broken(String signature) {
    assertThrows(WireException.class, () -> Signature.require(signature));
  }

  @Test
  void nestingIsLimited() {
    assertDoesNotThrow(() -> Signature.require("a".repeat(32) + "i"));
    assertThrows(WireException.class, () -> Signature.require("a".repeat(33) + "i"));
    assertDoesNotThrow(() -> Signature.require("(".repeat(32) + "i" + ")".repeat(32)));
    assertThrows(
        WireException.class, () -> Signature.require("(".repeat(33) + "i" + ")".repeat(33)));
    assertThrows(WireException.class, () -> Signature.require("i".repeat(256)));
  }

  @Test
  void typesEndWhereTheyEnd() throws WireException {
    assertEquals(5, Signature.end("a{sv}i", 0));
    assertEquals(6, Signature.end("a{sv}i", 5));
  }
}
