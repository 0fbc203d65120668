// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.Mode;
import org.guestcam.frame.PixelFormat;
import org.guestcam.frame.surface.CopiedSurface;
import org.guestcam.uapi.Memfd;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A source whose frames are converted: what goes on, what is given back, and when. */
@Tag("gst")
@Timeout(60)
class ConvertedSourceTest {
  private static final long LIMIT_SECONDS = 50;

  /** A guest that the test draws for. */
  private static final class Guest implements FrameSource {
    private final Semaphore released = new Semaphore(0);
    private final List<Buffer> buffers = new ArrayList<>();
    private FrameListener listener;
    private long sequence;

    @Override
    public void start(FrameListener hearer) {
      listener = hearer;
    }

    Buffer buffer(PixelFormat format, int width, int height) throws Exception {
      FrameLayout layout = FrameLayout.tight(format, width, height);
      try (Memfd memory = Memfd.create("guest", layout.imageSize())) {
        Buffer buffer = Buffer.ofMemory(buffers.size(), layout, memory.map(), () -> {});
        buffers.add(buffer);
        listener.modeChanged(new Mode(width, height, format, 30_000));
        listener.bufferAdded(buffer);
        return buffer;
      }
    }

    void present(Buffer buffer) {
      Frame frame = new Frame(_ -> released.release()).present(buffer, sequence++, 5);
      frame.damage().add(1, 2, 3, 4);
      listener.framePresented(frame);
    }

    void awaitReleased() throws InterruptedException {
      assertTrue(released.tryAcquire(LIMIT_SECONDS, TimeUnit.SECONDS), "a frame is not released");
    }

    @Override
    public String description() {
      return "guest";
    }

    @Override
    public void close() {
      buffers.forEach(Buffer::drop);
      buffers.clear();
    }
  }

  /** Keeps what it hears. */
  private static final class Ear implements FrameListener {
    private final BlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
    private final List<Buffer> buffers = new ArrayList<>();
    private final CompletableFuture<Throwable> end = new CompletableFuture<>();
    private volatile Mode mode;

    Frame frame() throws InterruptedException {
      Frame frame = frames.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
      assertNotNull(frame, "no frame comes");
      return frame;
    }

    @Override
    public void modeChanged(Mode changed) {
      mode = changed;
    }

    @Override
    public synchronized void bufferAdded(Buffer buffer) {
      buffers.add(buffer);
    }

    @Override
    public synchronized void bufferRemoved(Buffer buffer) {
      assertTrue(buffers.remove(buffer), "a buffer goes that never came");
    }

    @Override
    public void framePresented(Frame frame) {
      frames.add(frame);
    }

    @Override
    public void ended(String reason, Throwable failure) {
      end.complete(failure);
    }

    synchronized int buffers() {
      return buffers.size();
    }
  }

  private final Guest guest = new Guest();
  private final Ear ear = new Ear();

  @Test
  void theGuestHasItsFrameBackHoweverLongTheConvertedOneIsKept() throws Exception {
    try (ConvertedSource source = new ConvertedSource(guest, PixelFormat.YUYV, "auto", false)) {
      source.start(ear);
      Buffer drawn = guest.buffer(PixelFormat.XRGB8888, 64, 32);
      for (int i = 0; i < CopiedSurface.MAX_BUFFERS; i++) {
        guest.present(drawn);
        guest.awaitReleased();
      }
      List<Frame> kept = new ArrayList<>();
      for (int i = 0; i < CopiedSurface.MAX_BUFFERS; i++) {
        kept.add(ear.frame());
        assertEquals(i, kept.get(i).sequence());
      }
      Frame first = kept.getFirst();
      assertEquals(PixelFormat.YUYV, first.buffer().layout().format());
      assertEquals(5, first.timestampNanos());
      assertEquals(3, first.damage().width(0));
      assertEquals(new Mode(64, 32, PixelFormat.YUYV, 30_000), ear.mode);
      assertEquals(CopiedSurface.MAX_BUFFERS, ear.buffers(), "it never makes more");
      // All its buffers are out: of what comes now the newest waits until one is back.
      guest.present(drawn);
      guest.present(drawn);
      guest.awaitReleased();
      kept.forEach(Frame::release);
      Frame newest = ear.frame();
      assertEquals(CopiedSurface.MAX_BUFFERS + 1, newest.sequence());
      newest.release();
      assertEquals(1, source.overtakenFrames());
      guest.awaitReleased();
      guest.listener.ended("done", null);
      assertNull(ear.end.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      assertEquals(0, ear.buffers());
      assertEquals(CopiedSurface.MAX_BUFFERS + 1, source.convertedFrames());
      assertEquals(64 * 32 * 2 * source.convertedFrames(), source.convertedBytes());
    }
  }

  @Test
  void whatIsAsWantedGoesOnAsItIs() throws Exception {
    try (ConvertedSource source = new ConvertedSource(guest, PixelFormat.XRGB8888, "auto", true)) {
      source.start(ear);
      Buffer drawn = guest.buffer(PixelFormat.XRGB8888, 64, 32);
      guest.present(drawn);
      Frame frame = ear.frame();
      assertSame(drawn, frame.buffer());
      assertEquals(0, guest.released.availablePermits());
      frame.release();
      guest.awaitReleased();
      guest.listener.bufferRemoved(drawn);
      guest.listener.ended("done", null);
      assertNull(ear.end.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      assertEquals(0, ear.buffers());
      assertEquals(0, source.convertedFrames());
    }
  }

  @Test
  void aNewModeHasNewBuffersAndFramesOutStayReadable() throws Exception {
    try (ConvertedSource source = new ConvertedSource(guest, PixelFormat.NV12, "auto", false)) {
      source.start(ear);
      guest.present(guest.buffer(PixelFormat.XRGB8888, 64, 32));
      Frame before = ear.frame();
      guest.present(guest.buffer(PixelFormat.XBGR8888, 33, 17));
      Frame after = ear.frame();
      assertEquals(33, after.buffer().layout().width());
      assertEquals(
          64 * 32 * 3 / 2, before.buffer().pixels().asSlice(0, 64 * 32 * 3 / 2).byteSize());
      before.release();
      after.release();
    }
    assertEquals(0, ear.buffers(), "closing takes them back too");
  }

  @Test
  void nothingIsConvertedWhereNothingMayBeCopied() throws Exception {
    try (ConvertedSource source = new ConvertedSource(guest, PixelFormat.NV12, "auto", true)) {
      source.start(ear);
      guest.present(guest.buffer(PixelFormat.XRGB8888, 64, 32));
      Throwable failure = ear.end.get(LIMIT_SECONDS, TimeUnit.SECONDS);
      assertInstanceOf(HostLacksException.class, failure);
      assertTrue(failure.getMessage().contains("--require-zero-copy"), failure.getMessage());
      guest.awaitReleased();
    }
  }

  @Test
  void theLastFrameOfASourceThatEndsIsDroppedWhereNobodyMakesRoom() throws Exception {
    try (ConvertedSource source = new ConvertedSource(guest, PixelFormat.NV12, "auto", false)) {
      source.start(ear);
      Buffer drawn = guest.buffer(PixelFormat.XRGB8888, 64, 32);
      for (int i = 0; i < CopiedSurface.MAX_BUFFERS; i++) {
        guest.present(drawn);
        guest.awaitReleased();
      }
      guest.present(drawn);
      guest.listener.ended("done", null);
      assertNull(ear.end.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      guest.awaitReleased();
      ear.frames.forEach(Frame::release);
    }
  }
}
