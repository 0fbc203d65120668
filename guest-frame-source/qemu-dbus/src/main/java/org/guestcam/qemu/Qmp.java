// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.guestcam.qemu.dbus.WireSocket;
import org.guestcam.uapi.Fd;
import org.guestcam.uapi.UnixSocket;

/**
 * As much of QEMU's machine protocol as it takes to hand QEMU a socket for its D-Bus display:
 * {@code getfd} with the descriptor, then {@code add_client}. Source: {@code docs/interop/qmp-spec}
 * of QEMU: one JSON object a line.
 */
final class Qmp implements AutoCloseable {
  private static final int MAX_LINE = 1 << 16;
  private static final long PATIENCE = 5_000_000_000L;
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
          .build();

  private final WireSocket socket;
  private final String path;
  private final MemorySegment line = Arena.ofAuto().allocate(MAX_LINE);

  private Qmp(WireSocket socket, String path) {
    this.socket = socket;
    this.path = path;
  }

  /**
   * Connects a D-Bus display from peer to peer.
   *
   * @param path of the QMP socket
   * @return the socket on whose other end QEMU waits to be authenticated to; the caller owns it
   */
  static UnixSocket displayOf(String path) throws IOException {
    try (Qmp qmp = new Qmp(new WireSocket(UnixSocket.connect(path), PATIENCE), path)) {
      qmp.readLine(); // the greeting
      qmp.execute("{\"execute\":\"qmp_capabilities\"}");
      UnixSocket[] pair = UnixSocket.pair("the display of " + path);
      try (UnixSocket theirs = pair[1]) {
        qmp.execute("{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"guestcam\"}}", theirs.fd());
        qmp.execute(
            "{\"execute\":\"add_client\",\"arguments\":"
                + "{\"protocol\":\"@dbus-display\",\"fdname\":\"guestcam\"}}");
        return pair[0];
      } catch (IOException | RuntimeException e) {
        pair[0].close();
        throw e;
      }
    }
  }

  private void execute(String command, Fd... fds) throws IOException {
    socket.send((command + "\r\n").getBytes(StandardCharsets.US_ASCII), fds);
    while (true) {
      String answer = readLine();
      String kind = firstKey(answer);
      if (kind.equals("return")) {
        return;
      }
      if (kind.equals("error")) {
        throw new IOException(
            "QEMU at "
                + path
                + " refuses "
                + command
                + ": "
                + answer
                + "; it wants -display dbus,p2p=yes");
      }
    }
  }

  /** "return", "error", "event" or "QMP", whichever the object has. */
  private static String firstKey(String json) throws IOException {
    try (JsonParser parser = JSON.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("QMP says no object: " + json);
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        if (!name.equals("id") && !name.equals("timestamp")) {
          return name;
        }
        parser.nextToken();
        parser.skipChildren();
      }
      return "";
    }
  }

  private String readLine() throws IOException {
    long deadline = socket.deadline();
    try {
      for (int length = 0; length < MAX_LINE; length++) {
        socket.read(line, length, 1, deadline);
        if (line.get(JAVA_BYTE, length) == '\n') {
          return new String(line.asSlice(0, length).toArray(JAVA_BYTE), StandardCharsets.UTF_8);
        }
      }
    } catch (EOFException e) {
      throw new IOException("QEMU closed its QMP socket " + path, e);
    }
    throw new IOException("a line of more than " + MAX_LINE + " bytes from " + path);
  }

  @Override
  public void close() {
    socket.close();
  }
}
