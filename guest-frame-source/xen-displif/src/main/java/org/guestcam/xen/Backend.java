// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The displays of the guests that are served: finds them below our own node of xenstore, and drives
 * them. No thread and no wait of its own.
 */
final class Backend {
  private static final Logger LOG = LoggerFactory.getLogger(Backend.class);

  /** Which guests are served. */
  @FunctionalInterface
  interface Wanted {
    boolean test(int domain) throws IOException;
  }

  private final XenStore store;
  private final Hypervisor xen;
  private final Routes routes;
  private final Wanted wanted;
  private final Connector.Listeners listeners;
  private final Runnable wake;
  private final LongSupplier clock;
  private final String root;
  private final Map<String, Display> displays = new HashMap<>();
  private int ended;

  /**
   * A backend that looks below {@code root}, for example /local/domain/0/backend/vdispl.
   *
   * @param listeners where each connector's frames go, or null
   */
  Backend(
      XenStore store,
      Hypervisor xen,
      Routes routes,
      String root,
      Wanted wanted,
      Connector.Listeners listeners,
      Runnable wake,
      LongSupplier clock)
      throws IOException {
    this.store = store;
    this.xen = xen;
    this.routes = routes;
    this.root = root;
    this.wanted = wanted;
    this.listeners = listeners;
    this.wake = wake;
    this.clock = clock;
    store.watch(root);
  }

  /** Follows every change of xenstore that has been told. */
  void storeChanged() throws IOException {
    for (String path; (path = store.nextChange()) != null; ) {
      changed(path);
    }
  }

  private void changed(String path) throws IOException {
    long now = clock.getAsLong();
    if (path.startsWith(root)) {
      String[] below = path.substring(root.length()).split("/", -1);
      if (below.length <= 3) {
        find(); // a domain or a device came or went
      }
      if (below.length == 4 && !below[3].equals("state") && !below[3].equals("online")) {
        if (below[3].equals("frontend")) {
          find();
        }
        return;
      }
    }
    for (Display display : new ArrayList<>(displays.values())) {
      if (path.startsWith(root) || path.startsWith(display.frontend())) {
        display.storeChanged(now);
      }
    }
    dropEnded();
  }

  private void find() throws IOException {
    for (String domain : store.list(root)) {
      // Names below our own node are the toolstack's, not a guest's.
      if (!domain.matches("[0-9]{1,5}") || !wanted.test(Integer.parseInt(domain))) {
        continue;
      }
      for (String device : store.list(root + "/" + domain)) {
        String path = root + "/" + domain + "/" + device;
        if (!displays.containsKey(path) && store.read(path + "/frontend").isPresent()) {
          Display display =
              new Display(store, xen, routes, Integer.parseInt(domain), path, listeners, wake);
          displays.put(path, display);
          LOG.info("{} is served", display);
          display.storeChanged(clock.getAsLong());
        }
      }
    }
  }

  private void dropEnded() {
    for (Display display : List.copyOf(displays.values())) {
      if (display.isGone()) {
        displays.values().remove(display);
        ended++;
        LOG.info("{} is gone", display);
      }
    }
  }

  /** A port has fired. */
  void fired(int port) throws IOException {
    long now = clock.getAsLong();
    for (Display display : displays.values()) {
      if (display.fired(port, now)) {
        return;
      }
    }
  }

  /** Does what is due: after a frame was released, or at {@link #due}. */
  void work() throws IOException {
    long now = clock.getAsLong();
    for (Display display : displays.values()) {
      display.work(now);
    }
  }

  /** When {@link #work} is due; Long.MAX_VALUE for never. */
  long due() {
    long due = Long.MAX_VALUE;
    for (Display display : displays.values()) {
      due = Math.min(due, display.due());
    }
    return due;
  }

  /** Displays that were served and are gone with their guests. */
  int ended() {
    return ended;
  }

  /** Displays that are served. */
  int served() {
    return displays.size();
  }

  /** Why a display was closed for its guest's fault, or null. */
  String failure() {
    return displays.values().stream()
        .map(Display::failure)
        .filter(f -> f != null)
        .findFirst()
        .orElse(null);
  }

  /** Ends every display from our side. */
  void close() throws IOException {
    for (Display display : displays.values()) {
      display.close(clock.getAsLong());
    }
    displays.clear();
  }
}
