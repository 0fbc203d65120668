// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu;

import java.util.concurrent.atomic.LongAdder;

/** What a device counts; any thread may look. */
final class Counters {
  /** Requests that were served. */
  final LongAdder commands = new LongAdder();

  /** Requests that were answered with an error. */
  final LongAdder refused = new LongAdder();

  /** Frames into whose pages the guest drew again while they were read, or kept to be read. */
  final LongAdder torn = new LongAdder();

  /** Pixels that the CPU has copied, in bytes. */
  final LongAdder copied = new LongAdder();

  /** Answers that the guest got because the time was over, not because its frame was shown. */
  final LongAdder overdue = new LongAdder();
}
