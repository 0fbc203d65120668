// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.guestcam.frame.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BridgeTest {
  private static final Pace AT_ONCE = new Pace.OnChange(0, Pace.DEFAULT_KEEPALIVE_NANOS);
  private final FakeSink sink = new FakeSink();
  private FakeSource source;
  private int announced;

  private Bridge bridge(Pace pace, Bridge.Limits limits, int milliHertz, FakeSource.Script script)
      throws IOException {
    source = new FakeSource(milliHertz, script);
    return new Bridge(source, this::openSink, pace, limits);
  }

  private FakeSink openSink(int milliHertz) {
    announced = milliHertz;
    return sink;
  }

  @AfterEach
  void everythingWasGivenBack() {
    assertTrue(source.closed, "the source is closed");
    assertEquals(source.presented.get(), source.released.get(), "every frame is released once");
    assertEquals(source.buffers.size(), source.buffersClosed.get(), "every buffer is closed");
  }

  private static void endlessly(FakeSource s) throws InterruptedException {
    while (!Thread.currentThread().isInterrupted()) {
      s.present();
    }
  }

  @Test
  void carriesFramesInOrderAndDeliversTheLastOne() throws IOException {
    try (Bridge bridge =
        bridge(
            AT_ONCE,
            Bridge.Limits.NONE,
            0,
            s -> {
              for (int i = 0; i < 1000; i++) {
                s.present();
              }
              s.torn = 7;
              s.listener().ended("all shown", null);
            })) {
      assertEquals(Bridge.Ending.SOURCE_ENDED, bridge.run());
      assertEquals(999, sink.sequences.getLast());
      assertEquals(sink.sequences.stream().distinct().sorted().toList(), sink.sequences);
      BridgeStats.Snapshot total = bridge.stats().total(System.nanoTime());
      assertEquals(1000, total.framesIn());
      assertEquals(1000, total.framesOut() + total.overtaken());
      assertEquals(7, total.torn());
      assertEquals("FAKE", total.path());
      assertTrue(total.p50Micros() > 0 && total.p50Micros() <= total.p99Micros());
    }
    assertTrue(sink.closed);
  }

  /** Between the look into the mailbox and the taking, a newer frame may come, of a new buffer. */
  @Test
  void aFrameThatIsOvertakenBehindNewsOfABufferIsNotMissed() throws IOException {
    Semaphore overtaken = new Semaphore(0);
    try (Bridge bridge =
        bridge(
            AT_ONCE,
            Bridge.Limits.NONE,
            0,
            s -> {
              s.present();
              overtaken.acquire();
              s.listener().ended("all shown", null);
            })) {
      sink.onAsked =
          () -> {
            sink.onAsked = () -> {};
            source.listener().bufferAdded(source.buffers.get(1));
            try {
              source.present();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            overtaken.release();
          };
      assertEquals(Bridge.Ending.SOURCE_ENDED, bridge.run());
      assertEquals(List.of(1L), sink.sequences);
    }
  }

  @Test
  void aGuestThatWaitsUntilItsPictureWasShownIsNotStuck() throws IOException {
    try (Bridge bridge =
        bridge(
            new Pace.Fixed(1_000_000),
            Bridge.Limits.NONE,
            0,
            s -> {
              for (int i = 0; i < 20; i++) {
                s.present();
                s.shown.acquire();
              }
              s.listener().ended("all shown", null);
            })) {
      assertEquals(Bridge.Ending.SOURCE_ENDED, bridge.run());
      assertEquals(20, sink.sequences.stream().distinct().count(), "none was overtaken");
      assertEquals(0, source.shown.availablePermits(), "told once, though repeated");
    }
  }

  @Test
  void repeatsTheLastFrameAtAFixedRate() throws IOException {
    try (Bridge bridge =
        bridge(
            new Pace.Fixed(200_000), new Bridge.Limits(0, 300_000_000L), 0, FakeSource::present)) {
      assertEquals(Bridge.Ending.LIMIT, bridge.run());
      BridgeStats.Snapshot total = bridge.stats().total(System.nanoTime());
      assertEquals(1, total.framesOut());
      assertTrue(total.repeated() > 20, () -> "repeated " + total.repeated());
    }
    assertEquals(200_000, announced);
  }

  @Test
  void takesTheRateOfTheSource() throws IOException {
    try (Bridge bridge =
        bridge(new Pace.OfSource(), new Bridge.Limits(3, 0), 100_000, BridgeTest::endlessly)) {
      assertEquals(Bridge.Ending.LIMIT, bridge.run());
      assertEquals(3, sink.sequences.size());
    }
    assertEquals(100_000, announced);
  }

  @Test
  void stopsAtOnceFromAnotherThread() throws IOException {
    try (Bridge bridge = bridge(AT_ONCE, Bridge.Limits.NONE, 0, FakeSource::present)) {
      sink.onTake = _ -> new Thread(bridge::stop).start();
      assertEquals(Bridge.Ending.STOPPED, bridge.run());
    }
  }

  @Test
  void stopsWhileTheSourceSaysNothing() throws IOException {
    Bridge bridge = bridge(AT_ONCE, Bridge.Limits.NONE, 0, _ -> {});
    try (bridge) {
      new Thread(bridge::stop).start();
      assertEquals(Bridge.Ending.STOPPED, bridge.run());
    }
    bridge.stop(); // after the end it is harmless
  }

  @Test
  void saysWhyASourceFailed() throws IOException {
    IOException cause = new IOException("ring index 900 is out of range");
    try (Bridge bridge =
        bridge(AT_ONCE, Bridge.Limits.NONE, 0, s -> s.listener().ended("guest lied", cause))) {
      IOException thrown = assertThrows(IOException.class, bridge::run);
      assertEquals("fake source: guest lied", thrown.getMessage());
      assertSame(cause, thrown.getCause());
    }
  }

  @Test
  void aSourceThatDoesNotStartOpensNoSink() throws IOException {
    try (Bridge bridge = bridge(AT_ONCE, Bridge.Limits.NONE, 0, _ -> {})) {
      source.failsToStart = new IOException("no such guest");
      assertSame(source.failsToStart, assertThrows(IOException.class, bridge::run));
    }
    assertFalse(sink.closed);
  }

  @Test
  void aSinkThatFailsEndsTheRunAndLosesNoFrame() throws IOException {
    sink.failsWith = new IOException("/dev/video7 is gone");
    try (Bridge bridge = bridge(AT_ONCE, Bridge.Limits.NONE, 0, BridgeTest::endlessly)) {
      assertSame(sink.failsWith, assertThrows(IOException.class, bridge::run));
    }
    assertTrue(sink.closed);
  }

  @Test
  void aSinkThatDoesNotOpenEndsTheRun() throws IOException {
    source = new FakeSource(0, BridgeTest::endlessly);
    IOException busy = new IOException("busy");
    Bridge.SinkOpener opener =
        _ -> {
          throw busy;
        };
    try (Bridge bridge = new Bridge(source, opener, AT_ONCE, Bridge.Limits.NONE)) {
      assertSame(busy, assertThrows(IOException.class, bridge::run));
    }
  }

  @Test
  void aSinkThatCannotTakeDoesNotHoldUpTheSourceNorTheEnd() throws IOException {
    sink.full = true;
    try (Bridge bridge =
        bridge(
            AT_ONCE,
            Bridge.Limits.NONE,
            0,
            s -> {
              for (int i = 0; i < 100; i++) {
                s.present();
              }
              s.listener().ended("all shown", null);
            })) {
      assertEquals(Bridge.Ending.SOURCE_ENDED, bridge.run());
      assertEquals(99, bridge.stats().total(System.nanoTime()).overtaken());
    }
    assertTrue(sink.sequences.isEmpty());
  }

  @Test
  void forgetsBuffersThatTheSourceRemoves() throws IOException {
    try (Bridge bridge =
        bridge(
            AT_ONCE,
            Bridge.Limits.NONE,
            0,
            s -> {
              s.present();
              for (Buffer buffer : s.buffers) {
                s.listener().bufferRemoved(buffer);
              }
              s.listener().ended("gone", null);
            })) {
      bridge.run();
      assertTrue(sink.known.isEmpty());
    }
  }

  /** Warm-up is over when the compilers are done: at the latest after the last window. */
  @Test
  void aFrameAllocatesNothingOnceItIsWarm() throws IOException {
    int window = 10_000;
    // As long as it takes: until the JIT is done, on a busy host after some seconds, paths
    // allocate.
    long until = System.nanoTime() + 30_000_000_000L;
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long[] before = {threads.getCurrentThreadAllocatedBytes()};
    long[] least = {Long.MAX_VALUE};
    int[] taken = new int[1];
    sink.keepsNotes = false;
    try (Bridge bridge = bridge(AT_ONCE, Bridge.Limits.NONE, 0, BridgeTest::endlessly)) {
      sink.onTake =
          _ -> {
            if (++taken[0] % window == 0) {
              long now = threads.getCurrentThreadAllocatedBytes();
              least[0] = Math.min(least[0], now - before[0]);
              before[0] = now;
              if (least[0] == 0 || System.nanoTime() - until > 0) {
                bridge.stop();
              }
            }
          };
      bridge.run();
    }
    assertEquals(0, least[0], "bytes in " + window + " frames");
  }
}
