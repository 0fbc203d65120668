#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# Boots a guest of 60 bytes under QEMU, without KVM, whose screen moves 30 times a second; guestcam can show it:
#
#   examples/qemu-moving-guest.sh DIR &
#   guestcam run qemu:unix:DIR/qmp.sock v4l2:/dev/video10
#
# Runs until it is killed. DIR/qmp.sock is there as soon as the guest is.

set -euo pipefail

if (($# != 1)); then
  echo "usage: $0 DIR" >&2
  exit 2
fi
command -v qemu-system-x86_64 >/dev/null || {
  echo "$0: qemu-system-x86_64 is missing: sudo apt-get install qemu-system-x86" >&2
  exit 3
}
mkdir -p "$1"
dir=$(cd "$1" && pwd)

# A boot sector in real mode: colour of a pixel = (x xor y) + number of the picture, in 320x200 pixels.
program=(
  b8 13 00 cd 10                          # mov ax,13h; int 10h          320x200, 256 colours
  b8 00 a0 8e c0                          # mov ax,0a000h; mov es,ax     the screen's memory
  b0 36 e6 43 b0 5d e6 40 b0 9b e6 40     # the timer: 1193182 / 39773 = 30 Hz
  31 db fb                                # xor bx,bx; sti
  f4                                      # picture: hlt                 until the timer ticks
  fe c3 31 ff 31 d2                       # inc bl; xor di,di; xor dx,dx
  31 c9                                   # row: xor cx,cx
  88 c8 30 d0 00 d8 aa                    # pixel: mov al,cl; xor al,dl; add al,bl; stosb
  41 81 f9 40 01 75 f2                    # inc cx; cmp cx,320; jne pixel
  42 81 fa c8 00 75 e9                    # inc dx; cmp dx,200; jne row
  eb e0                                   # jmp picture
)
{
  for byte in "${program[@]}"; do printf '%b' "\\x$byte"; done
  head -c $((510 - ${#program[@]})) /dev/zero
  printf '\x55\xaa'
} >"$dir/disk.img"

rm -f "$dir/qmp.sock"
exec qemu-system-x86_64 -name moving-guest -machine pc,accel=tcg -m 16 -nodefaults -vga std \
  -drive "file=$dir/disk.img,format=raw,if=ide,snapshot=on" \
  -display dbus,p2p=yes -qmp "unix:$dir/qmp.sock,server=on,wait=off"
