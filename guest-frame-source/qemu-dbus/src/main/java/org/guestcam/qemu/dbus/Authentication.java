// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.guestcam.uapi.UnixSocket;

/**
 * D-Bus's authentication, as the client: we are who the kernel tells the peer that we are
 * (EXTERNAL). Descriptors are asked for, because without them there is no listener.
 */
final class Authentication {
  private static final int MAX_LINE = 512;

  private final WireSocket socket;
  private final MemorySegment line = Arena.ofAuto().allocate(MAX_LINE);

  private Authentication(WireSocket socket) {
    this.socket = socket;
  }

  /**
   * Authenticates; afterwards messages can be exchanged.
   *
   * @throws IOException where the peer refuses this user, says something else than D-Bus does, or
   *     nothing in time
   */
  static void authenticate(WireSocket socket) throws IOException {
    new Authentication(socket).run();
  }

  private void run() throws IOException {
    long deadline = socket.deadline();
    String user = Long.toString(UnixSocket.effectiveUser());
    String identity = HexFormat.of().formatHex(user.getBytes(StandardCharsets.US_ASCII));
    say("\0AUTH EXTERNAL " + identity);
    String answer = readLine(deadline);
    if (!answer.startsWith("OK")) {
      throw new IOException(
          "the peer refuses user "
              + user
              + " ('"
              + answer
              + "'): run as the user of the guest's"
              + " QEMU, or see docs/qemu.md on permissions");
    }
    say("NEGOTIATE_UNIX_FD");
    answer = readLine(deadline);
    if (!answer.equals("AGREE_UNIX_FD")) {
      throw new IOException("the peer does not pass file descriptors ('" + answer + "')");
    }
    say("BEGIN");
  }

  private void say(String text) throws IOException {
    socket.send((text + "\r\n").getBytes(StandardCharsets.US_ASCII));
  }

  /** Byte by byte: behind the last line there may be messages already. */
  private String readLine(long deadline) throws IOException {
    for (int length = 0; length < MAX_LINE; length++) {
      socket.read(line, length, 1, deadline);
      byte c = line.get(JAVA_BYTE, length);
      if (c == '\n' && length > 0 && line.get(JAVA_BYTE, length - 1) == '\r') {
        byte[] ascii = line.asSlice(0, length - 1).toArray(JAVA_BYTE);
        return new String(ascii, StandardCharsets.ISO_8859_1).replaceAll("[^ -~]", "?");
      }
    }
    throw new WireException("a line of the authentication is longer than " + MAX_LINE + " bytes");
  }
}
