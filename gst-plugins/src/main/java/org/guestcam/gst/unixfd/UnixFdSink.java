// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameSink;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.OwnThread;
import org.guestcam.frame.SinkRefusedException;
import org.guestcam.gst.VideoCaps;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixListener;
import org.guestcam.uapi.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shares frames with any number of other processes, as GStreamer's unixfdsink does: the very
 * dma-bufs, or the files of shared memory. Readers come and go; without any, frames are released at
 * once.
 *
 * <p>A thread of its own accepts readers and hears their releases, for those are many descriptors.
 */
public final class UnixFdSink implements FrameSink {
  private static final Logger LOG = LoggerFactory.getLogger(UnixFdSink.class);
  private static final int MOST_CLIENTS = 16;
  private static final int LISTENER = 0;
  private static final int WAKE = 1;
  private static final int CLIENTS = 2;
  private static final int MESSAGE = 1 << 10;

  /**
   * How long a reader may hold all frames that it may: a guest of few buffers has none to draw into
   * meanwhile.
   */
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(2);

  private final String name;
  private final int milliHertz;
  private final UnixListener listener;
  private final EventFd wake;
  private final Poll poll = new Poll(CLIENTS + MOST_CLIENTS);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment message = arena.allocate(MESSAGE, 8);
  private final MemorySegment capsMessage = arena.allocate(MESSAGE, 8);
  private final List<UnixFdClient> clients = new ArrayList<>();
  private final Thread thread;
  private int capsLength;
  private FrameLayout layout;
  private String path = "";
  private long nextId = 1;
  private boolean closed;

  private UnixFdSink(String name, int milliHertz, UnixListener listener) throws ErrnoException {
    this.name = name;
    this.milliHertz = milliHertz;
    this.listener = listener;
    this.wake = new EventFd("unixfd");
    poll.watch(LISTENER, listener.fd(), Poll.IN);
    poll.watch(WAKE, wake.fd(), Poll.IN);
    thread = Thread.ofPlatform().name("guestcam-unixfd").daemon().start(this::serve);
  }

  /**
   * Listens.
   *
   * @param name path of the socket; or, behind an at sign, its name in the abstract name space
   * @throws HostLacksException where somebody else listens there, or there is no right to
   */
  public static UnixFdSink open(String name, int milliHertz) throws IOException {
    UnixListener listener;
    try {
      listener = UnixListener.bind(name);
    } catch (ErrnoException e) {
      if (e.is(Errno.EADDRINUSE)) {
        throw new HostLacksException(
            name + " is in use: another program listens there, or a file is in the way", e);
      }
      throw e;
    }
    try {
      return new UnixFdSink(name, milliHertz, listener);
    } catch (IOException e) {
      listener.close();
      throw e;
    }
  }

  private void serve() {
    try {
      while (true) {
        synchronized (this) {
          if (closed) {
            return;
          }
          watchClients();
        }
        poll.await(Poll.FOREVER);
        synchronized (this) {
          if (closed) {
            return;
          }
          if (poll.ready(WAKE) != 0) {
            wake.drain();
          }
          for (int i = 0; i < clients.size() && i < MOST_CLIENTS; i++) {
            if (poll.ready(CLIENTS + i) != 0) {
              clients.get(i).receive();
            }
          }
          dropGone();
          accept();
        }
      }
    } catch (IOException e) {
      LOG.error("{} serves no readers any more", name, e);
    }
  }

  private void watchClients() {
    for (int i = 0; i < MOST_CLIENTS; i++) {
      if (i < clients.size()) {
        poll.watch(CLIENTS + i, clients.get(i).fd(), Poll.IN);
      } else {
        poll.ignore(CLIENTS + i);
      }
    }
  }

  private void accept() throws IOException {
    for (UnixSocket socket; (socket = listener.accept()) != null; ) {
      if (clients.size() == MOST_CLIENTS) {
        LOG.warn("{} has {} readers already: another was sent away", name, MOST_CLIENTS);
        socket.close();
        continue;
      }
      UnixFdClient client = new UnixFdClient(socket);
      clients.add(client);
      LOG.info("{} has a reader more: {}", name, clients.size());
      if (capsLength > 0) {
        client.send(capsMessage, capsLength);
      }
    }
  }

