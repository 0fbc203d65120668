// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.frame;

import java.io.IOException;
import java.util.List;

/** Makes sources of one scheme; found by {@link java.util.ServiceLoader}. */
public interface FrameSourceProvider {
  /** The scheme of its endpoints. */
  String scheme();

  /** For people: how an endpoint is written, and what it shows; one line. */
  String usage();

  /** The endpoints that can be opened on this host now, for {@code guestcam sources}. */
  List<String> available();

  /**
   * For people: what one of {@link #available} is, beyond its name; one line, or "".
   *
   * @throws IOException where it is there no more, or does not answer
   */
  default String describe(Endpoint endpoint) throws IOException {
    return "";
  }

  /**
   * Makes a source that has not begun yet.
   *
   * @throws IllegalArgumentException where the endpoint is written wrongly
   * @throws IOException where the host lacks something
   */
  FrameSource open(Endpoint endpoint) throws IOException;

  /**
   * Asks the guest for another size of its display. Whether and when it follows is up to the guest;
   * a source that shows it hears of a new mode.
   *
   * @param width pixels
   * @param height pixels
   * @throws IllegalArgumentException where the endpoint is written wrongly, or its guests cannot be
   *     asked
   * @throws IOException where the guest is not there or refuses
   */
  default void resize(Endpoint endpoint, int width, int height) throws IOException {
    throw new IllegalArgumentException(
        "a source of the scheme '" + scheme() + "' cannot be asked for another size");
  }

  /**
   * Gives a running guest a display of its own, whose frames an endpoint of this scheme shows.
   *
   * @param endpoint names the guest
   * @param screens as {@code ID:WIDTHxHEIGHT}, in pixels
   * @param hostAllocates whether the host's memory is lent to the guest, and not the other way
   * @return what was attached, for people
   * @throws IllegalArgumentException where something is written wrongly, or this cannot be done
   * @throws IOException where the guest is not there, or the host lacks something
   */
  default String attach(Endpoint endpoint, List<String> screens, boolean hostAllocates)
      throws IOException {
    throw new IllegalArgumentException(
        "guests of the scheme '" + scheme() + "' cannot be given a display");
  }
}
