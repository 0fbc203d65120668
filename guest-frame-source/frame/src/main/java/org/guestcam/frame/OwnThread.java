// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

/** The end of a thread that an object started for itself. */
public final class OwnThread {
  private OwnThread() {}

  /**
   * Returns when the thread has ended, however often the caller is interrupted meanwhile: what the
   * thread uses is closed after this. A caller that is the thread itself cannot wait for itself,
   * and is let go on, as where there is none.
   *
   * @param thread null where none was started
   */
  public static void awaitEnd(Thread thread) {
    if (thread == null || thread.equals(Thread.currentThread())) {
      return;
    }
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
