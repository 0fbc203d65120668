// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The buses that libvirt starts, one a guest with {@code <graphics type='dbus'/>}, for its own user
 * only: {@code ID-NAME-dbus.sock} in the directory of its state ({@code src/qemu/qemu_dbus.c} and
 * {@code qemu_conf.c} of libvirt).
 */
final class LibvirtBuses {
  private static final Path SYSTEM = Path.of("/run/libvirt/qemu/dbus");

  private LibvirtBuses() {}

  /** The addresses of those of the system's libvirt and of this user's. */
  static List<String> addresses() throws IOException {
    List<String> addresses = new ArrayList<>(addressesIn(SYSTEM));
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null) {
      addresses.addAll(addressesIn(Path.of(runtime, "libvirt/qemu/run/dbus")));
    }
    return addresses;
  }

  /** The addresses of the sockets in one directory, which need not be there, by their names. */
  static List<String> addressesIn(Path directory) throws IOException {
    List<String> addresses = new ArrayList<>();
    if (Files.isReadable(directory)) {
      try (DirectoryStream<Path> sockets = Files.newDirectoryStream(directory, "*-dbus.sock")) {
        sockets.forEach(socket -> addresses.add("unix:path=" + escape(socket.toString())));
      }
    }
    addresses.sort(null);
    return addresses;
  }

  /** What may not stand in an address as it is. */
  private static String escape(String path) {
    return path.replace("%", "%25").replace(",", "%2C").replace(";", "%3B").replace("=", "%3D");
  }
}
