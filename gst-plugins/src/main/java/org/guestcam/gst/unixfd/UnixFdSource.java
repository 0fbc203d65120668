// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst.unixfd;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.guestcam.frame.Buffer;
import org.guestcam.frame.Frame;
import org.guestcam.frame.FrameLayout;
import org.guestcam.frame.FrameListener;
import org.guestcam.frame.FrameSource;
import org.guestcam.frame.HostLacksException;
import org.guestcam.frame.LayoutException;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.DmaBuf;
import org.guestcam.uapi.Errno;
import org.guestcam.uapi.ErrnoException;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.FileIdentity;
import org.guestcam.uapi.FileView;
import org.guestcam.uapi.IoVector;
import org.guestcam.uapi.Mapping;
import org.guestcam.uapi.Poll;
import org.guestcam.uapi.UnixSocket;

/**
 * Any program that shares pictures as GStreamer's unixfdsink does, as a guest: its dma-bufs, or its
 * shared memory where that cannot shrink. A descriptor that was seen before is recognised by its
 * inode, so that a sink imports each memory once. A picture is released to the program when the
 * last reader here has done with it.
 *
 * <p>The program is not trusted: every number is checked against the real memory, and one that is
 * wrong ends the source with what it was.
 */
public final class UnixFdSource implements FrameSource {
  /** Memories that a program may share at a time; the oldest is forgotten for another. */
  private static final int MOST_BUFFERS = 32;

  /** Pictures that may be out at a time; more are released unseen. */
  private static final int MOST_FRAMES = 16;

  private static final int SOCKET = 0;
  private static final int STOP = 1;

  /** A memory that was received. */
  private record Known(long inode, long offset, Buffer buffer) {}

  /** A presentation, and what the program calls it. */
  private final class Shown implements Frame.Owner {
    private final Frame frame = new Frame(this);
    private long id;
    private volatile boolean free = true;

    @Override
    public void released(Frame released) {
      long done = id;
      free = true;
      release(done);
    }
  }

  private final String name;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment incoming = arena.allocate(UnixFdMessage.MOST, 8);
  private final MemorySegment outgoing =
      arena.allocate(UnixFdMessage.HEADER + UnixFdMessage.RELEASE, 8);
  private final IoVector vector = new IoVector();
  private final FileIdentity identity = new FileIdentity();
  private final List<Known> known = new ArrayList<>();
  private final Shown[] shown = new Shown[MOST_FRAMES];
  private final Object sending = new Object();
  private FrameListener listener;
  private UnixSocket socket;
  private EventFd stop;
  private Thread thread;
  private RawCaps caps;
  private int filled;
  private int nextBuffer;
  private long sequence;
  private boolean closed;

  /** A source that has not begun; {@code name} as {@link UnixSocket#connect} has it. */
  UnixFdSource(String name) {
    this.name = name;
    for (int i = 0; i < MOST_FRAMES; i++) {
      shown[i] = new Shown();
    }
  }

  @Override
  public void start(FrameListener hearer) throws IOException {
    listener = hearer;
    try {
      socket = UnixSocket.connect(name);
    } catch (ErrnoException e) {
      if (e.is(Errno.ENOENT) || e.is(Errno.ECONNREFUSED)) {
        throw new HostLacksException(
            "nobody shares pictures at "
                + name
                + "; start the program that does, as 'gst-launch-1.0"
                + " videotestsrc ! unixfdsink socket-path="
                + name
                + "'",
            e);
      }
      throw e;
    }
    stop = new EventFd("unixfd source");
    thread = Thread.ofPlatform().name("guestcam-unixfd-source").start(this::listen);
  }

  private void listen() {
    String reason = "the program has ended its stream";
    IOException failure = null;
    try (Poll poll = new Poll(2)) {
      poll.watch(SOCKET, socket.fd(), Poll.IN);
      poll.watch(STOP, stop.fd(), Poll.IN);
      boolean goesOn = true;
      while (goesOn) {
        poll.await(Poll.FOREVER);
        if (poll.ready(STOP) != 0) {
          reason = "it was closed";
          goesOn = false;
        } else if (poll.ready(SOCKET) != 0) {
          goesOn = receive();
        }
      }
    } catch (IOException e) {
      reason = e.getMessage();
      failure = e;
    }
    for (Known one : known) {
      listener.bufferRemoved(one.buffer);
      one.buffer.drop();
    }
    known.clear();
    listener.ended(reason, failure);
  }

