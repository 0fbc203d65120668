// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.Mode;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.Udmabuf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Over shared memory: dma-bufs want a kernel with udmabuf and belong to the lab. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PatternSourceTest {
  private static final String SMALL = "pattern:?memory=shm&size=160x120&";

  private static PatternSource source(String endpoint) {
    return (PatternSource) new PatternProvider().open(Endpoint.parse(endpoint));
  }

  /** Writes everything down; gives frames to the test, or back at once. */
  private static class Recorder implements FrameListener {
    final List<String> events = new ArrayList<>();
    final Set<Buffer> live = new HashSet<>();
    final LinkedBlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
    final CountDownLatch ended = new CountDownLatch(1);
    Throwable failure;

    @Override
    public void modeChanged(Mode mode) {
      assertEquals("pattern", Thread.currentThread().getName());
      events.add("mode " + mode.width() + "x" + mode.height());
    }

    @Override
    public void bufferAdded(Buffer buffer) {
      events.add("added " + buffer.id());
      assertTrue(live.add(buffer));
    }

    @Override
    public void bufferRemoved(Buffer buffer) {
      events.add("removed " + buffer.id());
      assertTrue(live.remove(buffer));
    }

    @Override
    public void framePresented(Frame frame) {
      assertTrue(live.contains(frame.buffer()));
      events.add("frame " + frame.sequence() + " in " + frame.buffer().id());
      take(frame);
    }

    void take(Frame frame) {
      frames.add(frame);
    }

    @Override
    public void ended(String reason, Throwable failure) {
      events.add("ended: " + reason);
      this.failure = failure;
      ended.countDown();
    }

    Frame next() throws InterruptedException {
      Frame frame = frames.poll(30, TimeUnit.SECONDS);
      assertNotNull(frame, "a frame within 30 seconds");
      return frame;
    }

    void awaitEnd() throws InterruptedException {
      assertTrue(ended.await(30, TimeUnit.SECONDS), "an end within 30 seconds");
    }
  }

  /** Checks every pixel of every frame and gives it back. */
  private static final class Checker extends Recorder {
    long lastTime;

    @Override
    void take(Frame frame) {
      try {
        MemorySegment pixels = frame.buffer().pixels();
        PatternPicture picture = new PatternPicture(frame.buffer().layout());
        Stamp stamp = picture.read(pixels);
        assertEquals(new Stamp(frame.sequence(), frame.timestampNanos(), false, true), stamp);
        assertEquals(-1, picture.firstDifference(pixels, stamp.frame(), stamp.timestampNanos()));
        assertTrue(frame.timestampNanos() > lastTime && frame.timestampNanos() < System.nanoTime());
        lastTime = frame.timestampNanos();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        frame.release();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "size=640x480&format=XR24",
        "size=641x481&format=NV12&layout=scattered&run=1",
        "size=1366x768&format=RG16&layout=scattered",
        "size=161x121&format=YU12&stride=256&layout=scattered&run=3",
        "size=160x120&format=P010&buffers=1",
      })
  void everyPixelOfEveryFrameIsRight(String parameters) throws Exception {
    Checker checker = new Checker();
    try (PatternSource source = source("pattern:?memory=shm&frames=8&fps=0&" + parameters)) {
      source.start(checker);
      checker.awaitEnd();
      assertNull(checker.failure);
      assertEquals(8, source.presented());
      assertEquals(0, source.starved());
    }
  }

  @Test
  void eventsComeInOrderAndBuffersTakeTurns() throws Exception {
    Recorder recorder =
        new Recorder() {
          @Override
          void take(Frame frame) {
            frame.release();
          }
        };
    try (PatternSource source = source(SMALL + "buffers=2&frames=4&fps=0")) {
      source.start(recorder);
      recorder.awaitEnd();
    }
    assertEquals(
        List.of(
            "mode 160x120",
            "added 0",
            "added 1",
            "frame 0 in 0",
            "frame 1 in 1",
            "frame 2 in 0",
            "frame 3 in 1",
            "removed 0",
            "removed 1",
            "ended: all 4 frames were presented"),
        recorder.events);
    assertNull(recorder.failure);
  }

  @Test
  void modesChangeInTurnWithNewBuffers() throws Exception {
    Checker checker = new Checker();
    try (PatternSource source =
        source(
            "pattern:?memory=shm&layout=scattered&run=2&modes=160x120@2,200x150@1&buffers=1"
                + "&frames=4&fps=0")) {
      source.start(checker);
      checker.awaitEnd();
    }
    assertNull(checker.failure);
    assertEquals(
        List.of(
            "mode 160x120",
            "added 0",
            "frame 0 in 0",
            "frame 1 in 0",
            "removed 0",
            "mode 200x150",
            "added 1",
            "frame 2 in 1",
            "removed 1",
            "mode 160x120",
            "added 2",
            "frame 3 in 2",
            "removed 2",
            "ended: all 4 frames were presented"),
        checker.events);
  }

  @Test
  void memoryGoesWhenTheLastFrameIsReleasedEvenBehindTheEnd() throws Exception {
    Recorder recorder = new Recorder();
    Frame first;
    MemorySegment pixels;
    try (PatternSource source =
        source("pattern:?memory=shm&modes=160x120@1,200x150@1&frames=3&fps=0")) {
      source.start(recorder);
      first = recorder.next();
      pixels = first.buffer().pixels();
      recorder.awaitEnd();
    }
    PatternPicture picture = new PatternPicture(first.buffer().layout());
    assertEquals(0, picture.read(pixels).frame());
    assertTrue(pixels.scope().isAlive());
    first.release();
    assertFalse(pixels.scope().isAlive());
    recorder.next().release();
    recorder.next().release();
  }

  @Test
  void aHeldFrameIsNotDrawnOver() throws Exception {
    Recorder recorder = new Recorder();
    try (PatternSource source = source(SMALL + "buffers=2&fps=0")) {
      source.start(recorder);
      Frame held = recorder.next();
      PatternPicture picture = new PatternPicture(held.buffer().layout());
      for (int i = 1; i < 50; i++) {
        Frame other = recorder.next();
        assertEquals(i, other.sequence());
        assertNotSame(held.buffer(), other.buffer());
        other.release();
      }
      assertEquals(0, picture.read(held.buffer().pixels()).frame());
      held.release();
      recorder.next().release();
    }
    recorder.frames.forEach(Frame::release);
  }

  @Test
  void framesAreUsedAgain() throws Exception {
    Recorder recorder = new Recorder();
    Set<Integer> identities = new HashSet<>();
    try (PatternSource source = source(SMALL + "buffers=3&fps=0&frames=30")) {
      source.start(recorder);
      for (int i = 0; i < 30; i++) {
        Frame frame = recorder.next();
        identities.add(System.identityHashCode(frame));
        frame.release();
      }
    }
    assertTrue(identities.size() <= 3, identities::toString);
  }

  @Test
  void atAFixedRateNumbersGoOnWhileEveryBufferIsTaken() throws Exception {
    Recorder recorder = new Recorder();
    try (PatternSource source = source(SMALL + "buffers=1&fps=200")) {
      source.start(recorder);
      Frame first = recorder.next();
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (source.starved() < 3 && System.nanoTime() < deadline) {
        Thread.onSpinWait();
      }
      long starved = source.starved();
      assertTrue(starved >= 3);
      assertEquals(1, source.presented());
      first.release();
      Frame second = recorder.next();
      assertTrue(second.sequence() > starved, second::toString);
      // More may have been counted since it was presented.
      assertTrue(second.sequence() <= source.starved() + source.late() + 1, second::toString);
      second.release();
    }
    recorder.frames.forEach(Frame::release);
  }

  @Test
  void aFixedRateIsKept() throws Exception {
    Recorder recorder = new Recorder();
    List<Long> times = new ArrayList<>();
    List<Long> numbers = new ArrayList<>();
    try (PatternSource source = source(SMALL + "fps=100&frames=51")) {
      source.start(recorder);
      for (int i = 0; i < 51; i++) {
        Frame frame = recorder.next();
        times.add(frame.timestampNanos());
        numbers.add(frame.sequence());
        frame.release();
      }
    }
    // A busy machine may delay single frames and leave some out; early ones and drift are mistakes.
    for (int i = 1; i < times.size(); i++) {
      assertTrue(numbers.get(i) > numbers.get(i - 1));
      long early = numbers.get(i) * 10_000_000 - (times.get(i) - times.getFirst());
      assertTrue(early < 500_000_000, "frame " + i);
    }
    double period =
        (double) (times.getLast() - times.getFirst()) / (numbers.getLast() - numbers.getFirst());
    assertEquals(10_000_000, period, 1_000_000);
  }

  @Test
  void stopStandsStillButLives() throws Exception {
    Recorder recorder = new Recorder();
    try (PatternSource source = source(SMALL + "fps=0&stop=2")) {
      source.start(recorder);
      recorder.next().release();
      recorder.next().release();
      assertNull(recorder.frames.poll(200, TimeUnit.MILLISECONDS));
      assertEquals(1, recorder.ended.getCount());
    }
    assertEquals("ended: the test picture was closed", recorder.events.getLast());
  }

  @ParameterizedTest
  @ValueSource(strings = {"fps=0.001", "fps=0&buffers=1", "fps=0&stop=1"})
  void closeEndsItAtOnceWhereverItWaits(String parameters) throws Exception {
    Recorder recorder = new Recorder();
    PatternSource source = source(SMALL + parameters);
    source.start(recorder);
    Frame held = recorder.next();
    MemorySegment pixels = held.buffer().pixels();
    long before = System.nanoTime();
    source.close();
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
    assertTrue(millis < 5000, () -> millis + " ms");
    assertEquals(0, recorder.ended.getCount(), "its thread is gone when close returns");
    assertEquals(Set.of(), recorder.live);
    source.close();
    assertEquals(1, recorder.events.stream().filter(e -> e.startsWith("ended")).count());
    held.release();
    assertFalse(pixels.scope().isAlive());
  }

  @Test
  void aListenerMayCloseItFromWithin() throws Exception {
    PatternSource source = source(SMALL + "fps=0");
    Recorder recorder =
        new Recorder() {
          @Override
          void take(Frame frame) {
            frame.release();
            source.close();
          }
        };
    source.start(recorder);
    recorder.awaitEnd();
    source.close();
    assertEquals(1, source.presented());
  }

  @Test
  void aFailingListenerEndsItWithTheFailure() throws Exception {
    IllegalStateException thrown = new IllegalStateException("as a test");
    Recorder recorder =
        new Recorder() {
          @Override
          void take(Frame frame) {
            frame.release();
            throw thrown;
          }
        };
    try (PatternSource source = source(SMALL + "fps=0")) {
      source.start(recorder);
      recorder.awaitEnd();
      assertSame(thrown, recorder.failure);
      assertEquals("ended: the test picture failed: as a test", recorder.events.getLast());
      assertEquals(Set.of(), recorder.live);
    }
  }

  @Test
  void startsOnceAndNotAfterClose() throws Exception {
    Recorder recorder = new Recorder();
    PatternSource source = source(SMALL + "fps=0&frames=1");
    source.start(recorder);
    assertThrows(IllegalStateException.class, () -> source.start(recorder));
    recorder.next().release();
    source.close();
    PatternSource closed = source(SMALL);
    closed.close();
    assertThrows(IllegalStateException.class, () -> closed.start(recorder));
  }

  @Test
  void whereThereIsNoUdmabufDmaBufsAreRefusedWithTheRemedy() {
    assumeFalse(Files.exists(Udmabuf.DEVICE), "this host has udmabuf");
    PatternSource source = source("pattern:?memory=dmabuf");
    HostLacksException refused =
        assertThrows(HostLacksException.class, () -> source.start(new Recorder()));
    assertTrue(refused.getMessage().contains("/dev/udmabuf"), refused::getMessage);
    assertTrue(refused.getMessage().contains("CONFIG_UDMABUF"), refused::getMessage);
    assertTrue(refused.getMessage().contains("Debian 13"), refused::getMessage);
    source.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"auto", "unsealed"})
  void whereThereIsNoUdmabufFramesAreInSharedMemory(String memory) throws Exception {
    assumeFalse(Files.exists(Udmabuf.DEVICE), "this host has udmabuf");
    Recorder recorder = new Recorder();
    try (PatternSource source = source("pattern:?size=160x120&frames=1&memory=" + memory)) {
      source.start(recorder);
      Frame frame = recorder.next();
      assertFalse(frame.buffer().isDmaBuf());
      assertEquals(
          0, new PatternPicture(frame.buffer().layout()).read(frame.buffer().pixels()).frame());
      frame.release();
    }
  }

  @Test
  void aHundredModeChangesLeakNothing() throws Exception {
    Recorder recorder =
        new Recorder() {
          @Override
          void take(Frame frame) {
            frame.release();
          }
        };
    long descriptors = openDescriptors();
    long mappings = mappings();
    try (PatternSource source =
        source(
            "pattern:?memory=shm&layout=scattered&run=1&modes=160x120@1,200x150@1&fps=0"
                + "&frames=100")) {
      source.start(recorder);
      recorder.awaitEnd();
    }
    assertNull(recorder.failure);
    assertTrue(openDescriptors() < descriptors + 20, "descriptors");
    // 100 times 3 buffers of 19 to 30 ranges would be more than 5000.
    assertTrue(mappings() < mappings + 500, "mappings");
  }

  private static long openDescriptors() throws IOException {
    try (var list = Files.list(Path.of("/proc/self/fd"))) {
      return list.count();
    }
  }

  private static long mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps")).size();
  }

  /** Counts on the source's own thread what that thread allocates. */
  private static final class AllocationCounter implements FrameListener {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final long[] allocated;
    private final CountDownLatch ended = new CountDownLatch(1);
    private int frames;
    private volatile Throwable failure;

    AllocationCounter(int frames) {
      allocated = new long[frames];
    }

    @Override
    public void modeChanged(Mode mode) {}

    @Override
    public void bufferAdded(Buffer buffer) {}

    @Override
    public void bufferRemoved(Buffer buffer) {}

    @Override
    public void framePresented(Frame frame) {
      frame.release();
      if (frames == 0) {
        warmUpPoll();
      }
      allocated[frames++] = THREADS.getCurrentThreadAllocatedBytes();
    }

    /**
     * The JVM's linker slices the segment for errno at each downcall, and only its optimising
     * compiler takes that object away again. It comes after some ten thousand calls, for which a
     * camera at 60 fps needs minutes.
     */
    private static void warmUpPoll() {
      try (Poll poll = new Poll(1)) {
        for (int i = 0; i < 50_000; i++) {
          assertEquals(0, poll.await(0));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void ended(String reason, Throwable failure) {
      this.failure = failure;
      ended.countDown();
    }
  }

  @Test
  void aWarmedUpFrameAllocatesNothing() throws Exception {
    assertFramesAllocateNothing("fps=0", 30_000);
  }

  @Test
  void aWarmedUpFrameThatIsWaitedForAllocatesNothing() throws Exception {
    assertFramesAllocateNothing("fps=1000", 4000);
  }

  private static void assertFramesAllocateNothing(String rate, int warmUp) throws Exception {
    int measured = 1000;
    AllocationCounter counter = new AllocationCounter(warmUp + measured + 1);
    try (PatternSource source = source(SMALL + "frames=" + (warmUp + measured + 1) + "&" + rate)) {
      source.start(counter);
      assertTrue(counter.ended.await(50, TimeUnit.SECONDS));
    }
    assertNull(counter.failure);
    long bytes = counter.allocated[warmUp + measured] - counter.allocated[warmUp];
    long frames =
        IntStream.range(warmUp, warmUp + measured)
            .filter(i -> counter.allocated[i + 1] != counter.allocated[i])
            .count();
    assertEquals(0, bytes, () -> "bytes on the heap, in " + frames + " of " + measured + " frames");
  }
}
