// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu.dbus;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.guestcam.uapi.UnixSocket;

/**
 * Where a bus listens: {@code unix:path=/run/user/1000/bus}, several joined by semicolons.
 *
 * @param sockets the UNIX sockets that it names, in its order; {@code @name} for abstract ones
 * @param text as it was written
 */
public record BusAddress(List<String> sockets, String text) {
  private static final Path SYSTEM = Path.of("/run/dbus/system_bus_socket");

  /**
   * Reads an address as the D-Bus specification writes them.
   *
   * @throws IllegalArgumentException where no UNIX socket is in it
   */
  public static BusAddress parse(String text) {
    List<String> sockets = new ArrayList<>();
    for (String one : text.split(";", -1)) {
      if (!one.startsWith("unix:")) {
        continue;
      }
      for (String pair : one.substring("unix:".length()).split(",", -1)) {
        // A plus is a plus there; only percent signs escape.
        String value =
            URLDecoder.decode(
                pair.substring(pair.indexOf('=') + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
        if (pair.startsWith("path=")) {
          sockets.add(value);
        } else if (pair.startsWith("abstract=")) {
          sockets.add("@" + value);
        }
      }
    }
    if (sockets.isEmpty()) {
      throw new IllegalArgumentException(
          "'" + text + "' is no bus address as unix:path=/run/user/1000/bus");
    }
    return new BusAddress(List.copyOf(sockets), text);
  }

  /** The user's bus, where there is one: DBUS_SESSION_BUS_ADDRESS, or $XDG_RUNTIME_DIR/bus. */
  public static Optional<BusAddress> session() {
    String address = System.getenv("DBUS_SESSION_BUS_ADDRESS");
    if (address != null && !address.isEmpty()) {
      return Optional.of(parse(address));
    }
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null) {
      Path bus = Path.of(runtime, "bus");
      if (Files.exists(bus)) {
        return Optional.of(of(bus));
      }
    }
    return Optional.empty();
  }

  /** The system's bus, where there is one. */
  public static Optional<BusAddress> system() {
    String address = System.getenv("DBUS_SYSTEM_BUS_ADDRESS");
    if (address != null && !address.isEmpty()) {
      return Optional.of(parse(address));
    }
    return Files.exists(SYSTEM) ? Optional.of(of(SYSTEM)) : Optional.empty();
  }

  private static BusAddress of(Path socket) {
    return new BusAddress(List.of(socket.toString()), "unix:path=" + socket);
  }

  /** Connects to the first socket that somebody listens on; the caller owns it. */
  UnixSocket connect() throws IOException {
    IOException first = null;
    for (String socket : sockets) {
      try {
        return UnixSocket.connect(socket);
      } catch (IOException e) {
        first = first == null ? e : first;
      }
    }
    throw new IOException("cannot reach the bus " + text, first);
  }
}