  /** Reads one message at the most, for its descriptors must not mix with those of the next. */
  private boolean receive() throws IOException {
    int wanted = UnixFdMessage.HEADER + (filled < UnixFdMessage.HEADER ? 0 : size());
    if (filled < wanted) {
      vector.clear();
      vector.add(incoming, filled, wanted - filled);
      long r = socket.receive(vector);
      if (Errno.EAGAIN.is((int) r)) {
        return true;
      }
      if (r == 0) {
        return false;
      }
      if (r < 0) {
        throw new ErrnoException("recvmsg", name, (int) -r);
      }
      filled += (int) r;
    }
    if (filled < UnixFdMessage.HEADER || filled < UnixFdMessage.HEADER + size()) {
      return true;
    }
    int size = size();
    filled = 0;
    boolean goesOn = understand(incoming.get(JAVA_INT, 0), size);
    socket.discardFds();
    return goesOn;
  }

  /** Of the message whose header has come, without the header. */
  private int size() throws IOException {
    int size = incoming.get(JAVA_INT, 4);
    if (size < 0 || size > UnixFdMessage.MOST - UnixFdMessage.HEADER) {
      throw new IOException(name + " sends a message of " + size + " bytes, which is too long");
    }
    return size;
  }

  private boolean understand(int type, int size) throws IOException {
    switch (type) {
      case UnixFdMessage.CAPS -> capsCame(size);
      case UnixFdMessage.NEW_BUFFER -> bufferCame(size);
      case UnixFdMessage.END -> {
        return false;
      }
      case UnixFdMessage.RELEASE_BUFFER ->
          throw new IOException(name + " releases a picture that it never got");
      default -> {
        // The protocol may have grown.
      }
    }
    return true;
  }

  private void capsCame(int size) throws IOException {
    if (size < 1 || incoming.get(JAVA_BYTE, UnixFdMessage.HEADER + size - 1L) != 0) {
      throw new IOException(name + " sends caps that do not end");
    }
    RawCaps now = RawCaps.parse(incoming.getString(UnixFdMessage.HEADER));
    if (!now.equals(caps)) {
      while (!known.isEmpty()) {
        forget(0);
      }
      caps = now;
      listener.modeChanged(now.mode());
    }
  }

  private void bufferCame(int size) throws IOException {
    int at = UnixFdMessage.HEADER;
    if (caps == null || size < UnixFdMessage.BUFFER + UnixFdMessage.MEMORY || socket.lostFds()) {
      throw new IOException(name + " sends a picture without its caps, memory or descriptor");
    }
    int memories = Byte.toUnsignedInt(incoming.get(JAVA_BYTE, at + 53L));
    if (memories != 1 || socket.receivedFds() != 1) {
      throw new IOException(
          name
              + " sends a picture of "
              + memories
              + " memories and "
              + socket.receivedFds()
              + " descriptors; guestcam takes one");
    }
    long id = incoming.get(JAVA_LONG, at);
    long timestamp = incoming.get(JAVA_LONG, at + 8L);
    byte kind = incoming.get(JAVA_BYTE, at + 52L);
    int metas = incoming.get(JAVA_SHORT, at + 54L);
    long bytes = incoming.get(JAVA_LONG, at + (long) UnixFdMessage.BUFFER);
    long offset = incoming.get(JAVA_LONG, at + UnixFdMessage.BUFFER + 8L);
    if (metas != 0 && bytes > caps.layout().imageSize() + Mapping.pageSize()) {
      throw new IOException(
          name
              + " pads its rows ("
              + bytes
              + " bytes for "
              + caps.layout()
              + "); put videoconvert in front");
    }
    Shown place = place();
    if (place == null) {
      release(id);
      return;
    }
    Buffer buffer = buffer(socket.takeFd(0, name), kind, bytes, offset);
    place.id = id;
    place.free = false;
    Frame frame = place.frame.present(buffer, sequence++, time(timestamp));
    frame.damage().setAll(caps.layout().width(), caps.layout().height());
    listener.framePresented(frame);
  }

