// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.Mode;

/** Finds out by which call a QEMU gives its pictures: it does not say, so one is taken. */
final class PictureWay implements FrameListener {
  /** A guest that draws nothing meanwhile sends its picture at once as well. */
  private static final long PATIENCE_SECONDS = 4;

  private final CountDownLatch decided = new CountDownLatch(1);

  private PictureWay() {}

  /** "Scanout", "ScanoutMap", "ScanoutDMABUF", "ScanoutDMABUF2"; or that no picture came. */
  static String of(QemuOptions options) throws IOException {
    PictureWay listener = new PictureWay();
    try (QemuSource source = new QemuSource(options)) {
      source.start(listener);
      boolean came = listener.decided.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
      String way = source.way();
      return !came || way.isEmpty() ? "nothing: none came in " + PATIENCE_SECONDS + " s" : way;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
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
    decided.countDown();
  }

  @Override
  public void ended(String reason, Throwable failure) {
    decided.countDown();
  }
}
