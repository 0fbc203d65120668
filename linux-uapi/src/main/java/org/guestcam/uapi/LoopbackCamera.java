// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.uapi;

import java.util.Set;
import org.guestcam.uapi.abi.Uapi;

/**
 * A camera of guestcam_loopback, as there is one or as one is wished for ({@code
 * loopback-module/uapi/guestcam_loopback.h}).
 *
 * @param id given by the module; in a wish it is ignored
 * @param outputNr the N of /dev/videoN for the producer; in a wish -1 for any
 * @param captureNr the same for readers
 * @param options what it does differently
 * @param idle what readers see without a producer
 * @param maxWidth pixels; in a wish 0 for the module's limit
 * @param maxHeight pixels; likewise
 * @param maxReaders readers with buffers at a time; in a wish 0 for the module's limit
 * @param readerTimeoutMillis how long a reader may keep a replaced frame; 0 for ever; in a wish -1
 *     for the module's default
 * @param users how often its nodes are open; in a wish it is ignored
 * @param name as programs show it; in a wish empty for a default
 */
public record LoopbackCamera(
    int id,
    int outputNr,
    int captureNr,
    Set<Option> options,
    Idle idle,
    int maxWidth,
    int maxHeight,
    int maxReaders,
    int readerTimeoutMillis,
    int users,
    String name) {
  /** Bytes of a name in UTF-8, without its end. */
  public static final int MAX_NAME = 31;

  /** What readers see without a producer. */
  public enum Idle {
    /** Nothing: streams end, new ones wait. */
    NONE(Uapi.GUESTCAM_LOOPBACK_IDLE_NONE()),
    /** The last frame. */
    LAST(Uapi.GUESTCAM_LOOPBACK_IDLE_LAST()),
    /** A dark picture. */
    PICTURE(Uapi.GUESTCAM_LOOPBACK_IDLE_PICTURE());

    private final int number;

    Idle(int number) {
      this.number = number;
    }

    /** As the module has it. */
    int number() {
      return number;
    }
  }

  /** What a camera may do differently. */
  public enum Option {
    /** OUTPUT speaks the multi-planar API. */
    MULTIPLANAR(Uapi.GUESTCAM_LOOPBACK_MULTIPLANAR()),
    /** The producer waits for the slowest reader. */
    LOSSLESS(Uapi.GUESTCAM_LOOPBACK_LOSSLESS()),
    /** Readers can neither write nor export. */
    PROTECTED(Uapi.GUESTCAM_LOOPBACK_PROTECTED());

    private final int flag;

    Option(int flag) {
      this.flag = flag;
    }

    /** Its bit. */
    int flag() {
      return flag;
    }
  }

  /** Copies the options. */
  public LoopbackCamera {
    options = Set.copyOf(options);
  }
}
