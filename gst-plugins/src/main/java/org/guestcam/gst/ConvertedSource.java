// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.Mailbox;
import org.guestcam.frame.Mode;
import org.guestcam.frame.OwnThread;
import org.guestcam.frame.PixelFormat;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A source whose frames are converted into one pixel format, for readers that know only a few. A
 * frame of that format goes on as it is. Any other is converted by GStreamer, by an element of the
 * GPU where there is one, else by the CPU, into another buffer, a dma-buf where this host makes
 * them, and released at once: how long a reader keeps the converted one does not hold up the guest.
 *
 * <p>A thread of its own converts; a frame that comes while it works, or while all its buffers are
 * out, waits in a mailbox, where the newest wins.
 */
public final class ConvertedSource implements FrameSource {
  private static final Logger LOG = LoggerFactory.getLogger(ConvertedSource.class);
  private static final int MAILBOX = 0;
  private static final int WAKE = 1;

  /** How long the last frame of a source that has ended waits for a buffer. */
  private static final long LAST_FRAME_WAIT = 1_000_000_000L;

  private final FrameSource source;
  private final PixelFormat format;
  private final boolean refuse;
  private final ConverterChoice choice;
  private final Mailbox mailbox = new Mailbox();
  private final EventFd wake = new EventFd("converter");
  private final Runnable onFree = this::wake;
  private FrameListener listener;
  private Thread thread;
  private Mode mode;
  private Conversion conversion;
  private boolean told;
  private int nextId;
  private boolean closed;
  private volatile boolean stopping;
  private volatile long frames;
  private volatile long bytes;

  /**
   * Converts what {@code source} shows, which it takes over.
   *
   * @param converter what converts: {@code auto}, {@code cpu}, or an element as a piece of a
   *     pipeline
   * @param requireZeroCopy end with an error rather than convert
   * @throws HostLacksException where GStreamer is missing; the source stays the caller's then
   */
  public ConvertedSource(
      FrameSource source, PixelFormat format, String converter, boolean requireZeroCopy)
      throws HostLacksException, ErrnoException {
    GStreamer.require();
    this.choice = ConverterChoice.of(converter);
    this.source = source;
    this.format = format;
    this.refuse = requireZeroCopy;
  }

  @Override
  public void start(FrameListener hearer) throws IOException {
    listener = hearer;
    source.start(mailbox);
    thread = Thread.ofPlatform().name("guestcam-convert").start(this::carry);
  }

  private void carry() {
    Mailbox.Event.Ended end;
    try (Poll poll = new Poll(2)) {
      poll.watch(MAILBOX, mailbox.wakeFd(), Poll.IN);
      poll.watch(WAKE, wake.fd(), Poll.IN);
      while ((end = passOn()) == null && !stopping) {
        // Frames of a source that has ended do not wait for ever.
        boolean last = mailbox.hasEnded();
        if (poll.await(last ? LAST_FRAME_WAIT : Poll.FOREVER) == 0 && last) {
          Frame frame = mailbox.takeFrame();
          if (frame != null) {
            frame.release();
          }
        }
        mailbox.awake();
        wake.drain();
      }
    } catch (IOException | LayoutException | RuntimeException e) {
      end = new Mailbox.Event.Ended(0, String.valueOf(e.getMessage()), e);
    }
    forget();
    if (end != null) {
      listener.ended(end.reason(), end.failure());
    }
  }

  /** Everything that can be passed on now; returns the end, when that has come. */
  private Mailbox.Event.Ended passOn() throws IOException, LayoutException {
    Mode now = mailbox.mode();
    if (now != null && !now.equals(mode)) {
      mode = now;
      listener.modeChanged(new Mode(now.width(), now.height(), format, now.milliHertz()));
    }
    while (!stopping) {
      Mailbox.Event event = mailbox.takeEvent();
      if (event != null) {
        switch (event) {
          case Mailbox.Event.Added added -> {
            if (isAsWanted(added.buffer().layout())) {
              listener.bufferAdded(added.buffer());
            }
            added.buffer().letGo();
          }
          case Mailbox.Event.Removed removed -> {
            if (isAsWanted(removed.buffer().layout())) {
              listener.bufferRemoved(removed.buffer());
            } else if (conversion != null) {
              conversion.forget(removed.buffer());
            }
          }
          case Mailbox.Event.Ended ended -> {
            return ended;
          }
        }
      } else if (!mailbox.hasFrame() || (conversion != null && !conversion.hasFree())) {
        return null;
      } else {
        passOn(mailbox.takeFrame());
      }
    }
    return null;
  }

  private boolean isAsWanted(FrameLayout layout) {
    return layout.format() == format;
  }

  private void passOn(Frame frame) throws IOException, LayoutException {
    if (frame == null) {
      return; // a newer one took its place, behind news of a buffer
    }
    if (isAsWanted(frame.buffer().layout())) {
      listener.framePresented(frame);
      return;
    }
    try {
      listener.framePresented(convert(frame));
    } finally {
      frame.release();
    }
    long written = bytes + conversion.bytes();
    long converted = frames + 1;
    bytes = written; // one thread writes them
    frames = converted;
  }

  private Frame convert(Frame frame) throws IOException, LayoutException {
    while (true) {
      if (conversion == null || !conversion.isFrom(frame.buffer().layout())) {
        prepare(frame.buffer());
      }
      try {
        Frame converted = conversion.convert(frame);
        if (!told) {
          told = true;
          LOG.info(
              "pictures are converted from {} to {} by {}",
              frame.buffer().layout().format(),
              format,
              conversion);
        }
        return converted;
      } catch (IOException e) {
        choice.failed(e);
        forget();
      }
    }
  }

  private void prepare(Buffer buffer) throws IOException, LayoutException {
    FrameLayout layout = buffer.layout();
    if (refuse) {
      throw new HostLacksException(
          "--require-zero-copy: the guest's pictures are "
              + layout.format()
              + ", and making "
              + format
              + " of them writes every pixel; leave out --format or --require-zero-copy");
    }
    forget();
    conversion = choice.begin(buffer, format, nextId, listener, onFree);
    told = false;
  }

  private void forget() {
    if (conversion != null) {
      nextId = conversion.nextId();
      conversion.end();
      conversion = null;
    }
  }

  /** Any thread: a buffer is free, or it is to end. */
  private void wake() {
    synchronized (wake) {
      if (!closed) {
        wake.signal();
      }
    }
  }

  @Override
  public String description() {
    return source.description();
  }

  @Override
  public long copiedBytes() {
    return source.copiedBytes();
  }

  @Override
  public boolean copiesFrames() {
    return source.copiesFrames();
  }

  @Override
  public long tornFrames() {
    return source.tornFrames();
  }

  @Override
  public long overtakenFrames() {
    return source.overtakenFrames() + mailbox.overtaken();
  }

  @Override
  public long convertedFrames() {
    return frames;
  }

  @Override
  public long convertedBytes() {
    return bytes;
  }

  @Override
  public void close() {
    source.close();
    stopping = true;
    wake();
    OwnThread.awaitEnd(thread);
    synchronized (wake) {
      if (!closed) {
        closed = true;
        wake.close();
        mailbox.close();
      }
    }
  }
}
