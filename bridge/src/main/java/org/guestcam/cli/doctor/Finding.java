// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.cli.doctor;

/**
 * What was found of one part.
 *
 * @param part its name
 * @param state how well it serves
 * @param found what is there, one line
 * @param meaning what that means for guestcam; lines, empty where {@code found} says it all
 * @param remedy the commands that mend it; lines, empty where there is nothing to mend
 * @param blocksMainJob whether the main job cannot run because of it
 */
public record Finding(
    String part, State state, String found, String meaning, String remedy, boolean blocksMainJob) {
  /** How well a part serves. */
  public enum State {
    /** All that guestcam wants of it. */
    OK,
    /** It is there, but less than guestcam could use. */
    LIMITED,
    /** It is not there, or cannot be used. */
    MISSING
  }

  /** All is well with it. */
  static Finding ok(String part, String found, String meaning) {
    return new Finding(part, State.OK, found, meaning, "", false);
  }

  /** It serves, but could do more. */
  static Finding limited(String part, String found, String meaning, String remedy) {
    return new Finding(part, State.LIMITED, found, meaning, remedy, false);
  }

  /** It is missing, which the main job can do without. */
  static Finding missing(String part, String found, String meaning, String remedy) {
    return new Finding(part, State.MISSING, found, meaning, remedy, false);
  }

  /** The same, and the main job cannot do without. */
  Finding blocking() {
    return new Finding(part, state, found, meaning, remedy, true);
  }
}
