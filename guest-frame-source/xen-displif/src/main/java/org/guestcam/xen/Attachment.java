// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The toolstack's part of xenstore: gives a running domain a display device. */
final class Attachment {
  /** What Linux's frontend takes at the most. */
  private static final int MAX_WIDTH = 4095;

  private static final int MAX_HEIGHT = 2047;
  private static final Pattern CONNECTOR =
      Pattern.compile("([A-Za-z0-9_.-]{1,64}):([1-9][0-9]{0,4})x([1-9][0-9]{0,4})");

  /** A screen: its unique id and its size in pixels. */
  record Screen(String id, int width, int height) {}

  private Attachment() {}

  /**
   * Reads screens as the command line names them, {@code ID:WIDTHxHEIGHT}.
   *
   * @throws IllegalArgumentException saying what is wrong
   */
  static List<Screen> parse(List<String> connectors) {
    List<Screen> screens = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (String connector : connectors) {
      Matcher matcher = CONNECTOR.matcher(connector);
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "'"
                + connector
                + "' is no connector as id0:1280x720 (letters, digits and _ . - in its id)");
      }
      int width = Integer.parseInt(matcher.group(2));
      int height = Integer.parseInt(matcher.group(3));
      if (width > MAX_WIDTH || height > MAX_HEIGHT) {
        throw new IllegalArgumentException(
            connector
                + ": Linux's frontend takes at most "
                + MAX_WIDTH
                + "x"
                + MAX_HEIGHT
                + " pixels");
      }
      if (!ids.add(matcher.group(1))) {
        throw new IllegalArgumentException("the id " + matcher.group(1) + " is given twice");
      }
      screens.add(new Screen(matcher.group(1), width, height));
    }
    if (screens.isEmpty() || screens.size() > Display.MAX_CONNECTORS) {
      throw new IllegalArgumentException(
          screens.size() + " connectors: a display has 1 to " + Display.MAX_CONNECTORS);
    }
    return screens;
  }

  /**
   * Writes a device's nodes for both ends, and last the states that start the drivers.
   *
   * @param self this domain, where the backend runs
   * @return the number of the device
   */
  static int attach(
      XenStore store, int self, int domain, List<Screen> screens, boolean backendAllocates)
      throws IOException {
    String guest = "/local/domain/" + domain;
    if (store.list(guest).isEmpty()) {
      throw new IOException("no domain " + domain + " runs ('xl list' names those that do)");
    }
    int device = 0;
    while (!store.list(guest + "/device/vdispl/" + device).isEmpty()) {
      device++;
    }
    String front = guest + "/device/vdispl/" + device;
    String back = "/local/domain/" + self + "/backend/vdispl/" + domain + "/" + device;
    // What is made below a node later has its owner and readers.
    store.write(front, "");
    store.share(front, domain, self);
    store.write(back, "");
    store.share(back, self, domain);

    store.write(front + "/backend", back);
    store.write(front + "/backend-id", Integer.toString(self));
    store.write(front + "/be-alloc", backendAllocates ? "1" : "0");
    for (int i = 0; i < screens.size(); i++) {
      Screen screen = screens.get(i);
      store.write(front + "/" + i + "/resolution", screen.width() + "x" + screen.height());
      store.write(front + "/" + i + "/unique-id", screen.id());
    }
    store.write(back + "/frontend", front);
    store.write(back + "/frontend-id", Integer.toString(domain));
    store.write(back + "/online", "1");
    store.write(back + "/state", Integer.toString(Displif.INITIALISING));
    store.write(front + "/state", Integer.toString(Displif.INITIALISING));
    return device;
  }
}
