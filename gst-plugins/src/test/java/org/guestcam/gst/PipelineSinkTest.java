// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.Memfd;
import org.guestcam.uapi.Poll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A pipeline that fails at its third frame. */
@Tag("gst")
@Timeout(60)
class PipelineSinkTest {
  private static final int FRAMES = 12;

  private final Semaphore released = new Semaphore(0);
  private int pipelines;

  private PipelineSink.Plan plan(boolean goesOn) {
    return new PipelineSink.Plan() {
      @Override
      public String description() {
        return "test";
      }

      @Override
      public int milliHertz() {
        return 0;
      }

      @Override
      public String pipeline(FrameLayout first, int part) {
        pipelines++;
        return "identity error-after=3 ! fakesink";
      }

      @Override
      public boolean startsAnew() {
        return false;
      }

      @Override
      public boolean goesOn(IOException failure) {
        return goesOn && failure.getMessage().contains("iterations");
      }

      @Override
      public long patienceNanos() {
        return 0;
      }
    };
  }

  private void show(PipelineSink.Plan plan) throws Exception {
    FrameLayout layout = FrameLayout.tight(PixelFormat.XRGB8888, 64, 48);
    try (Memfd memory = Memfd.create("guest", layout.imageSize());
        PipelineSink sink = PipelineSink.open(plan);
        Poll poll = new Poll(1)) {
      Buffer buffer = Buffer.ofMemory(0, layout, memory.map(), () -> {});
      sink.watch(poll, 0);
      for (int i = 0; i < FRAMES; i++) {
        while (!sink.canTake()) {
          poll.await(Poll.FOREVER);
          sink.dispatch(poll.ready(0));
        }
        sink.take(new Frame(_ -> released.release()).present(buffer, i, System.nanoTime()));
      }
      sink.bufferRemoved(buffer);
      buffer.drop();
    }
  }

  @Test
  void anotherPipelineBeginsWhereThePlanOutlivesOne() throws Exception {
    show(plan(true));
    assertTrue(pipelines >= FRAMES / 3, pipelines + " pipelines");
    assertTrue(released.tryAcquire(FRAMES, 50, TimeUnit.SECONDS), "frames are not released");
  }

  @Test
  void elseTheFailureIsTheSinks() {
    IOException failure = assertThrows(IOException.class, () -> show(plan(false)));
    assertTrue(failure.getMessage().contains("iterations"), failure::getMessage);
  }
}
