# SPDX-License-Identifier: Apache-2.0
# Copyright the guestcam authors
#
# A boot sector for the benchmark of QEMU's display: sets a mode of WIDTH x HEIGHT at 32 bits by the ports of Bochs's display
# (docs/specs/standard-vga.rst of QEMU), draws a picture and another one below it, and then
#   SMALL_BANKS = 0: halts; who flips between the two is outside, by the same ports
#   else: fills so many banks of SMALL_WORDS words anew, RATE times a second: a small part of the screen changes.
# as --32 --defsym WIDTH=1280 ..., ld -m elf_i386 -Ttext 0x7c00 --oformat binary

.code16
.globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $mode, %si
next:                           # index, value pairs
    lodsw
    mov $0x1ce, %dx
    out %ax, %dx
    lodsw
    inc %dx
    out %ax, %dx
    cmp $mode_end, %si
    jb next
    mov $0xa000, %ax
    mov %ax, %es
    cld
    xor %bp, %bp                # the bank: 64 KiB of the video memory, at 0xa0000
draw:
    mov %bp, %ax
    call select
    xor %di, %di
    mov $0x4000, %cx
1:  mov %di, %ax                # a pattern that is another one in each bank, and no two rows alike
    shl $8, %eax
    mov %bp, %ax
    xor %di, %ax
    add $0x305, %ax
    stosl
    loop 1b
    inc %bp
    cmp $(2 * WIDTH * HEIGHT / 0x4000 + 1), %bp
    jb draw
.if SMALL_BANKS
    mov $0x36, %al              # the timer's rate
    out %al, $0x43
    mov $(1193182 / RATE), %ax
    out %al, $0x40
    mov %ah, %al
    out %al, $0x40
    movw $tick, 0x20            # the timer's interrupt, without the BIOS
    movw $0, 0x22
    sti
frame:
    hlt
    inc %ebx
    xor %bp, %bp
2:  mov %bp, %ax
    call select
    xor %di, %di
    mov $SMALL_WORDS, %cx
    mov %ebx, %eax
    imul $0x01030507, %eax, %eax
    rep stosl
    inc %bp
    cmp $SMALL_BANKS, %bp
    jb 2b
    jmp frame
tick:
    push %ax
    mov $0x20, %al
    out %al, $0x20
    pop %ax
    iret
.else
    hlt
    jmp . - 1
.endif

select:                         # the bank in ax
    push %ax
    mov $5, %ax
    mov $0x1ce, %dx
    out %ax, %dx
    inc %dx
    pop %ax
    out %ax, %dx
    ret

mode:
    .word 4, 0                  # off
    .word 1, WIDTH, 2, HEIGHT, 3, 32
    .word 4, 0x41               # on, with the linear frame buffer
    .word 6, WIDTH, 7, 2 * HEIGHT
mode_end:
    .org 510
    .word 0xaa55
