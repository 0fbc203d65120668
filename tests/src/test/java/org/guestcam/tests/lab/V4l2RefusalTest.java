// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSinkProvider;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.PageRange;
import org.guestcam.uapi.Udmabuf;
import org.guestcam.v4l2.DeviceProbe;
import org.guestcam.v4l2.MemoryType;
import org.guestcam.v4l2.VideoOutput;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What V4L2 devices refuse, and the message that a user sees then. */
@Tag("lab")
@Tag("refusals")
class V4l2RefusalTest {
  private static final FrameSinkProvider.Options ANY = new FrameSinkProvider.Options(false, 20_000);
  private static final FrameSinkProvider.Options ZERO_COPY =
      new FrameSinkProvider.Options(true, 20_000);
  private static Vivid vivid;

  @BeforeAll
  static void connect() {
    vivid = Vivid.connected();
  }

  private static void requireSays(Throwable thrown, String... parts) {
    for (String part : parts) {
      assertTrue(
          thrown.getMessage().contains(part), "'" + part + "' is not in: " + thrown.getMessage());
    }
  }

  private static void takeOnce(Path device, FrameSinkProvider.Options options, Buffer buffer)
      throws IOException {
    try (VideoOutput output = VideoOutput.open(device, options, 0)) {
      Frame frame = new Frame(_ -> {});
      frame.present(buffer, 0, System.nanoTime());
      frame.damage().setAll(buffer.layout().width(), buffer.layout().height());
      output.take(frame);
    }
  }

  private static Buffer buffer(FrameLayout layout, long size) throws IOException, LayoutException {
    try (Memfd memfd = Memfd.create("guest", size).seal(Memfd.F_SEAL_SHRINK);
        Udmabuf udmabuf = Udmabuf.open()) {
      DmaBuf dmaBuf = udmabuf.create(memfd.fd(), new PageRange(0, size));
      return Buffer.ofDmaBuf(1, layout, dmaBuf, () -> {});
    }
  }

  @Test
  void vividTellsWhatItsQueueTakes() {
    assertTrue(
        DeviceProbe.of(vivid.output())
            .memoryTypes()
            .containsAll(Set.of(MemoryType.DMABUF, MemoryType.USERPTR, MemoryType.MMAP)));
  }

  @Test
  void noSuchDevice() {
    requireSays(
        assertThrows(
            HostLacksException.class, () -> VideoOutput.open(Path.of("/dev/video99"), ANY, 0)),
        "there is no device /dev/video99",
        "guestcam devices");
  }

  @Test
  void notAVideoDevice() {
    requireSays(
        assertThrows(
            HostLacksException.class, () -> VideoOutput.open(Path.of("/dev/null"), ANY, 0)),
        "/dev/null is not a V4L2 device",
        "ENOTTY");
  }

  @Test
  void aCaptureDevice() {
    requireSays(
        assertThrows(HostLacksException.class, () -> VideoOutput.open(vivid.capture(), ANY, 0)),
        vivid.capture().toString(),
        "takes no pictures",
        "capture device");
  }

  @Test
  void aDeviceThatAnotherProducerHas() throws IOException {
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=20", vivid.sink())) {
      flow.awaitFrames(2);
      requireSays(
          assertThrows(HostLacksException.class, () -> VideoOutput.open(vivid.output(), ANY, 0)),
          vivid.output().toString(),
          "in use by another producer",
          "fuser");
    }
  }

  @Test
  void aFormatThatTheDeviceSilentlyReplaces() throws IOException, LayoutException {
    // vivid has no P010 and makes YUYV of it without a word.
    FrameLayout layout = FrameLayout.tight(PixelFormat.P010, 640, 480);
    Buffer buffer = buffer(layout, 1 << 20);
    try {
      requireSays(
          assertThrows(SinkRefusedException.class, () -> takeOnce(vivid.output(), ANY, buffer)),
          "takes none of P010",
          "it takes",
          "YUYV");
    } finally {
      buffer.drop();
    }
  }

  @Test
  void aFourccThatTheGuestsPixelsAreNot() {
    try (Flow flow = start("pattern:?size=640x480&fps=20", vivid.sink() + "?fourcc=NV12")) {
      requireSays(flow.awaitEnd(), "the guest draws XR24", "as NV12 without conversion", "BGR4");
    }
  }

  private static Flow start(String source, String sink) {
    try {
      return Flow.start(source, sink);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aBufferSmallerThanTheDevicesPicture() throws IOException, LayoutException {
    // The last row ends within its stride, and so does the memory: whole strides do not fit.
    FrameLayout layout = FrameLayout.padded(PixelFormat.XRGB8888, 640, 480, 8192);
    Buffer buffer = buffer(layout, 959L * 4096);
    try {
      requireSays(
          assertThrows(HostLacksException.class, () -> takeOnce(vivid.output(), ZERO_COPY, buffer)),
          "zero copy is required",
          "wants 3932160 bytes a picture",
          "has 3928064");
    } finally {
      buffer.drop();
    }
  }

  @Test
  void aPictureThatIsNotLinear() throws IOException, LayoutException {
    FrameLayout tiled =
        FrameLayout.tight(PixelFormat.XRGB8888, 640, 480).withModifier(0x0100000000000001L);
    Buffer buffer = buffer(tiled, 2 << 20);
    try {
      requireSays(
          assertThrows(SinkRefusedException.class, () -> takeOnce(vivid.output(), ANY, buffer)),
          "rows one behind the other only",
          "0x0100000000000001");
    } finally {
      buffer.drop();
    }
  }

  @Test
  void aRefusedFrameIsReleased() throws IOException, LayoutException {
    int[] closed = new int[1];
    FrameLayout layout = FrameLayout.tight(PixelFormat.P010, 640, 480);
    Buffer buffer;
    try (Memfd memfd = Memfd.create("guest", 1 << 20).seal(Memfd.F_SEAL_SHRINK);
        Udmabuf udmabuf = Udmabuf.open()) {
      DmaBuf dmaBuf = udmabuf.create(memfd.fd(), new PageRange(0, 1 << 20));
      buffer = Buffer.ofDmaBuf(1, layout, dmaBuf, () -> closed[0]++);
    }
    assertThrows(SinkRefusedException.class, () -> takeOnce(vivid.output(), ANY, buffer));
    buffer.drop();
    assertEquals(1, closed[0]);
  }
}
