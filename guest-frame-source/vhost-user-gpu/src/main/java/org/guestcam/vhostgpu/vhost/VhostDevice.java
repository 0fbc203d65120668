// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

import java.lang.foreign.MemorySegment;
import org.guestcam.uapi.UnixSocket;

/** What a session serves: a virtio device. Called on the session's thread only. */
public interface VhostDevice {
  /** The device's feature bits, without those of rings and of vhost-user. */
  long features();

  /** Writes {@code length} bytes of the device's configuration; what there is none of stays 0. */
  void readConfiguration(MemorySegment into, long at, int offset, int length);

  /** The monitor's own display listens at the other end; taken over. */
  void displaySocket(UnixSocket socket);

  /**
   * The queue of requests begins.
   *
   * @param resumed whether the guest goes on where it was stopped; else its driver begins anew, and
   *     nothing of what it said before holds
   */
  void started(boolean resumed);

  /** A queue ends: every request that was taken must be given back in this call. */
  void stopping(int queue);

  /** Pieces of the guest's memory go or come: nothing of it may be used after this call. */
  void memoryChanging();
}
