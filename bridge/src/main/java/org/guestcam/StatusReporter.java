// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Shows a bridge's numbers again and again, on a thread of its own: a slow terminal or a full pipe
 * must not hold up the camera.
 */
public final class StatusReporter implements AutoCloseable {
  private final BridgeStats stats;
  private final StatusView view;
  private final CountDownLatch over = new CountDownLatch(1);
  private final Thread thread = new Thread(this::report, "guestcam-status");

  /** Begins to show. */
  public StatusReporter(BridgeStats stats, StatusView view) {
    this.stats = stats;
    this.view = view;
    thread.setDaemon(true);
    thread.start();
  }

  private void report() {
    try {
      while (!over.await(view.periodSeconds(), TimeUnit.SECONDS)) {
        view.update(stats.snapshot(System.nanoTime()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Shows the final numbers, and ends. */
  @Override
  public void close() {
    over.countDown();
    try {
      // Nobody reads the other end of a full pipe: then the final numbers have no reader either.
      if (thread.join(Duration.ofSeconds(2))) {
        view.finished(stats.total(System.nanoTime()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
