/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright the guestcam authors */
/* All that differs between the kernels from 6.1 on; the other files are written for the newest. */
#ifndef GUESTCAM_LOOPBACK_COMPAT_H
#define GUESTCAM_LOOPBACK_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>
#include <media/v4l2-fh.h>
#include <media/videobuf2-v4l2.h>

/* 6.13 made the name space a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define GCL_IMPORT_DMA_BUF() MODULE_IMPORT_NS(DMA_BUF)
#else
#define GCL_IMPORT_DMA_BUF() MODULE_IMPORT_NS("DMA_BUF")
#endif

/* 6.2 gave callers that do not hold the reservation lock a name of their own. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

/* 6.3 locks a VMA before its flags change. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void gcl_vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#else
#define gcl_vm_flags_mod vm_flags_mod
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline unsigned int gcl_num_buffers(struct vb2_queue *q)
{
	return q->num_buffers;
}
#else
#define gcl_num_buffers vb2_get_num_buffers
#endif

/* Newer kernels do for every queue what these did. Kbuild looks whether they are there. */
#ifdef GCL_HAS_WAIT_OPS
#define GCL_WAIT_OPS .wait_prepare = vb2_ops_wait_prepare, .wait_finish = vb2_ops_wait_finish,
#else
#define GCL_WAIT_OPS
#endif

/* 6.18 gave the file handles their file. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
static inline struct v4l2_fh *gcl_fh(struct file *file)
{
	return file->private_data;
}

static inline void gcl_fh_add(struct v4l2_fh *fh, struct file *file)
{
	file->private_data = fh;
	v4l2_fh_add(fh);
}

static inline void gcl_fh_del(struct v4l2_fh *fh, struct file *file)
{
	v4l2_fh_del(fh);
}
#else
#define gcl_fh file_to_v4l2_fh
#define gcl_fh_add v4l2_fh_add
#define gcl_fh_del v4l2_fh_del
#endif

#endif