  private void dropGone() {
    for (int i = clients.size() - 1; i >= 0; i--) {
      if (clients.get(i).isGone()) {
        clients.remove(i).close();
        LOG.info("{} has a reader less: {}", name, clients.size());
      }
    }
  }

  @Override
  public String description() {
    return "unixfd:" + name;
  }

  @Override
  public void watch(Poll set, int index) {
    set.ignore(index);
  }

  @Override
  public void dispatch(int ready) {}

  @Override
  public boolean canTake() {
    return true;
  }

  @Override
  public void take(Frame frame) throws IOException {
    boolean gone = false;
    try {
      synchronized (this) {
        FrameLayout shown = frame.buffer().layout();
        if (!shown.equals(layout)) {
          negotiate(frame.buffer());
          layout = shown;
        }
        if (clients.isEmpty()) {
          return;
        }
        Buffer buffer = frame.buffer();
        boolean dmaBuf = buffer.isDmaBuf();
        Fd fd = dmaBuf ? buffer.dmaBuf().fd() : buffer.file().orElseThrow().fd();
        long offset = shown.offset(0) + (dmaBuf ? 0 : buffer.file().orElseThrow().offset());
        long id = nextId++;
        int length =
            UnixFdMessage.newBuffer(
                message,
                id,
                frame.timestampNanos(),
                dmaBuf ? UnixFdMessage.DMABUF : UnixFdMessage.SHARED,
                shown.end() - shown.offset(0),
                offset);
        long now = System.nanoTime();
        for (int i = 0; i < clients.size(); i++) {
          UnixFdClient client = clients.get(i);
          client.send(message, length, id, frame, fd, now, PATIENCE);
          gone |= client.isGone();
        }
        if (gone) {
          dropGone();
        }
      }
    } finally {
      frame.release();
    }
    if (gone) {
      wake.signal(); // the other thread waits for the descriptors of those who are gone
    }
  }

  private void negotiate(Buffer buffer) throws SinkRefusedException {
    if (!buffer.isDmaBuf() && buffer.file().isEmpty()) {
      throw new SinkRefusedException(
          buffer
              + " has no descriptor to share: its pages lie scattered in a guest's memory, and"
              + " this host makes no dma-buf of them");
    }
    if (!VideoCaps.isDefault(buffer.layout())) {
      throw new SinkRefusedException(
          buffer
              + " has rows that are padded otherwise than GStreamer's, which cannot be said here;"
              + " use 'gst:videoconvert ! unixfdsink socket-path=...'");
    }
    String caps = VideoCaps.plain(buffer.layout(), milliHertz);
    byte[] bytes = caps.getBytes(StandardCharsets.US_ASCII);
    UnixFdMessage.header(capsMessage, UnixFdMessage.CAPS, bytes.length + 1);
    capsMessage.setString(UnixFdMessage.HEADER, caps);
    capsLength = UnixFdMessage.HEADER + bytes.length + 1;
    path = buffer.isDmaBuf() ? "dma-bufs to other processes" : "shared memory to other processes";
    for (UnixFdClient client : clients) {
      client.send(capsMessage, capsLength);
    }
  }

  @Override
  public void bufferAdded(Buffer buffer) {
    // Readers learn of it with its first frame.
  }

  @Override
  public void bufferRemoved(Buffer buffer) {
    // Readers find out by themselves.
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public long copiedBytes() {
    return 0;
  }

  @Override
  public long frameIntervalNanos() {
    return 0;
  }

  /** Tells readers that the stream ends. */
  @Override
  public synchronized void finish() {
    UnixFdMessage.header(message, UnixFdMessage.END, 0);
    for (UnixFdClient client : clients) {
      client.send(message, UnixFdMessage.HEADER);
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    wake.signal();
    OwnThread.awaitEnd(thread); // it uses what is closed now
    clients.forEach(UnixFdClient::close);
    clients.clear();
    listener.close();
    wake.close();
    poll.close();
    arena.close();
  }
}
