/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright the guestcam authors */
/* All that differs between the kernels from 6.1 on; the other files are written for the newest. */
#ifndef GUESTCAM_GRANTS_COMPAT_H
#define GUESTCAM_GRANTS_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

/* 6.13 made the name space a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define GCG_IMPORT_DMA_BUF() MODULE_IMPORT_NS(DMA_BUF)
#else
#define GCG_IMPORT_DMA_BUF() MODULE_IMPORT_NS("DMA_BUF")
#endif

/* 6.2 gave callers that do not hold the reservation lock a name of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#endif

/* 6.3 locks a VMA before its flags change. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void gcg_vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#else
#define gcg_vm_flags_mod vm_flags_mod
#endif

/* 6.8 took the count away, which was 1 everywhere. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define gcg_eventfd_signal(ctx) eventfd_signal(ctx, 1)
#else
#define gcg_eventfd_signal(ctx) eventfd_signal(ctx)
#endif

#endif
