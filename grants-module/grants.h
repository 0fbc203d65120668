/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright the guestcam authors */
/*
 * A buffer is what one dma-buf stands for: pages, mapped from another domain or granted to it.
 *
 *	call:	charge (accounts.c) -> map (map.c) or grant (grant.c) -> dma-buf (dmabuf.c)
 *	end:	last user of the dma-buf gone -> a work item ends the grants -> uncharge -> eventfd
 *
 * The end is a work item, for it may have to wait: for the other domain, which cannot be hurried.
 * Each buffer holds the module, so that no work is left when the module goes.
 */
#ifndef GUESTCAM_GRANTS_H
#define GUESTCAM_GRANTS_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <xen/grant_table.h>
#include "compat.h"
#include "uapi/guestcam_grants.h"

struct dma_buf;
struct dma_buf_attachment;
struct eventfd_ctx;
struct mm_struct;
struct sg_table;

/* One open of the node. It outlives the file while there are buffers of it. */
struct gcg_file {
	struct kref users;
	unsigned long pages; /* under the accounts' lock */
};

struct gcg_buffer {
	struct gcg_file *file;
	struct mm_struct *mm; /* charged with the pages */
	struct eventfd_ctx *ended; /* may be NULL */
	domid_t domid;
	bool read_only;
	bool granted; /* else mapped */
	bool ending;
	unsigned int count;
	struct page **pages;

	/* Mapped: prepared when it was mapped, so that the end needs no memory. */
	struct gnttab_unmap_grant_ref *unmap;
	struct gntab_unmap_queue_data unmapping; /* a work item is in it: not for a stack */

	/* Granted. The source is NULL where the pages are our own. */
	grant_ref_t *refs;
	unsigned int refs_left; /* from the first: those that were not ended */
	struct dma_buf *source;
	struct dma_buf_attachment *attachment;
	struct sg_table *source_table;

	/* The dma-buf. */
	struct mutex lock; /* of the list */
	struct list_head attachments;
	struct delayed_work end;
	unsigned long ask_again; /* jiffies */
};

/* accounts.c: the limits, and what there is */
int gcg_charge(struct gcg_buffer *buffer);
void gcg_uncharge(struct gcg_buffer *buffer);
void gcg_note_ending(struct gcg_buffer *buffer);
void gcg_info(struct guestcam_grants_info *info);
void gcg_accounts_exit(void);
void gcg_file_release(struct kref *users);

/* map.c: another domain's pages */
int gcg_map(struct gcg_buffer *buffer, const u32 *refs);
bool gcg_unmap(struct gcg_buffer *buffer);

/* grant.c: pages of this domain; gcg_ungrant tells whether the other domain has let go of all */
int gcg_grant(struct gcg_buffer *buffer, int source_fd);
bool gcg_ungrant(struct gcg_buffer *buffer);

/* dmabuf.c */
struct dma_buf *gcg_export(struct gcg_buffer *buffer);

/* buffer.c: gcg_buffer_end may be called in any context that can sleep; the rest follows */
int gcg_buffer_create(struct gcg_file *file, const struct guestcam_grants_buffer *wanted,
		      bool granted, u32 *refs, struct dma_buf **dmabuf);
void gcg_buffer_end(struct gcg_buffer *buffer);
int gcg_buffers_init(void);
void gcg_buffers_exit(void);

extern struct device *gcg_device;

#endif
