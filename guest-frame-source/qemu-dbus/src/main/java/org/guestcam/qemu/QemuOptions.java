// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.util.Map;
import java.util.Set;
import org.guestcam.frame.Endpoint;

/**
 * What the user wrote: {@code qemu:NAME/CONSOLE?bus=...}.
 *
 * @param guest name or UUID of the guest; "" for the only one there is
 * @param qmp path of the QMP socket of a guest that is not on a bus, or ""
 * @param console number of the console
 * @param bus "session", "system", {@link #LIBVIRT} or an address; of no meaning with {@code qmp}
 * @param tearFree copy memory that the guest draws into while it is shown
 * @param waits for the guest to come (back), instead of ending without it
 * @param blank show a blank picture when the guest's display is off, instead of the last one
 * @param cursor what becomes of the guest's pointer
 */
record QemuOptions(
    String guest,
    String qmp,
    int console,
    String bus,
    boolean tearFree,
    boolean waits,
    boolean blank,
    CursorMode cursor) {
  /** What becomes of the guest's pointer. */
  enum CursorMode {
    /** It is drawn into the picture. */
    BLEND,
    /** It is told to the listener, and the picture is without it. */
    META,
    /** The picture is without it. */
    HIDE
  }

  /** The bus of a guest that libvirt started one for. */
  static final String LIBVIRT = "libvirt";

  private static final Set<String> KNOWN = Set.of("bus", "tear-free", "wait", "off", "cursor");
  private static final String UNIX = "unix:";

  /**
   * Reads an endpoint.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static QemuOptions parse(Endpoint endpoint) {
    Map<String, String> parameters = endpoint.parameters(KNOWN);
    String path = endpoint.path();
    int console = 0;
    int slash = path.lastIndexOf('/');
    if (slash >= 0 && path.substring(slash + 1).matches("[0-9]{1,4}")) {
      console = Integer.parseInt(path.substring(slash + 1));
      path = path.substring(0, slash);
    }
    boolean direct = path.startsWith(UNIX);
    String qmp = direct ? path.substring(UNIX.length()) : "";
    if (direct && qmp.isEmpty()) {
      throw new IllegalArgumentException("qemu:unix: wants the path of a QMP socket behind it");
    }
    if (direct && parameters.containsKey("bus")) {
      throw new IllegalArgumentException("a QMP socket needs no bus=");
    }
    return new QemuOptions(
        direct ? "" : path,
        qmp,
        console,
        parameters.getOrDefault("bus", "session"),
        Endpoint.flag(parameters, "tear-free"),
        Endpoint.flag(parameters, "wait"),
        Endpoint.choice(parameters, "off", "hold", "blank").equals("blank"),
        CursorMode.valueOf(
            Endpoint.choice(parameters, "cursor", "hide", "blend", "meta")
                .toUpperCase(java.util.Locale.ROOT)));
  }
}
