// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
package org.guestcam.qemu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/** Guests of a few bytes: real-mode programs that the BIOS boots, assembled by hand. */
public enum BootSector {
  /** Text mode, every character in seven colours, no cursor, then halted. */
  TEXT(
      """
      b80300 cd10           mov ax,3; int 10h        ; 80x25 characters
      b401 b90726 cd10      mov ah,1; mov cx,2607h; int 10h ; hide the cursor, which blinks
      b800b8 8ec0           mov ax,0b800h; mov es,ax
      31ff 31c0             xor di,di; xor ax,ax
      ab                    next: stosw
      40                    inc ax
      81ffa00f 75f8         cmp di,4000; jne next
      fa f4 ebfc            cli; stop: hlt; jmp stop - 1
      """),
  /** Mode 13h, 320x200 in 256 colours, a still pattern. */
  STILL(
      """
      b81300 cd10           mov ax,13h; int 10h
      b800a0 8ec0 31ff      mov ax,0a000h; mov es,ax; xor di,di
      89f8 30e0 aa          next: mov ax,di; xor al,ah; stosb
      09ff 75f7             or di,di; jnz next
      fa f4 ebfc            cli; stop: hlt; jmp stop - 1
      """),
  /**
   * Mode 13h, all of the screen in one colour, the next one at each tick of a 60 Hz timer: colour
   * number i has red i mod 64 and green i div 64, each of 64 steps.
   */
  MOVING(
      """
      b81300 cd10           mov ax,13h; int 10h
      b800a0 8ec0           mov ax,0a000h; mov es,ax
      bac803 30c0 ee 42     mov dx,3c8h; xor al,al; out dx,al; inc dx ; the palette
      31db                  xor bx,bx
      88d8 243f ee          color: mov al,bl; and al,3fh; out dx,al
      88d8 c0e806 ee        mov al,bl; shr al,6; out dx,al
      30c0 ee               xor al,al; out dx,al
      fec3 75ee             inc bl; jnz color
      b036 e643             mov al,36h; out 43h,al   ; 1193182 Hz / 19886
      b0ae e640 b04d e640   mov al,0aeh; out 40h,al; mov al,4dh; out 40h,al
      fb                    sti
      f4                    frame: hlt
      fec3 31ff 88d8        inc bl; xor di,di; mov al,bl
      b900fa f3aa ebf2      mov cx,64000; rep stosb; jmp frame
      """),
  /** Text mode and mode 13h in turn, one second each, both with a pattern. */
  SWITCHING(
      """
      b81300 cd10           again: mov ax,13h; int 10h
      b800a0 8ec0 31ff      mov ax,0a000h; mov es,ax; xor di,di
      89f8 30e0 aa          next: mov ax,di; xor al,ah; stosb
      09ff 75f7             or di,di; jnz next
      fb b91200             sti; mov cx,18
      f4 e2fd               tick: hlt; loop tick
      b80300 cd10           mov ax,3; int 10h
      b401 b90726 cd10      mov ah,1; mov cx,2607h; int 10h
      b800b8 8ec0           mov ax,0b800h; mov es,ax
      31ff 31c0             xor di,di; xor ax,ax
      ab 40                 cell: stosw; inc ax
      81ffa00f 75f8         cmp di,4000; jne cell
      b91200                mov cx,18
      f4 e2fd               tock: hlt; loop tock
      ebbf                  jmp again
      """);

  private static final int SECTOR = 512;

  private final String code;

  BootSector(String listing) {
    StringBuilder hex = new StringBuilder();
    for (String line : listing.split("\n", -1)) {
      hex.append(line.substring(0, Math.min(22, line.length())).replaceAll("[^0-9a-f]", ""));
    }
    code = hex.toString();
  }

  /** A disk whose first sector it is. */
  Path writeTo(Path file) throws IOException {
    byte[] sector = new byte[SECTOR];
    byte[] program = HexFormat.of().parseHex(code);
    System.arraycopy(program, 0, sector, 0, program.length);
    sector[SECTOR - 2] = 0x55;
    sector[SECTOR - 1] = (byte) 0xaa;
    return Files.write(file, sector);
  }
}
