// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.vhostgpu.vhost;

/**
 * The numbers of vhost-user's messages (QEMU's {@code docs/interop/vhost-user.rst}).
 *
 * <pre>
 *   header (12 bytes):       0 u32 request | 4 u32 flags | 8 u32 payload's size
 *   ring state (8):          0 u32 ring | 4 u32 number
 *   ring addresses (40):     0 u32 ring | 4 u32 flags | 8 u64 descriptors | 16 u64 used | 24 u64 available | 32 u64 log
 *   memory table:            0 u32 regions | 4 - | 8 region[]
 *   region (32):             0 u64 guest address | 8 u64 size | 16 u64 user address | 24 u64 offset in its file
 *   one region (40):         0 - | 8 region
 *   configuration (12 + n):  0 u32 offset | 4 u32 size | 8 u32 flags | 12 bytes
 * </pre>
 */
final class VhostMessage {
  static final int HEADER = 12;
  static final int REGION = 32;
  static final int RING_STATE = 8;
  static final int RING_ADDRESSES = 40;
  static final int CONFIGURATION = 12;

  /** No message that this device takes is longer. */
  static final int MAX_PAYLOAD = 4096;

  static final int VERSION_MASK = 0x3;
  static final int VERSION = 0x1;
  static final int REPLY = 0x4;
  static final int NEED_REPLY = 0x8;

  /** With a ring's eventfd: no descriptor comes with it. */
  static final long NO_FD = 0x100;

  static final int GET_FEATURES = 1;
  static final int SET_FEATURES = 2;
  static final int SET_OWNER = 3;
  static final int RESET_OWNER = 4;
  static final int SET_MEM_TABLE = 5;
  static final int SET_VRING_NUM = 8;
  static final int SET_VRING_ADDR = 9;
  static final int SET_VRING_BASE = 10;
  static final int GET_VRING_BASE = 11;
  static final int SET_VRING_KICK = 12;
  static final int SET_VRING_CALL = 13;
  static final int SET_VRING_ERR = 14;
  static final int GET_PROTOCOL_FEATURES = 15;
  static final int SET_PROTOCOL_FEATURES = 16;
  static final int GET_QUEUE_NUM = 17;
  static final int SET_VRING_ENABLE = 18;
  static final int GET_CONFIG = 24;
  static final int SET_CONFIG = 25;
  static final int GPU_SET_SOCKET = 33;
  static final int RESET_DEVICE = 34;
  static final int GET_MAX_MEM_SLOTS = 36;
  static final int ADD_MEM_REG = 37;
  static final int REM_MEM_REG = 38;

  /** VHOST_USER_F_PROTOCOL_FEATURES, a bit of the device's features. */
  static final long F_PROTOCOL_FEATURES = 1L << 30;

  private static final long PROTOCOL_REPLY_ACK = 1L << 3;
  private static final long PROTOCOL_CONFIG = 1L << 9;
  private static final long PROTOCOL_RESET_DEVICE = 1L << 13;

  /**
   * What is offered. Not INFLIGHT_SHMFD, for QEMU's device never asks for it: what was in flight is
   * answered before a ring stops. Nor LOG_SHMFD: such a guest cannot be migrated. Nor
   * CONFIGURE_MEM_SLOTS: with it QEMU tells only what has changed, and a backend that is started
   * again beside a running guest would never hear of its memory.
   */
  static final long PROTOCOL_FEATURES =
      PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG | PROTOCOL_RESET_DEVICE;

  private VhostMessage() {}
}
