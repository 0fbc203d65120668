// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.Mailbox;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.Poll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class MailboxTest {
  private final FakeSource source = new FakeSource(0, _ -> {});
  private final Buffer a = source.buffers.get(0);
  private final Buffer b = source.buffers.get(1);
  private Mailbox mailbox;
  private int released;

  @BeforeEach
  void open() throws ErrnoException {
    mailbox = new Mailbox();
  }

  @AfterEach
  void everythingIsGivenBack() {
    mailbox.close();
    source.close();
    assertEquals(source.buffers.size(), source.buffersClosed.get());
  }

  private Frame frame(Buffer buffer, long sequence) {
    return new Frame(_ -> released++).present(buffer, sequence, 0);
  }

  @Test
  void theLatestFrameWinsAndTheOvertakenOneIsReleasedAtOnce() {
    mailbox.framePresented(frame(a, 0));
    mailbox.framePresented(frame(b, 1));
    assertEquals(1, released);
    assertEquals(1, mailbox.overtaken());
    Frame taken = mailbox.takeFrame();
    assertEquals(1, taken.sequence());
    assertNull(mailbox.takeFrame());
    taken.release();
    assertEquals(2, mailbox.framesIn());
  }

  @Test
  void theDamageOfAnOvertakenFrameIsNotLost() {
    Frame first = frame(a, 0);
    first.damage().add(0, 0, 1, 1);
    first.damage().add(0, 1, 100, 100);
    Frame second = frame(b, 1);
    second.damage().add(2, 0, 1, 1);
    mailbox.framePresented(first);
    mailbox.framePresented(second);
    Frame taken = mailbox.takeFrame();
    assertEquals(3, taken.damage().count());
    assertEquals(FakeSource.WIDTH, taken.damage().width(2)); // cut to the picture
    taken.release();
  }

  @Test
  void aFrameComesBehindItsBufferAndBeforeItsRemoval() {
    mailbox.bufferAdded(a);
    mailbox.framePresented(frame(a, 0));
    mailbox.bufferRemoved(a);
    mailbox.ended("done", null);
    assertFalse(mailbox.hasFrame());
    assertNull(mailbox.takeFrame());
    assertSame(a, assertInstanceOf(Mailbox.Event.Added.class, mailbox.takeEvent()).buffer());
    assertNull(mailbox.takeEvent());
    assertTrue(mailbox.hasEnded());
    mailbox.takeFrame().release();
    assertInstanceOf(Mailbox.Event.Removed.class, mailbox.takeEvent());
    assertInstanceOf(Mailbox.Event.Ended.class, mailbox.takeEvent());
    a.letGo();
  }

  @Test
  void anOvertakingFrameLetsTheEventsOfTheOneBeforePass() {
    mailbox.bufferAdded(a);
    mailbox.framePresented(frame(a, 0));
    mailbox.bufferAdded(b);
    mailbox.framePresented(frame(b, 1));
    assertNotNull(mailbox.takeEvent());
    assertNotNull(mailbox.takeEvent());
    assertTrue(mailbox.hasFrame());
    a.letGo();
    b.letGo();
  }

  @Test
  void aBufferThatComesAndGoesUnseenLeavesNoTrace() {
    for (int i = 0; i < 10_000; i++) {
      mailbox.bufferAdded(a);
      mailbox.bufferRemoved(a);
    }
    assertNull(mailbox.takeEvent());
  }

  @Test
  void wakesOnceForManyThings() throws ErrnoException {
    try (Poll poll = new Poll(1)) {
      poll.watch(0, mailbox.wakeFd(), Poll.IN);
      assertEquals(0, poll.await(0));
      mailbox.bufferAdded(a);
      mailbox.framePresented(frame(a, 0));
      assertEquals(1, poll.await(0));
      mailbox.awake();
      assertEquals(0, poll.await(0));
      mailbox.framePresented(frame(a, 1));
      assertEquals(1, poll.await(0));
    }
  }

  @Test
  void whatComesAfterTheCloseIsReleased() {
    mailbox.close();
    mailbox.bufferAdded(a);
    mailbox.framePresented(frame(a, 0));
    mailbox.ended("late", null);
    assertEquals(1, released);
  }

  @Test
  void underLoadEveryFrameIsReleasedExactlyOnce() throws Exception {
    int count = 200_000;
    CountDownLatch all = new CountDownLatch(1);
    try (FakeSource busy =
            new FakeSource(
                0,
                s -> {
                  for (int i = 0; i < count; i++) {
                    s.present();
                  }
                  s.listener().ended("all shown", null);
                  all.countDown();
                });
        Poll poll = new Poll(1)) {
      busy.start(mailbox);
      long before = -1;
      boolean ended = false;
      while (!ended) {
        for (Mailbox.Event event; (event = mailbox.takeEvent()) != null; ) {
          if (event instanceof Mailbox.Event.Added added) {
            added.buffer().letGo();
          }
          ended |= event instanceof Mailbox.Event.Ended;
        }
        Frame taken = mailbox.takeFrame();
        if (taken != null) {
          assertTrue(taken.sequence() > before);
          before = taken.sequence();
          taken.release(); // throws when it was released before
        } else if (!ended) {
          poll.watch(0, mailbox.wakeFd(), Poll.IN);
          assertEquals(1, poll.await(10_000_000_000L), "a wake-up was lost");
          mailbox.awake();
        }
      }
      all.await();
      assertEquals(count - 1, before); // the last one is never overtaken
      assertEquals(count, busy.released.get());
      assertEquals(count, mailbox.framesIn());
    }
  }
}
