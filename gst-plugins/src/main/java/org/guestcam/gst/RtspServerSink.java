// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.gst.ffi.FrameFeed;
import org.guestcam.gst.ffi.FramePool;
import org.guestcam.gst.ffi.RtspServer;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Poll;

/**
 * guestcam as an RTSP server. While nobody watches, nothing is encoded: frames are released as they
 * come. All viewers share one encoder; a viewer that does not read loses packets, and no frame
 * waits for it.
 *
 * <p>Used by one thread; viewers come and go on the server's.
 */
final class RtspServerSink implements FrameSink, RtspServer.Listener {
  /** As for other pipelines; this one holds two or three. */
  private static final int MOST = 64;

  private static final long CLEAN_UP_INTERVAL = TimeUnit.SECONDS.toNanos(5);

  private final String url;
  private final int milliHertz;
  private final EventFd wake = new EventFd("RTSP server");
  private final FramePool pool = new FramePool(MOST, this::wake);
  private final RtspServer server;
  // Guarded by this: the pipeline of those who watch, and what it was told last.
  private RtspServer.Stream stream;
  private FrameFeed feed;
  private FrameLayout layout;
  private boolean closed;
  private long cleanedUpAt = System.nanoTime();

  /**
   * Listens at once.
   *
   * @param address to listen on, a number or a name
   * @param name of the stream
   * @param pipeline behind raw video, up to a payloader named pay0
   */
  RtspServerSink(String address, int port, String name, String pipeline, int milliHertz)
      throws IOException {
    this.milliHertz = milliHertz;
    url = "rtsp://" + (address.contains(":") ? "[" + address + "]" : address) + ":" + port + name;
    boolean done = false;
    try {
      server = new RtspServer(address, port, name, pipeline, this);
      done = true;
    } finally {
      if (!done) {
        pool.close();
        wake.close();
      }
    }
  }

  /** Any thread: something may be different now. */
  private void wake() {
    synchronized (wake) {
      if (!closed) {
        wake.signal();
      }
    }
  }

  @Override
  public void begun(RtspServer.Stream begun) throws IOException {
    synchronized (this) {
      endStream();
      if (closed) {
        begun.close();
        return;
      }
      stream = begun;
      feed = begun.feed(this::wake);
      layout = null;
    }
    wake();
  }

  @Override
  public synchronized void over(RtspServer.Stream gone) {
    if (gone.equals(stream)) {
      endStream();
    }
  }

  /** Holding the lock. */
  private void endStream() {
    if (feed != null) {
      feed.close();
      feed = null;
    }
    if (stream != null) {
      stream.close();
      stream = null;
    }
  }

  @Override
  public String description() {
    return url;
  }

  @Override
  public void watch(Poll poll, int index) {
    poll.watch(index, wake.fd(), Poll.IN);
  }

  @Override
  public void dispatch(int ready) throws IOException {
    if (ready != 0) {
      wake.drain();
    }
  }

  @Override
  public synchronized boolean canTake() {
    return feed == null || (feed.wanted() && pool.hasRoom());
  }

  @Override
  public void take(Frame frame) throws IOException {
    long now = System.nanoTime();
    if (now - cleanedUpAt >= CLEAN_UP_INTERVAL) {
      cleanedUpAt = now;
      server.forgetTheSilent();
    }
    boolean taken = false;
    synchronized (this) {
      try {
        if (feed != null) {
          FrameLayout shown = frame.buffer().layout();
          if (!shown.equals(layout)) {
            if (!shown.isLinear()) {
              throw new SinkRefusedException(
                  "the RTSP server's encoder reads linear pictures, and this is " + shown);
            }
            stream.setCaps(VideoCaps.plain(shown, milliHertz));
            layout = shown;
          }
          long buffer = pool.wrap(frame, FramePool.NO_TIME, FramePool.NO_TIME);
          taken = true;
          if (!feed.push(buffer)) {
            endStream(); // its last viewer is on the way out
          }
        }
      } finally {
        if (!taken) {
          frame.release();
        }
      }
    }
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    // Its memory is made with its first frame, and kept.
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    pool.forget(buffer);
  }

  @Override
  public String path() {
    int viewers = server.viewers();
    return url + ", " + (viewers == 0 ? "nobody watches" : viewers + " watching");
  }

  @Override
  public long copiedBytes() {
    return 0;
  }

  @Override
  public long frameIntervalNanos() {
    return 0;
  }

  @Override
  public void close() {
    synchronized (this) {
      endStream();
      synchronized (wake) {
        closed = true;
      }
    }
    server.close();
    pool.close();
    wake.close();
  }
}
