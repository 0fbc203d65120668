// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.guestcam.frame.Endpoint;

/**
 * What the user wrote: {@code vhost-user-gpu:/path/to.sock?...}.
 *
 * @param path the socket that QEMU connects to; or {@code fd:N}, one that is connected already
 * @param connects to a socket that QEMU listens on, instead of listening there
 * @param scanout which of the device's displays
 * @param modes sizes that the guest is offered, the preferred one first; empty: what QEMU says
 * @param tearFree copy each picture at the guest's flush
 * @param waits for the next QEMU when this one is gone, instead of ending
 * @param blank show a blank picture when the guest's display is off, instead of the last one
 * @param cursor what becomes of the guest's pointer
 * @param window show the guest in QEMU's own window too
 * @param fenceNanos how long a guest that waits for its frame waits at the most
 */
record VhostGpuOptions(
    String path,
    boolean connects,
    int scanout,
    List<Edid.Size> modes,
    boolean tearFree,
    boolean waits,
    boolean blank,
    CursorMode cursor,
    boolean window,
    long fenceNanos) {
  /** What becomes of the guest's pointer. */
  enum CursorMode {
    /** It is drawn into the picture. */
    BLEND,
    /** It is told to the listener, and the picture is without it. */
    META,
    /** The picture is without it. */
    HIDE
  }

  private static final Set<String> KNOWN =
      Set.of(
          "connect",
          "scanout",
          "modes",
          "tear-free",
          "wait",
          "off",
          "cursor",
          "window",
          "fence-limit");
  private static final int DEFAULT_FENCE_LIMIT = 100;
  private static final int LEAST_SIDE = 16;

  /**
   * Reads an endpoint.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static VhostGpuOptions parse(Endpoint endpoint) {
    Map<String, String> parameters = endpoint.parameters(KNOWN);
    String path = endpoint.path();
    if (path.isEmpty()) {
      throw new IllegalArgumentException(
          "vhost-user-gpu: wants the path of a socket behind it, which QEMU then connects to");
    }
    return new VhostGpuOptions(
        path,
        Endpoint.flag(parameters, "connect"),
        Endpoint.number(parameters, "scanout", 0, 0, Gpu.SCANOUTS - 1),
        modes(parameters.getOrDefault("modes", "")),
        Endpoint.flag(parameters, "tear-free"),
        Endpoint.flag(parameters, "wait"),
        Endpoint.choice(parameters, "off", "hold", "blank").equals("blank"),
        CursorMode.valueOf(
            Endpoint.choice(parameters, "cursor", "hide", "blend", "meta")
                .toUpperCase(Locale.ROOT)),
        Endpoint.flag(parameters, "window"),
        TimeUnit.MILLISECONDS.toNanos(
            Endpoint.number(parameters, "fence-limit", DEFAULT_FENCE_LIMIT, 1, 10_000)));
  }

  /** Whether two cameras of one device can both have what they ask of the device itself. */
  boolean agreesWith(VhostGpuOptions other) {
    return modes.equals(other.modes)
        && waits == other.waits
        && window == other.window
        && fenceNanos == other.fenceNanos;
  }

  private static List<Edid.Size> modes(String text) {
    List<Edid.Size> modes = new ArrayList<>();
    if (text.isEmpty()) {
      return modes;
    }
    for (String part : text.split(",", -1)) {
      if (!part.matches("[0-9]{1,4}x[0-9]{1,4}")) {
        throw new IllegalArgumentException(
            "modes=" + text + ": '" + part + "' is not WIDTHxHEIGHT");
      }
      int x = part.indexOf('x');
      int width = Integer.parseInt(part.substring(0, x));
      int height = Integer.parseInt(part.substring(x + 1));
      if (Math.min(width, height) < LEAST_SIDE || Math.max(width, height) > Edid.MAX_SIDE) {
        throw new IllegalArgumentException(
            "modes=" + text + ": sides are " + LEAST_SIDE + " to " + Edid.MAX_SIDE + " pixels");
      }
      modes.add(new Edid.Size(width, height));
    }
    if (modes.size() > Edid.MAX_MODES) {
      throw new IllegalArgumentException(
          "modes= names " + modes.size() + " modes; an EDID has room for " + Edid.MAX_MODES);
    }
    return List.copyOf(modes);
  }
}
