// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FrameTest {
  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger released = new AtomicInteger();
  private final Frame frame = new Frame(f -> released.incrementAndGet());
  private Buffer buffer;
  private boolean dropped;

  @BeforeEach
  void makeBuffer() throws IOException, LayoutException {
    buffer = BufferTest.buffer(16, 16, closed::incrementAndGet);
  }

  @AfterEach
  void nothingIsLeft() {
    if (!dropped) {
      buffer.drop();
    }
    assertEquals(1, closed.get(), "the buffer was closed once, when it was dropped and unread");
  }

  @Test
  void theOwnerHearsOfTheLastRelease() {
    assertSame(frame, frame.present(buffer, 5, 1234));
    assertSame(buffer, frame.buffer());
    assertEquals(5, frame.sequence());
    assertEquals(1234, frame.timestampNanos());
    frame.retain().retain();
    frame.release();
    frame.release();
    assertEquals(0, released.get());
    assertSame(buffer, frame.buffer());
    frame.release();
    assertEquals(1, released.get());
  }

  @Test
  void theOwnerHearsOnceThatItWasShownAndThenThatItIsFree() {
    List<String> heard = new ArrayList<>();
    Frame kept = new Frame(new Hears(heard));
    kept.present(buffer, 7, 0);
    kept.keep();
    assertEquals(List.of(), heard, "it is read");
    kept.retain(); // a device begins to show it again before it gives the first showing back
    kept.release();
    assertEquals(List.of("shown 7"), heard);
    kept.release();
    kept.retain().release();
    assertEquals(List.of("shown 7"), heard, "shown again");
    kept.letGo();
    assertEquals(List.of("shown 7", "released"), heard);

    kept.present(buffer, 8, 0).keep().letGo();
    kept.release();
    assertEquals("released", heard.getLast());
    assertEquals(3, heard.size(), "released at once, so never shown");
  }

  @Test
  void aFrameThatIsLetGoOfWhileItsOwnerHearsOfShownIsReleasedBehindThat() {
    List<String> heard = new ArrayList<>();
    Frame[] kept = new Frame[1];
    Hears hears =
        new Hears(heard) {
          @Override
          public void shown(Frame f) {
            kept[0].letGo();
            super.shown(f);
          }
        };
    kept[0] = new Frame(hears).present(buffer, 1, 0).keep();
    kept[0].release();
    assertEquals(List.of("shown 1", "released"), heard);
  }

  @Test
  void theTwoKindsOfHoldsAreNotMixedUp() {
    frame.present(buffer, 0, 0);
    assertThrows(IllegalStateException.class, frame::letGo);
    frame.keep();
    frame.release();
    assertThrows(IllegalStateException.class, frame::release);
    assertEquals(0, released.get());
    frame.letGo();
    assertThrows(IllegalStateException.class, frame::letGo);
    assertThrows(IllegalStateException.class, frame::keep);
    assertEquals(1, released.get());
  }

  private static class Hears implements Frame.Owner {
    private final List<String> heard;

    Hears(List<String> heard) {
      this.heard = heard;
    }

    @Override
    public void released(Frame f) {
      heard.add("released");
    }

    @Override
    public void shown(Frame f) {
      heard.add("shown " + f.sequence());
    }
  }

  @Test
  void mistakesAreExceptionsAndChangeNothing() {
    assertThrows(IllegalStateException.class, frame::release);
    assertThrows(IllegalStateException.class, frame::retain);
    frame.present(buffer, 0, 0);
    assertThrows(IllegalStateException.class, () -> frame.present(buffer, 1, 1));
    assertEquals(0, frame.sequence());
    frame.release();
    assertThrows(IllegalStateException.class, frame::release);
    assertThrows(IllegalStateException.class, frame::retain);
    assertEquals(1, released.get());
  }

  @Test
  void aFrameHoldsItsBuffer() {
    frame.present(buffer, 0, 0);
    buffer.drop();
    dropped = true;
    assertEquals(0, closed.get());
    frame.release();
    assertEquals(1, closed.get());
  }

  @Test
  void theOwnerMayPresentItAgainAtOnce() {
    List<Long> shown = new ArrayList<>();
    Frame again =
        new Frame(
            f -> {
              shown.add(f.sequence());
              if (f.sequence() < 3) {
                f.present(buffer, f.sequence() + 1, 0);
              }
            });
    again.present(buffer, 0, 0);
    for (int i = 0; i < 4; i++) {
      again.release();
    }
    assertEquals(List.of(0L, 1L, 2L, 3L), shown);
  }

  @Test
  void presentingClearsTheDamage() {
    frame.present(buffer, 0, 0);
    frame.damage().setAll(16, 16);
    frame.release();
    frame.present(buffer, 1, 0);
    assertEquals(0, frame.damage().count());
    frame.release();
  }

  @Test
  void manyThreadsReleaseItOnce() throws Exception {
    int threads = 6;
    int rounds = 2000;
    CyclicBarrier round =
        new CyclicBarrier(
            threads,
            () -> {
              // All are here: the last round's holds are gone, and each gets one of the next.
              assertTrue(released.get() == 0 || frame.buffer() == null);
              frame.present(buffer, released.get(), 0);
              for (int i = 1; i < threads; i++) {
                frame.retain();
              }
            });
    Callable<Void> reader =
        () -> {
          for (int r = 0; r < rounds; r++) {
            round.await();
            for (int i = 0; i < 5; i++) {
              frame.retain();
              assertEquals(r, frame.sequence());
              assertSame(buffer, frame.buffer());
              frame.release();
            }
            frame.release();
          }
          return null;
        };
    runAll(threads, reader);
    assertEquals(rounds, released.get());
  }

  @Test
  void ofManyReleasesTooManyEachIsAnException() throws Exception {
    int threads = 6;
    int holds = 1000;
    AtomicInteger refused = new AtomicInteger();
    frame.present(buffer, 0, 0);
    for (int i = 1; i < holds; i++) {
      frame.retain();
    }
    Callable<Void> reader =
        () -> {
          for (int i = 0; i < holds; i++) {
            try {
              frame.release();
            } catch (IllegalStateException e) {
              refused.incrementAndGet();
            }
          }
          return null;
        };
    runAll(threads, reader);
    assertEquals(1, released.get());
    assertEquals(threads * holds - holds, refused.get());
  }

  private static void runAll(int threads, Callable<Void> task)
      throws InterruptedException, ExecutionException {
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      List<Future<Void>> all = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        all.add(executor.submit(task));
      }
      for (Future<Void> one : all) {
        one.get();
      }
    }
  }
}
