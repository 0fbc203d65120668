/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Copyright the guestcam authors */
/* User space's side of edu_dma, /dev/edu-dma: an open file holds one dma-buf, mapped for QEMU's edu device. */
#ifndef EDU_DMA_H
#define EDU_DMA_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct edu_dma_copy - within the dma-buf: the device reads here and writes there, by DMA
 * @from:		offset of the first byte
 * @to:			offset of the first byte
 * @bytes:		1 to 4096; neither place may go over the end of a page
 * @from_address:	out: where the device read
 * @to_address:		out: where it wrote
 */
struct edu_dma_copy {
	__u64 from;
	__u64 to;
	__u64 bytes;
	__u64 from_address;
	__u64 to_address;
};

/* The argument is a dma-buf's descriptor. */
#define EDU_DMA_ATTACH	_IO('e', 0xd0)
#define EDU_DMA_COPY	_IOWR('e', 0xd1, struct edu_dma_copy)

#endif
