// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.gst;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a server of ours listens.
 *
 * @param host a number (of IPv6 without brackets) or a name; this machine alone unless told
 * @param port 1 to 65535
 */
record ListenAddress(String host, int port) {
  private static final Pattern TEXT =
      Pattern.compile("(?:(?:\\[([0-9A-Fa-f:.]+)]|([^:/\\[\\]]+)):)?(\\d{1,5})");

  /** Reads {@code [ADDRESS:]PORT}; empty where it is not written so. */
  static Optional<ListenAddress> of(String text) {
    Matcher parts = TEXT.matcher(text);
    int port = parts.matches() ? Integer.parseInt(parts.group(3)) : 0;
    if (port < 1 || port > 65535) {
      return Optional.empty();
    }
    String number = parts.group(1);
    String name = parts.group(2);
    return Optional.of(
        new ListenAddress(number != null ? number : name != null ? name : "127.0.0.1", port));
  }
}
