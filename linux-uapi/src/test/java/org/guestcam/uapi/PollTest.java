// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PollTest {
  private static final long LONG = TimeUnit.MINUTES.toNanos(5);

  @Test
  void theTimeIsOver() throws IOException {
    try (EventFd event = new EventFd("never");
        Poll poll = new Poll(1)) {
      poll.watch(0, event.fd(), Poll.IN);
      long start = System.nanoTime();
      assertEquals(0, poll.await(TimeUnit.MILLISECONDS.toNanos(30)));
      assertTrue(System.nanoTime() - start >= TimeUnit.MILLISECONDS.toNanos(30));
      assertEquals(0, poll.ready(0));
    }
  }

  @Test
  void noTimeIsOverAtOnce() throws IOException {
    try (Poll poll = new Poll(2)) {
      assertEquals(0, poll.await(0));
    }
  }

  @Test
  void tellsWhichIsReadyForWhat() throws IOException {
    try (EventFd quiet = new EventFd("quiet");
        EventFd loud = new EventFd("loud");
        Poll poll = new Poll(3)) {
      poll.watch(0, quiet.fd(), Poll.IN);
      poll.watch(2, loud.fd(), Poll.IN | Poll.OUT);
      loud.signal();
      assertEquals(1, poll.await(LONG));
      assertEquals(0, poll.ready(0));
      assertEquals(0, poll.ready(1));
      assertEquals(Poll.IN | Poll.OUT, poll.ready(2));
      loud.drain();
      assertEquals(1, poll.await(Poll.FOREVER), "it can still be written");
      assertEquals(Poll.OUT, poll.ready(2));
    }
  }

  @Test
  void anIgnoredEntryIsNotWaitedFor() throws IOException {
    try (EventFd event = new EventFd("ready");
        Poll poll = new Poll(1)) {
      event.signal();
      poll.watch(0, event.fd(), Poll.IN);
      assertEquals(1, poll.await(LONG));
      poll.ignore(0);
      assertEquals(0, poll.ready(0));
      assertEquals(0, poll.await(0));
      poll.watch(0, event.fd(), Poll.IN);
      assertEquals(1, poll.await(LONG));
    }
  }

  @Test
  void anotherThreadWakesIt() throws IOException, InterruptedException {
    try (EventFd event = new EventFd("wake");
        Poll poll = new Poll(1)) {
      poll.watch(0, event.fd(), Poll.IN);
      Thread thread = Thread.ofPlatform().start(event::signal);
      assertEquals(1, poll.await(Poll.FOREVER));
      thread.join();
      event.drain();
      assertEquals(0, poll.await(0));
    }
  }

  @Test
  void aClosedDescriptorIsRefusedBeforeTheWait() throws IOException {
    try (Poll poll = new Poll(1)) {
      EventFd event = new EventFd("closed");
      event.close();
      assertThrows(IllegalStateException.class, () -> poll.watch(0, event.fd(), Poll.IN));
    }
  }

  @Test
  void signalsAddUpToOneWakeUp() throws IOException {
    try (EventFd event = new EventFd("many");
        Poll poll = new Poll(1)) {
      poll.watch(0, event.fd(), Poll.IN);
      for (int i = 0; i < 1000; i++) {
        event.signal();
      }
      assertNotEquals(0, poll.await(0));
      event.drain();
      assertEquals(0, poll.await(0));
      event.drain();
    }
  }
}
