// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
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

  @Test
  void valuesAreOneOfWhatThereIs() {
    Map<String, String> given =
        Map.of("on", "true", "off", "false", "odd", "yes", "n", "7", "minus", "-1", "word", "x");
    assertTrue(Endpoint.flag(given, "on"));
    assertFalse(Endpoint.flag(given, "off"));
    assertFalse(Endpoint.flag(given, "missing"));
    assertRefused("odd=yes: there are false, true", () -> Endpoint.flag(given, "odd"));
    assertEquals("a", Endpoint.choice(given, "missing", "a", "b"));
    assertEquals("x", Endpoint.choice(given, "word", "a", "x"));
    assertRefused("word=x: there are a, b", () -> Endpoint.choice(given, "word", "a", "b"));
    assertEquals(7, Endpoint.number(given, "n", 1, 0, 7));
    assertEquals(1, Endpoint.number(given, "missing", 1, 0, 7));
    assertRefused("n=7 is not a number from 0 to 6", () -> Endpoint.number(given, "n", 1, 0, 6));
    assertRefused("minus=-1 is not", () -> Endpoint.number(given, "minus", 1, 0, 6));
    assertRefused("word=x is not", () -> Endpoint.number(given, "word", 1, 0, 6));
  }

  private static void assertRefused(String why, Executable attempt) {
    IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, attempt);
    assertTrue(refused.getMessage().contains(why), refused::getMessage);
  }
}
