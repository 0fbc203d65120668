// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The main job on a real kernel: pages of a sealed memfd become dma-bufs, vivid takes them, and
 * unmodified programs read them, byte for byte.
 */
@Tag("lab")
@Tag("vivid")
class VividPixelTest {
  private static final int FRAMES = 5;
  private static Vivid vivid;

  @BeforeAll
  static void connect() {
    vivid = Vivid.connected();
  }

  static Stream<Arguments> pictures() {
    Stream.Builder<Arguments> all = Stream.builder();
    for (String fourcc : List.of("XR24", "BGR4", "RGBP", "NV12")) {
      for (String size : List.of("640x480", "1366x768", "1920x1080", "3840x2160")) {
        for (String layout : List.of("linear", "scattered")) {
          all.add(Arguments.of(fourcc, size, layout));
        }
      }
    }
    return all.build();
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("pictures")
  void everyByteArrives(String fourcc, String size, String pages)
      throws IOException, LayoutException {
    PixelFormat format = PixelFormat.ofV4l2(Fourcc.of(fourcc)).orElseThrow();
    int width = Integer.parseInt(size.substring(0, size.indexOf('x')));
    int height = Integer.parseInt(size.substring(size.indexOf('x') + 1));
    // A guest's rows begin at multiples of 64 bytes: at 1366 pixels the stride is not the width.
    int stride = Math.ceilDiv(FrameLayout.tight(format, width, height).stride(0), 64) * 64;
    // Emulated, vivid copies a 4K picture in a tenth of a second.
    int fps = width > 1920 ? 5 : 20;
    String source =
        "pattern:?size="
            + size
            + "&format="
            + format
            + "&fps="
            + fps
            + "&layout="
            + pages
            + "&memory=dmabuf&stride="
            + stride;
    try (Flow flow = Flow.start(source, vivid.sink() + "?fourcc=" + fourcc)) {
      flow.awaitFrames(4);
      assertTrue(flow.path().startsWith("DMABUF " + size + " " + fourcc), flow.path());
      vivid.follow(fourcc, format, width, height);
      try (Recording recording = Recording.byV4l2Ctl(vivid.capture(), FRAMES)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      assertEquals(0, flow.copiedBytes(), "bytes were copied on " + flow.path());
      if (fourcc.equals("BGR4") || (fourcc.equals("NV12") && vivid.isMultiplanar())) {
        // Told BGRx, GStreamer asks the device for XR24, and told NV12, a multi-planar one for
        // NM12;
        // vivid loops equal fourccs only.
        return;
      }
      FrameLayout picture = FrameLayout.tight(format, width, height);
      try (Recording recording = Recording.byGStreamer(vivid.capture(), FRAMES, picture)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      assertEquals(0, flow.copiedBytes(), "bytes were copied on " + flow.path());
    }
  }

  private static void requireProgress(List<Long> numbers) {
    assertEquals(FRAMES, numbers.size());
    assertTrue(numbers.getLast() > numbers.getFirst(), "the picture stands still: " + numbers);
  }
}
