// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.guestcam.frame.OwnThread;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls to a bus, or to QEMU as the peer, and signals from there. Any thread calls; a thread of its
 * own reads the answers and hands on the signals.
 */
public final class Connection implements AutoCloseable {
  /** The bus itself, as a destination. */
  public static final String BUS = "org.freedesktop.DBus";

  /** The interface of properties. */
  public static final String PROPERTIES = "org.freedesktop.DBus.Properties";

  private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

  /** No answer and no signal that matters here is larger; a larger one ends the connection. */
  private static final int MAX_BODY = 1 << 20;

  private static final String BUS_PATH = "/org/freedesktop/DBus";
  private static final long CALL_SECONDS = 5;

  private final WireSocket socket;
  private final Map<Integer, CompletableFuture<List<Object>>> calls = new ConcurrentHashMap<>();
  private final Consumer<Message.Signal> onSignal;
  private final Runnable onClosed;
  private final Thread reader;
  private volatile boolean closed;

  private Connection(WireSocket socket, Consumer<Message.Signal> onSignal, Runnable onClosed) {
    this.socket = socket;
    this.onSignal = onSignal;
    this.onClosed = onClosed;
    this.reader =
        Thread.ofPlatform()
            .name("dbus " + socket.socket().fd().name())
            .daemon()
            .unstarted(this::run);
  }

  /**
   * Authenticates to a peer.
   *
   * @param socket taken over
   * @param onSignal hears of signals, on the connection's thread, and must not wait for answers
   * @param onClosed runs when the peer has gone, on the connection's thread
   */
  public static Connection toPeer(
      UnixSocket socket, Consumer<Message.Signal> onSignal, Runnable onClosed) throws IOException {
    WireSocket wire = new WireSocket(socket);
    try {
      Authentication.authenticate(wire);
      Connection connection = new Connection(wire, onSignal, onClosed);
      connection.reader.start();
      return connection;
    } catch (IOException | RuntimeException e) {
      wire.close();
      throw e;
    }
  }

  /** As {@link #toPeer} for a bus, which gives us a name. */
  public static Connection toBus(
      BusAddress address, Consumer<Message.Signal> onSignal, Runnable onClosed) throws IOException {
    Connection connection = toPeer(address.connect(), onSignal, onClosed);
    try {
      connection.call(bus("Hello"));
      return connection;
    } catch (IOException e) {
      connection.close();
      throw e;
    }
  }

  /** A call of a method of the bus. */
  public static Message.Call bus(String member) {
    return Message.Call.of(BUS, BUS_PATH, BUS, member);
  }

  /**
   * Calls and waits for the answer.
   *
   * @param fds go with the call, and stay the caller's
   * @return the values of the answer
   * @throws CallException where the peer refuses
   * @throws IOException where it is gone, or says nothing within 5 seconds
   */
  public List<Object> call(Message.Call call, Fd... fds) throws IOException {
    if (Thread.currentThread().equals(reader)) {
      throw new IllegalStateException("the connection's thread cannot wait for itself");
    }
    int serial = socket.nextSerial();
    CompletableFuture<List<Object>> answer = new CompletableFuture<>();
    calls.put(serial, answer);
    try {
      if (closed) {
        throw gone(call);
      }
      socket.send(Message.marshal(call, serial, fds.length), fds);
      return answer.get(CALL_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CallException refused) {
        throw refused.of(call.member());
      }
      throw gone(call);
    } catch (TimeoutException e) {
      throw new IOException(call.member() + " had no answer in " + CALL_SECONDS + " s", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(call.member() + " was interrupted", e);
    } finally {
      calls.remove(serial);
    }
  }

  private IOException gone(Message.Call call) {
    return new IOException(call.member() + ": " + socket.socket().fd().name() + " is gone");
  }

  /** All properties of an object's interface. */
  public Map<?, ?> properties(String destination, String path, String interfaceName)
      throws IOException {
    List<Object> answer =
        call(Message.Call.of(destination, path, PROPERTIES, "GetAll").with("s", interfaceName));
    if (answer.size() == 1 && answer.getFirst() instanceof Map<?, ?> properties) {
      return properties;
    }
    throw new WireException("GetAll answered " + answer);
  }

  private void run() {
    try {
      MessageHeader header = new MessageHeader();
      while (socket.readHeader(header)) {
        if (header.bodyLength() > MAX_BODY) {
          throw new WireException(
              "a message of " + header.bodyLength() + " bytes is too long here");
        }
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment body = arena.allocate(Math.max(1, header.bodyLength()), 8);
          socket.read(body, 0, header.bodyLength(), socket.deadline());
          WireReader values =
              new WireReader().set(body, 0, header.bodyLength(), header.isBigEndian());
          dispatch(header, values.values(header.signature()));
        }
      }
    } catch (IOException e) {
      if (!closed) {
        LOG.debug("the connection to {} ended", socket.socket().fd().name(), e);
      }
    } finally {
      closed = true;
      IOException why = new IOException("the connection was closed");
      calls.values().forEach(answer -> answer.completeExceptionally(why));
      onClosed.run();
    }
  }

  private void dispatch(MessageHeader header, List<Object> values) throws IOException {
    switch (header.type()) {
      case MessageHeader.RETURN -> {
        CompletableFuture<List<Object>> answer = calls.get(header.replySerial());
        if (answer != null) {
          answer.complete(values);
        }
      }
      case MessageHeader.ERROR -> {
        CompletableFuture<List<Object>> answer = calls.get(header.replySerial());
        String text = !values.isEmpty() && values.getFirst() instanceof String s ? s : "";
        if (answer != null) {
          answer.completeExceptionally(new CallException(header.errorName(), text));
        }
      }
      case MessageHeader.SIGNAL ->
          onSignal.accept(
              new Message.Signal(
                  header.sender(), header.path(), header.interfaceName(), header.member(), values));
      case MessageHeader.CALL -> {
        if (header.expectsReply()) {
          socket.send(
              Message.marshalError(
                  socket.nextSerial(),
                  header.serial(),
                  header.sender(),
                  "org.freedesktop.DBus.Error.UnknownMethod",
                  "guestcam answers no calls here"));
        }
      }
      default -> LOG.debug("a message of the unknown type {}", header.type());
    }
  }

  /** Whether the peer has gone. */
  public boolean isClosed() {
    return closed;
  }

  /** Ends the connection; calls that wait fail. Not on the connection's own thread. */
  @Override
  public void close() {
    closed = true;
    socket.shutdown();
    OwnThread.awaitEnd(reader); // the socket must not be closed under its reader
    socket.close();
  }
}
