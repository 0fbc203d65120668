// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.tests.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.guestcam.frame.Fourcc;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.PixelFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * guestcam's own loopback module, found by negotiation like any other device: the guest's pages go
 * through it without a copy, up to the reader's mapping.
 */
@Tag("lab")
@Tag("own-loopback")
class OwnLoopbackTest {
  private static final String SINK = "v4l2:/dev/video20";
  private static final Path CAPTURE = Path.of("/dev/video21");
  private static final int FRAMES = 5;

  static Stream<Arguments> pictures() {
    Stream.Builder<Arguments> all = Stream.builder();
    for (String format : List.of("XR24", "YUYV", "NV12")) {
      for (String size : List.of("640x480", "1366x768", "1920x1080", "3840x2160")) {
        for (String memory : List.of("dmabuf", "shm")) {
          all.add(Arguments.of(format, size, memory));
        }
      }
    }
    return all.build();
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("pictures")
  void everyByteArrivesWithoutACopy(String name, String size, String memory)
      throws IOException, LayoutException {
    PixelFormat format = PixelFormat.ofDrm(Fourcc.of(name)).orElseThrow();
    int width = Integer.parseInt(size.substring(0, size.indexOf('x')));
    int height = Integer.parseInt(size.substring(size.indexOf('x') + 1));
    String source =
        "pattern:?size=" + size + "&format=" + format + "&fps=5&layout=scattered&memory=" + memory;
    try (Flow flow = Flow.start(source, SINK)) {
      flow.awaitFrames(4);
      String path = memory.equals("dmabuf") ? "DMABUF " : "USERPTR ";
      assertTrue(flow.path().startsWith(path + size), flow.path());
      try (Recording recording = Recording.byV4l2Ctl(CAPTURE, FRAMES)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      FrameLayout picture = FrameLayout.tight(format, width, height);
      try (Recording recording = Recording.byGStreamer(CAPTURE, FRAMES, picture)) {
        requireProgress(recording.requireExact(format, width, height));
      }
      assertEquals(0, flow.copiedBytes(), "guestcam copied on " + flow.path());
      assertTrue(
          Command.run("v4l2-ctl", "-d", CAPTURE.toString(), "--list-ctrls").contains("copied"),
          "the module counts no copies");
    }
  }

  private static void requireProgress(List<Long> numbers) {
    assertEquals(FRAMES, numbers.size());
    assertTrue(numbers.getLast() > numbers.getFirst(), "the picture stands still: " + numbers);
  }

  @Test
  void aGuestsModeChangeReachesTheCamera() throws IOException {
    try (Flow flow =
        Flow.start("pattern:?modes=640x480@10,800x600@10&fps=10&memory=dmabuf", SINK)) {
      flow.awaitPath("DMABUF 640x480");
      flow.awaitPath("DMABUF 800x600");
      flow.awaitPath("DMABUF 640x480");
      assertEquals(0, flow.copiedBytes());
    }
  }

  /**
   * A reader that comes with the first frame knows all of the guest's buffers, those not shown yet
   * included, and so misses nothing.
   */
  @Test
  void anEarlyReaderKnowsEveryBuffer() throws IOException, LayoutException {
    try (Flow flow = Flow.start("pattern:?size=640x480&fps=2&buffers=4&memory=dmabuf", SINK)) {
      flow.awaitFrames(1);
      try (Recording recording = Recording.byV4l2Ctl(CAPTURE, 8)) {
        PixelFormat format = PixelFormat.ofDrm(Fourcc.of("XR24")).orElseThrow();
        List<Long> numbers = recording.requireExact(format, 640, 480);
        assertEquals(7, numbers.getLast() - numbers.getFirst(), "frames were missed: " + numbers);
      }
    }
  }

  @Test
  void theCommandAddsListsAndRemovesCameras() {
    String added =
        Command.run("guestcam", "loopback", "add", "Lab", "--capture-nr=31", "--idle=picture");
    assertTrue(added.contains("Lab") && added.contains("readers /dev/video31"), added);
    String listed = Command.run("guestcam", "loopback", "list", "--json");
    assertTrue(listed.contains("\"capture\" : \"/dev/video31\""), listed);
    assertTrue(Command.run("v4l2-ctl", "-d31", "--info").contains("Card type        : Lab"));
    Command taken = Command.of("guestcam", "loopback", "add", "--capture-nr=31");
    assertEquals(1, taken.status(), taken.output());
    assertTrue(taken.output().contains("is there already"), taken.output());
    // The reader waits in DQBUF: the idle picture comes at once, so ask it for a long stream.
    Command.run(
        "sh",
        "-c",
        "v4l2-ctl -d31 --stream-mmap --stream-count=1000000 --verbose >/tmp/stream 2>&1 & reader=$!;"
            + " tail -f --pid=$reader /tmp/stream 2>&1 | grep -q -m1 'cap dqbuf';"
            + " guestcam loopback remove Lab >/tmp/busy 2>&1; echo $? >>/tmp/busy; kill $reader");
    String busy = Command.run("cat", "/tmp/busy");
    assertTrue(busy.contains("camera 'Lab' is in use") && busy.endsWith("\n1\n"), busy);
    Command.run("guestcam", "loopback", "remove", "Lab");
    Command gone = Command.of("guestcam", "loopback", "remove", "/dev/video31");
    assertEquals(1, gone.status(), gone.output());
    assertTrue(gone.output().contains("there is no camera '/dev/video31'"), gone.output());
  }
}
