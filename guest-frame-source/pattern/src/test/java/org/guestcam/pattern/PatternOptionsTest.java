// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.Providers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PatternOptionsTest {
  private static PatternOptions parse(String endpoint) {
    return PatternOptions.parse(Endpoint.parse(endpoint));
  }

  @Test
  void withoutParametersItIsA720pScreen() throws LayoutException {
    assertEquals(
        new PatternOptions(
            List.of(new PatternOptions.Step(FrameLayout.tight(PixelFormat.XRGB8888, 1280, 720), 0)),
            PixelFormat.XRGB8888,
            30_000,
            3,
            GuestMemory.Arrangement.LINEAR,
            16,
            GuestMemory.Kind.AUTO,
            0,
            0),
        parse("pattern:"));
  }

  @Test
  void readsEveryParameter() throws LayoutException {
    assertEquals(
        new PatternOptions(
            List.of(
                new PatternOptions.Step(FrameLayout.padded(PixelFormat.NV12, 1366, 768, 1408), 0)),
            PixelFormat.NV12,
            29_970,
            5,
            GuestMemory.Arrangement.SCATTERED,
            1,
            GuestMemory.Kind.UNSEALED,
            100,
            50),
        parse(
            "pattern:?size=1366x768&format=NV12&fps=29.97&buffers=5&layout=scattered&run=1"
                + "&memory=unsealed&stride=1408&frames=100&stop=50"));
  }

  @Test
  void readsModes() throws LayoutException {
    assertEquals(
        List.of(
            new PatternOptions.Step(FrameLayout.tight(PixelFormat.XRGB8888, 640, 480), 7),
            new PatternOptions.Step(FrameLayout.tight(PixelFormat.XRGB8888, 800, 600), 100)),
        parse("pattern:?modes=640x480@7,800x600").steps());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "size=1280         | size=1280 | 160x120 to 16384x16384",
        "size=100x100      | size=100x100 | 160x120",
        "size=16385x200    | size=16385x200 | 16384x16384",
        "size=99999x99999  | size=99999x99999 | 16384x16384",
        "size=-640x480     | size=-640x480 | WIDTHxHEIGHT",
        "size=             | size= | WIDTHxHEIGHT",
        "format=ABCD       | format=ABCD | XR24",
        "fps=-1            | fps=-1 | 0 (as many as are released) to 1000",
        "fps=1001          | fps=1001 | 1000",
        "fps=1e2           | fps=1e2 | 1000",
        "fps=30.0001       | fps=30.0001 | 1000",
        "buffers=0         | buffers=0 | from 1 to 32",
        "buffers=33        | buffers=33 | from 1 to 32",
        "buffers=three     | buffers=three | from 1 to 32",
        "layout=diagonal   | layout=diagonal | one of linear, scattered",
        "run=0             | run=0 | from 1 to",
        "memory=DMABUF     | memory=DMABUF | one of auto, dmabuf, shm, unsealed",
        "stride=5119       | stride=5119 | 5120",
        "stride=-1         | stride=-1 | from 0 to",
        "frames=-1         | frames=-1 | from 0 to",
        "frames=9223372036854775808 | frames=9223372036854775808 | from 0 to",
        "stop=x            | stop=x | from 0 to",
        "modes=            | modes= | SIZE@FRAMES",
        "modes=640x480@0   | modes=640x480@0 | FRAMES from 1",
        "modes=640x480,    | modes=640x480, | SIZE@FRAMES",
        "modes=640x480@5,1x1@5 | modes=640x480@5,1x1@5 | 160x120",
        "size=640x480&modes=640x480 | size=640x480 | modes=",
        "sise=640x480      | 'sise' | buffers, format, fps",
      })
  void mistakesNameParameterValueAndWhatIsAllowed(String parameters, String named, String allowed) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> parse("pattern:?" + parameters));
    assertTrue(refused.getMessage().startsWith("pattern: "), refused::getMessage);
    assertTrue(refused.getMessage().contains(named), refused::getMessage);
    assertTrue(refused.getMessage().contains(allowed), refused::getMessage);
  }

  @Test
  void aPathIsRefused() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> parse("pattern:640x480"));
    assertTrue(refused.getMessage().contains("'640x480'"), refused::getMessage);
  }

  @Test
  void theServiceLoaderFindsIt() throws Exception {
    Endpoint endpoint = Endpoint.parse("pattern:?size=640x480");
    assertInstanceOf(PatternProvider.class, Providers.source(endpoint));
    try (var source = Providers.source(endpoint).open(endpoint)) {
      assertEquals("test picture 640x480 XR24", source.description());
    }
    for (String available : new PatternProvider().available()) {
      parse(available);
    }
  }
}
