// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.v4l2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.Providers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user hears who names no device, or none that is one. */
class EndpointErrorsTest {
  private static final FrameSinkProvider.Options OPTIONS =
      new FrameSinkProvider.Options(false, 30_000);

  private static <T extends Throwable> String message(Class<T> kind, String endpoint) {
    VideoOutputProvider provider = new VideoOutputProvider();
    return assertThrows(kind, () -> provider.open(Endpoint.parse(endpoint), OPTIONS)).getMessage();
  }

  private static void requireSays(String text, String... parts) {
    for (String part : parts) {
      assertTrue(text.contains(part), "'" + part + "' is not in: " + text);
    }
  }

  @Test
  void theSchemeIsFound() {
    FrameSinkProvider found = Providers.sink(Endpoint.parse("v4l2:/dev/video10"));
    assertEquals(VideoOutputProvider.class, found.getClass());
    requireSays(found.usage(), "v4l2:/dev/videoN", "fourcc");
  }

  @Test
  void aDeviceIsAWholePath() {
    requireSays(
        message(IllegalArgumentException.class, "v4l2:"), "names no device", "v4l2:/dev/video10");
    requireSays(message(IllegalArgumentException.class, "v4l2:video0"), "'v4l2:video0'");
    requireSays(message(IllegalArgumentException.class, "v4l2:?fourcc=BGR4"), "names no device");
  }

  @Test
  void parametersAreChecked() {
    requireSays(
        message(IllegalArgumentException.class, "v4l2:/dev/null?size=1x1"), "'size'", "fourcc");
    requireSays(
        message(IllegalArgumentException.class, "v4l2:/dev/null?fourcc=BGR"),
        "four characters",
        "'BGR'");
    requireSays(
        message(IllegalArgumentException.class, "v4l2:/dev/null?fourcc=BGR4&fourcc=XR24"),
        "given twice");
  }

  @Test
  void aMissingDeviceIsNamed() {
    requireSays(
        message(HostLacksException.class, "v4l2:/dev/video-none"),
        "there is no device /dev/video-none",
        "guestcam devices",
        "guestcam doctor");
  }

  @Test
  void whatIsNoVideoDeviceIsCalledThat(@TempDir Path scratch) throws Exception {
    requireSays(
        message(HostLacksException.class, "v4l2:/dev/null"),
        "/dev/null is not a V4L2 device",
        "ENOTTY");
    Path file = Files.createFile(scratch.resolve("video0"));
    requireSays(message(HostLacksException.class, "v4l2:" + file), "is not a V4L2 device");
    requireSays(message(HostLacksException.class, "v4l2:" + scratch), "EISDIR");
  }

  @Test
  void aProbeNeverThrows(@TempDir Path scratch) {
    for (Path node : List.of(Path.of("/dev/null"), scratch, scratch.resolve("none"))) {
      DeviceReport report = DeviceProbe.of(node);
      assertEquals(node, report.path());
      assertFalse(report.output());
      assertFalse(report.capture());
      assertFalse(report.multiplanar());
      assertEquals(Set.of(), report.memoryTypes());
      assertEquals(List.of(), report.formats());
      requireSays(report.problem(), node.toString());
    }
    requireSays(DeviceProbe.of(Path.of("/dev/null")).problem(), "is not a V4L2 device");
  }

  @Test
  void aDmaBufThatNobodyMayMapIsExplained() {
    requireSays(Negotiator.explain(MemoryType.DMABUF, 19), "ENODEV", "exporter", "guestcam_grants");
    assertFalse(Negotiator.explain(MemoryType.USERPTR, 19).contains("exporter"));
    requireSays(Negotiator.explain(MemoryType.DMABUF, 14), "EFAULT");
  }
}
