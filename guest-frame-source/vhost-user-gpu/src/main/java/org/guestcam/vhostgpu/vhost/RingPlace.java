// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

/**
 * Where a ring lies and how far it was served: what tells going on from beginning anew.
 *
 * @param descriptors and the others: addresses of the monitor
 * @param base the index of the first request that was not taken yet
 */
public record RingPlace(long descriptors, long available, long used, int base) {}
