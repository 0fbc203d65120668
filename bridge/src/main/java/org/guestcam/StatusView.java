// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam;

/** Shows people or programs how a bridge is doing; all calls come from one thread at a time. */
public interface StatusView {
  /** Seconds between two updates. */
  int periodSeconds();

  /** A new period has passed. */
  void update(BridgeStats.Snapshot snapshot);

  /** The run is over; rates are those of all of it. */
  void finished(BridgeStats.Snapshot total);
}
