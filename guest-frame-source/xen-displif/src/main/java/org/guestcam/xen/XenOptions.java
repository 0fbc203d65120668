// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.guestcam.frame.Endpoint;
import org.guestcam.uapi.GrantDevice;

/**
 * What {@code xen:DOMAIN[/CONNECTOR]?route=…&calls=…} says.
 *
 * @param domain a name, or a number
 * @param connector a number, or a unique id
 * @param route where the guest allocates; null for the one that is sound here
 * @param exportFlags for the route export
 * @param calls by which it speaks to Xen
 */
record XenOptions(
    String domain,
    String connector,
    DisplayMemory.Route route,
    int exportFlags,
    XenHost.Calls calls) {
  private static final Set<String> PARAMETERS = Set.of("route", "flags", "calls");
  private static final Map<String, DisplayMemory.Route> ROUTES =
      Map.of(
          "map", DisplayMemory.Route.MAP,
          "copy", DisplayMemory.Route.COPY,
          "share", DisplayMemory.Route.SHARE,
          "export", DisplayMemory.Route.EXPORT);
  private static final Map<String, Integer> FLAGS =
      Map.of("none", 0, "wc", GrantDevice.WRITE_COMBINED, "coherent", GrantDevice.COHERENT);
  private static final Map<String, XenHost.Calls> CALLS =
      Map.of("devices", XenHost.Calls.DEVICES, "libraries", XenHost.Calls.LIBRARIES);

  /**
   * Reads an endpoint.
   *
   * @throws IllegalArgumentException saying what is wrong with it
   */
  static XenOptions parse(Endpoint endpoint) {
    String path = endpoint.path();
    int slash = path.indexOf('/');
    String domain = slash < 0 ? path : path.substring(0, slash);
    String connector = slash < 0 ? "0" : path.substring(slash + 1);
    if (domain.isEmpty() || connector.isEmpty() || connector.contains("/")) {
      throw new IllegalArgumentException(
          "'xen:" + endpoint.rest() + "' names no display, as xen:DOMAIN or xen:DOMAIN/CONNECTOR");
    }
    Map<String, String> parameters = endpoint.parameters(PARAMETERS);
    return new XenOptions(
        domain,
        connector,
        Optional.ofNullable(parameters.get("route"))
            .filter(route -> !route.equals("auto"))
            .map(route -> oneOf("route", route, ROUTES))
            .orElse(null),
        Optional.ofNullable(parameters.get("flags"))
            .map(flags -> oneOf("flags", flags, FLAGS))
            .orElse(GrantDevice.WRITE_COMBINED),
        Optional.ofNullable(parameters.get("calls"))
            .map(calls -> oneOf("calls", calls, CALLS))
            .orElse(XenHost.Calls.DEVICES));
  }

  private static <T> T oneOf(String name, String value, Map<String, T> known) {
    T found = known.get(value);
    if (found == null) {
      throw new IllegalArgumentException(
          "xen: "
              + name
              + "="
              + value
              + ": there are "
              + String.join(", ", known.keySet().stream().sorted().toList()));
    }
    return found;
  }

  /** Whether a domain is the one that is meant. */
  boolean isDomain(XenStore store, int id) throws IOException {
    return domain.equals(Integer.toString(id))
        || store.read("/local/domain/" + id + "/name").filter(domain::equals).isPresent();
  }

  /** Whether a connector of a guest's node is the one that is meant, by its number or its id. */
  boolean isConnector(int index, String uniqueId) {
    return connector.equals(Integer.toString(index)) || connector.equals(uniqueId);
  }

  /** The ids of the domains that are meant; empty where none runs. */
  List<Integer> find(XenStore store) throws IOException {
    List<Integer> found = new ArrayList<>();
    for (String id : store.list("/local/domain")) {
      if (id.matches("[0-9]{1,5}") && isDomain(store, Integer.parseInt(id))) {
        found.add(Integer.parseInt(id));
      }
    }
    return found;
  }
}
