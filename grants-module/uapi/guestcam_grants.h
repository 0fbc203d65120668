/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Copyright the guestcam authors */
/*
 * User space's side of guestcam_grants, /dev/guestcam-grants: Xen grant references become dma-bufs
 * that anything can map, and pages become grant references.
 *
 * Both calls give a dma-buf. The grants last as long as it does: they end behind the last user of
 * it, whoever that is (a descriptor, a mapping, a device's import). When they have really ended,
 * the eventfd that came with the call is signalled; a call that failed may signal it too.
 */
#ifndef GUESTCAM_GRANTS_UAPI_H
#define GUESTCAM_GRANTS_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The node, without /dev/. */
#define GUESTCAM_GRANTS_NODE		"guestcam-grants"

/*
 * MAP: map the other domain's pages for reading only. Such a dma-buf can be mapped by user space
 * and read by devices; the kernel's own mapping (vmap) is refused, for a writer there would not
 * get an error but an oops.
 * GRANT: the other domain may only read.
 */
#define GUESTCAM_GRANTS_READONLY	1

/**
 * struct guestcam_grants_buffer - what becomes a dma-buf
 * @refs:	address of __u32[count], grant references: MAP reads them, GRANT writes them
 * @domid:	the other domain; 0 to 0x7fef
 * @count:	pages of 4096 bytes; at least 1
 * @flags:	GUESTCAM_GRANTS_READONLY or 0
 * @eventfd:	signalled when the grants have ended, or -1
 * @source_fd:	GRANT: a dma-buf of udmabuf whose pages to grant, of exactly @count pages, or -1 for
 *		new pages, which are zero. MAP: -1
 * @dmabuf_fd:	out: the dma-buf, close-on-exec, of @count pages in the order of @refs
 * @reserved:	zero
 */
struct guestcam_grants_buffer {
	__u64 refs;
	__u32 domid;
	__u32 count;
	__u32 flags;
	__s32 eventfd;
	__s32 source_fd;
	__s32 dmabuf_fd;
	__u32 reserved[4];
};

/*
 * References of another domain become a dma-buf of that domain's pages. When that domain dies, the
 * pages stay as they were until the dma-buf is gone.
 *
 * EINVAL: a reference that does not point to a grant for this domain (or, for writing, one that is
 * for reading), wrong numbers. ENOSPC: a limit of the module. ENOMEM: memory, or RLIMIT_MEMLOCK.
 */
#define GUESTCAM_GRANTS_MAP		_IOWR('g', 0xd0, struct guestcam_grants_buffer)
/*
 * Pages of this domain become a dma-buf and references for another domain. While that domain keeps
 * them mapped, they are not used for anything else, whatever happened to the dma-buf.
 *
 * ENOSPC: a limit of the module, or no free grant references. EOPNOTSUPP: @source_fd is a dma-buf
 * whose pages cannot be granted. Others as for MAP.
 */
#define GUESTCAM_GRANTS_GRANT		_IOWR('g', 0xd1, struct guestcam_grants_buffer)

/**
 * struct guestcam_grants_info - what there is now, of all users of the module
 * @mapped:		pages of other domains that are mapped
 * @granted:		pages that are granted, or that another domain still has mapped
 * @ending:		of both: pages of dma-bufs that are gone
 * @file_pages:		limit of pages of one open file
 * @domain_pages:	limit of pages of one other domain
 * @reserved:		zero
 */
struct guestcam_grants_info {
	__u64 mapped;
	__u64 granted;
	__u64 ending;
	__u32 file_pages;
	__u32 domain_pages;
	__u32 reserved[4];
};

#define GUESTCAM_GRANTS_INFO		_IOR('g', 0xd2, struct guestcam_grants_info)

#endif
