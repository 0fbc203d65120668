// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.xen;

/**
 * Numbers and layouts of the PV display protocol ({@code xen/interface/io/displif.h}, version 2),
 * and of Xen's rings and devices.
 *
 * <pre>
 *   request, 64 bytes:   0 u16 id | 2 u8 operation | 8 what the operation wants
 *   response, 64 bytes:  0 u16 id | 2 u8 operation | 4 i32 status | 8 what it answers
 *   event, 64 bytes:     0 u16 id | 2 u8 type | 8 u64 framebuffer
 *
 *   DBUF_CREATE   8 u64 cookie | 16 width | 20 height | 24 bpp | 28 bytes | 32 flags | 36 directory | 40 offset
 *   DBUF_DESTROY  8 u64 cookie
 *   FB_ATTACH     8 u64 buffer | 16 u64 cookie | 24 width | 28 height | 32 fourcc
 *   FB_DETACH     8 u64 cookie
 *   SET_CONFIG    8 u64 cookie | 16 x | 20 y | 24 width | 28 height | 32 bpp
 *   PG_FLIP       8 u64 cookie
 *   GET_EDID      8 bytes | 12 directory          answer: 8 bytes of the EDID
 * </pre>
 */
final class Displif {
  static final int DBUF_CREATE = 0x10;
  static final int DBUF_DESTROY = 0x11;
  static final int FB_ATTACH = 0x12;
  static final int FB_DETACH = 0x13;
  static final int SET_CONFIG = 0x14;
  static final int PG_FLIP = 0x15;
  static final int GET_EDID = 0x16;

  static final int PACKET = 64;
  static final int PAGE = 4096;

  /** DBUF_CREATE's flag: the backend allocates. */
  static final int REQ_ALLOC = 1;

  /** GET_EDID's buffer has at least this much: 256 blocks. */
  static final int EDID_BYTES = 32768;

  // XenbusState of xen/io/xenbus.h
  static final int UNKNOWN = 0;
  static final int INITIALISING = 1;
  static final int INIT_WAIT = 2;
  static final int INITIALISED = 3;
  static final int CONNECTED = 4;
  static final int CLOSING = 5;
  static final int CLOSED = 6;

  private Displif() {}
}
