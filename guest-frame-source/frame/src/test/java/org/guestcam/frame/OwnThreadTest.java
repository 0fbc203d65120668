// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OwnThreadTest {
  @Test
  void anInterruptedCallerWaitsAllTheSameAndStaysInterrupted() {
    CountDownLatch end = new CountDownLatch(1);
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  while (end.getCount() > 0) {
                    Thread.onSpinWait();
                  }
                });
    Thread waiting = Thread.currentThread();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              while (waiting.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
              }
              waiting.interrupt();
              end.countDown();
            });
    OwnThread.awaitEnd(thread);
    assertFalse(thread.isAlive());
    assertTrue(Thread.interrupted());
  }

  @Test
  void thereIsNothingToWaitForWithoutAThreadOrOnIt() throws InterruptedException {
    OwnThread.awaitEnd(null);
    OwnThread.awaitEnd(Thread.currentThread());
    Thread itself = Thread.ofPlatform().start(() -> OwnThread.awaitEnd(Thread.currentThread()));
    itself.join();
    assertFalse(itself.isAlive());
  }
}