  /** Times are CLOCK_MONOTONIC's; one that cannot be is now. */
  private static long time(long timestamp) {
    long now = System.nanoTime();
    return timestamp <= 0 || timestamp > now ? now : timestamp;
  }

  private Shown place() {
    for (Shown one : shown) {
      if (one.free) {
        return one;
      }
    }
    return null;
  }

  private Buffer buffer(Fd fd, byte kind, long bytes, long offset) throws IOException {
    boolean kept = false;
    try {
      long inode = identity.of(fd.number());
      for (int i = 0; i < known.size(); i++) {
        Known one = known.get(i);
        if (one.inode == inode && one.offset == offset) {
          return one.buffer;
        }
      }
      if (offset < 0 || bytes < caps.layout().end()) {
        throw new LayoutException(
            "a memory of " + bytes + " bytes at " + offset + " has no room for " + caps.layout());
      }
      Buffer made = kind == UnixFdMessage.DMABUF ? dmaBuf(fd, offset) : shared(fd, offset);
      kept = true;
      if (known.size() == MOST_BUFFERS) {
        forget(0);
      }
      known.add(new Known(inode, offset, made));
      listener.bufferAdded(made);
      return made;
    } catch (LayoutException e) {
      throw new IOException(name + ": " + e.getMessage(), e);
    } finally {
      if (!kept) {
        fd.close();
      }
    }
  }

  private Buffer dmaBuf(Fd fd, long offset) throws IOException, LayoutException {
    DmaBuf dmaBuf = DmaBuf.own(fd);
    return Buffer.ofDmaBuf(nextBuffer++, moved(offset), dmaBuf, () -> {});
  }

  private Buffer shared(Fd fd, long offset) throws IOException, LayoutException {
    if (!FileView.cannotShrink(fd)) {
      throw new IOException(
          name
              + " shares memory that it may shrink at any time (no F_SEAL_SHRINK): a reader would die of that");
    }
    long within = offset % Mapping.pageSize();
    FrameLayout layout = moved(within);
    if (offset - within > fd.size() - layout.end()) {
      throw new LayoutException(
          layout + " at byte " + offset + " reaches past " + fd.size() + " bytes");
    }
    Mapping mapping = Mapping.of(fd, offset - within, layout.end(), Mapping.READ);
    return Buffer.ofSharedFile(
        nextBuffer++, layout, mapping, new Buffer.SharedFile(fd, offset - within), () -> {});
  }

  /** The layout of the caps, that many bytes further on. */
  private FrameLayout moved(long by) throws LayoutException {
    FrameLayout layout = caps.layout();
    long[] offsets = new long[layout.planes()];
    long[] strides = new long[layout.planes()];
    for (int plane = 0; plane < offsets.length; plane++) {
      offsets[plane] = layout.offset(plane) + by;
      strides[plane] = layout.stride(plane);
    }
    return FrameLayout.of(
        layout.format(), FrameLayout.LINEAR, layout.width(), layout.height(), offsets, strides);
  }

  private void forget(int index) {
    Buffer gone = known.remove(index).buffer;
    listener.bufferRemoved(gone);
    gone.drop();
  }

  /** Any thread. What cannot be said any more has no hearer. */
  private void release(long id) {
    synchronized (sending) {
      if (!closed) {
        UnixFdMessage.header(outgoing, UnixFdMessage.RELEASE_BUFFER, UnixFdMessage.RELEASE);
        outgoing.set(JAVA_LONG, UnixFdMessage.HEADER, id);
        socket.send(outgoing, 0, UnixFdMessage.HEADER + UnixFdMessage.RELEASE);
      }
    }
  }

  @Override
  public String description() {
    return "unixfd:" + name;
  }

  @Override
  public void close() {
    if (thread != null) {
      stop.signal();
      OwnThread.awaitEnd(thread); // it uses what is closed now
      thread = null;
      stop.close();
    }
    synchronized (sending) {
      if (!closed) {
        closed = true;
        if (socket != null) {
          socket.close();
        }
        arena.close();
        identity.close();
      }
    }
  }
}
