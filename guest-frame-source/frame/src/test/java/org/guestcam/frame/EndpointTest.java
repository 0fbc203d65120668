// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
  @Test
  void readsSchemePathAndParameters() {
    Endpoint endpoint = Endpoint.parse("pattern:some/path?size=640x480&fps=30&loud");
    assertEquals("pattern", endpoint.scheme());
    assertEquals("some/path", endpoint.path());
    Map<String, String> parameters = endpoint.parameters(Set.of("size", "fps", "loud", "other"));
    assertEquals(Map.of("size", "640x480", "fps", "30", "loud", "true"), parameters);
    assertEquals(List.of("size", "fps", "loud"), List.copyOf(parameters.keySet()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "v4l2:/dev/video10",
        "rtsp://host:554/stream",
        "gst:videoconvert ! x264enc",
        "unixfd:/run/a b",
        "pattern:",
        "x-y.z+1:?a=1"
      })
  void isWrittenAsItWasRead(String text) {
    assertEquals(text, Endpoint.parse(text).toString());
  }

  @Test
  void withoutAQuestionMarkThereAreNoParameters() {
    Endpoint endpoint = Endpoint.parse("v4l2:/dev/video10");
    assertEquals("/dev/video10", endpoint.path());
    assertEquals(Map.of(), endpoint.parameters(Set.of()));
  }

  @Test
  void valuesAreDecodedAndMayHoldEqualsSigns() {
    Endpoint endpoint = Endpoint.parse("x:?a=1%262&b=c=d&e=");
    assertEquals(
        Map.of("a", "1&2", "b", "c=d", "e", ""), endpoint.parameters(Set.of("a", "b", "e")));
  }

  @Test
  void emptyPartsAreNoParameters() {
    assertEquals(
        Map.of("a", "1", "b", "2"), Endpoint.parse("x:?&a=1&&b=2&").parameters(Set.of("a", "b")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ":", ":x", "pattern", "/dev/video10", "Pattern:x", "1x:y", "a b:c"})
  void whatHasNoSchemeIsRefusedWithAnExample(String text) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> Endpoint.parse(text));
    assertTrue(refused.getMessage().contains("'" + text + "'"), refused::getMessage);
    assertTrue(refused.getMessage().contains("v4l2:/dev/video10"), refused::getMessage);
  }

  @Test
  void unknownAndRepeatedParametersAreNamed() {
    Endpoint unknown = Endpoint.parse("x:?size=1&sice=2");
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> unknown.parameters(Set.of("size", "fps")));
    assertTrue(refused.getMessage().contains("'sice'"), refused::getMessage);
    assertTrue(refused.getMessage().contains("fps, size"), refused::getMessage);

    Endpoint twice = Endpoint.parse("x:?size=1&size=2");
    refused = assertThrows(IllegalArgumentException.class, () -> twice.parameters(Set.of("size")));
    assertTrue(refused.getMessage().contains("'size' is given twice"), refused::getMessage);
  }
}
