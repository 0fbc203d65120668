// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.guestcam.frame.Endpoint;
import org.guestcam.frame.FrameListener;
import org.guestcam.qemu.dbus.CallServer;
import org.guestcam.qemu.dbus.Message;
import org.guestcam.qemu.dbus.MessageHeader;
import org.guestcam.qemu.dbus.WireReader;
import org.guestcam.qemu.dbus.WireSocket;
import org.guestcam.uapi.EventFd;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.UnixSocket;

/**
 * The other end of a listener's socket: authenticates as QEMU does, says what a test wants, and
 * sees how the listener takes it.
 */
final class FakeQemu implements AutoCloseable {
  static final String LISTENER = "org.qemu.Display1.Listener";
  static final int XRGB = 0x2002_0888;
  private static final String PATH = "/org/qemu/Display1/Listener";
  private static final long PATIENCE = 60_000_000_000L;

  private final UnixSocket raw;
  private final WireSocket wire;
  private final EventFd wake = new EventFd("test");
  private final CompletableFuture<Void> served = new CompletableFuture<>();
  private final MessageHeader header = new MessageHeader();
  private final Thread thread;
  private volatile boolean stop;

  /** What {@link Display} counts as copied. */
  final AtomicLong copiedBytes = new AtomicLong();

  /** The console's size as {@link Display} asks for it. */
  volatile long consoleSize;

  /** Starts a listener that presents to {@code frames}. */
  FakeQemu(FrameListener frames, String parameters) throws IOException {
    this(frames, parameters, PATIENCE);
  }

  /** As above, with so many nanoseconds for each message. */
  FakeQemu(FrameListener frames, String parameters, long patience) throws IOException {
    UnixSocket[] pair = UnixSocket.pair("fake QEMU");
    raw = pair[0];
    wire = new WireSocket(raw, 5_000_000_000L);
    QemuOptions options = QemuOptions.parse(new Endpoint("qemu", "fake" + parameters));
    thread =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  Display display = new Display(frames, options, copiedBytes, wake::signal);
                  display.setConsoleSize(() -> consoleSize);
                  display.setGuestName("F");
                  try (CallServer server = CallServer.over(pair[1], patience)) {
                    new ListenerLoop(server, display, options).run(wake, () -> stop);
                    served.complete(null);
                  } catch (Throwable t) {
                    served.completeExceptionally(t);
                  } finally {
                    display.end();
                  }
                });
    authenticate();
  }

  private void authenticate() throws IOException {
    assertTrue(readLine().startsWith("\0AUTH EXTERNAL "));
    say("OK 0123456789abcdef0123456789abcdef");
    assertEquals("NEGOTIATE_UNIX_FD", readLine());
    say("AGREE_UNIX_FD");
    assertEquals("BEGIN", readLine());
  }

  private void say(String line) throws IOException {
    wire.send((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
  }

  private String readLine() throws IOException {
    MemorySegment one = Arena.ofAuto().allocate(1);
    StringBuilder line = new StringBuilder();
    while (line.indexOf("\r\n") < 0) {
      wire.read(one, 0, 1, wire.deadline());
      line.append((char) one.get(JAVA_BYTE, 0));
    }
    return line.substring(0, line.length() - 2);
  }

  /** Calls a method of the listener; the serial. */
  int call(String interfaceName, String member, String signature, List<Object> values, Fd... fds)
      throws IOException {
    int serial = wire.nextSerial();
    wire.send(
        Message.marshal(
            new Message.Call("", PATH, interfaceName, member, signature, values),
            serial,
            fds.length),
        fds);
    return serial;
  }

  /** A whole picture of one colour. */
  void scanout(int width, int height, byte colour) throws IOException {
    byte[] pixels = new byte[width * height * 4];
    java.util.Arrays.fill(pixels, colour);
    call(LISTENER, "Scanout", "uuuuay", List.of(width, height, width * 4, XRGB, pixels));
  }

  /** A part of it. */
  void update(int x, int y, int width, int height, byte colour) throws IOException {
    byte[] pixels = new byte[width * height * 4];
    java.util.Arrays.fill(pixels, colour);
    call(LISTENER, "Update", "iiiiuuay", List.of(x, y, width, height, width * 4, XRGB, pixels));
  }

  /** Bytes that need not be a message. */
  void sendRaw(byte[] bytes) throws IOException {
    wire.send(bytes);
  }

  /** The next answer's values; its serial is left in {@link #lastReply}. */
  List<Object> answer() throws IOException {
    assertTrue(wire.readHeader(header), "the listener closed the connection");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment body = arena.allocate(Math.max(1, header.bodyLength()));
      wire.read(body, 0, header.bodyLength(), wire.deadline());
      return new WireReader()
          .set(body, 0, header.bodyLength(), header.isBigEndian())
          .values(header.signature());
    }
  }

  /** Which call the last answer was to. */
  int lastReply() {
    return header.replySerial();
  }

  /** Whether the last answer was a refusal. */
  boolean wasRefused() {
    return header.type() == MessageHeader.ERROR;
  }

  /** Waits until the listener has ended; why it failed, or null. */
  Throwable end() throws InterruptedException, TimeoutException {
    try {
      served.get(60, TimeUnit.SECONDS);
      return null;
    } catch (ExecutionException e) {
      return e.getCause();
    }
  }

  /** Closes the connection in the middle of whatever it is in. */
  void hangUp() {
    raw.shutdown();
  }

  @Override
  public void close() {
    stop = true;
    wake.signal();
    raw.shutdown();
    try {
      assertTrue(thread.join(java.time.Duration.ofSeconds(10)), "the listener does not end");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    wire.close();
    wake.close();
  }
}
