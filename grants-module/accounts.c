// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * Who has how many pages. Three limits: of an open file and of another domain, which the module's
 * parameters set, and of the user, RLIMIT_MEMLOCK. Pages count until their grants have ended: a
 * domain that does not let go of them uses up its own limit.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "grants.h"

/* A picture of 4096x2160 at four bytes is 8640 pages. */
static unsigned int file_pages = 131072;
module_param(file_pages, uint, 0644);
MODULE_PARM_DESC(file_pages, "pages that one open file may have (131072: 512 MiB)");

static unsigned int domain_pages = 131072;
module_param(domain_pages, uint, 0644);
MODULE_PARM_DESC(domain_pages, "pages that may be shared with one domain (131072: 512 MiB)");

static DEFINE_MUTEX(accounts_lock);
/* domid -> its pages, as a value. No entry: none. */
static DEFINE_XARRAY(domains);
static unsigned long mapped_pages;
static unsigned long granted_pages;
static unsigned long ending_pages;

static unsigned long domain_has(domid_t domid)
{
	void *entry = xa_load(&domains, domid);

	return entry ? xa_to_value(entry) : 0;
}

static int domain_set(domid_t domid, unsigned long pages)
{
	if (!pages) {
		xa_erase(&domains, domid);
		return 0;
	}
	return xa_err(xa_store(&domains, domid, xa_mk_value(pages), GFP_KERNEL));
}

static int charge_limits(struct gcg_buffer *buffer)
{
	unsigned long count = buffer->count;
	unsigned long *pages = buffer->granted ? &granted_pages : &mapped_pages;
	int ret = -ENOSPC;

	mutex_lock(&accounts_lock);
	if (buffer->file->pages + count <= READ_ONCE(file_pages) &&
	    domain_has(buffer->domid) + count <= READ_ONCE(domain_pages))
		ret = domain_set(buffer->domid, domain_has(buffer->domid) + count);
	if (!ret) {
		buffer->file->pages += count;
		*pages += count;
	}
	mutex_unlock(&accounts_lock);
	return ret;
}

static void uncharge_limits(struct gcg_buffer *buffer)
{
	unsigned long count = buffer->count;

	mutex_lock(&accounts_lock);
	buffer->file->pages -= count;
	/* The entry is there already, or goes: no memory is needed, so this cannot fail. */
	domain_set(buffer->domid, domain_has(buffer->domid) - count);
	if (buffer->granted)
		granted_pages -= count;
	else
		mapped_pages -= count;
	if (buffer->ending)
		ending_pages -= count;
	mutex_unlock(&accounts_lock);
}

/* Charges the buffer's pages to its file, its domain and the process that calls. */
int gcg_charge(struct gcg_buffer *buffer)
{
	int ret = charge_limits(buffer);

	if (ret)
		return ret;
	ret = account_locked_vm(current->mm, buffer->count, true);
	if (ret) {
		uncharge_limits(buffer);
		return ret;
	}
	buffer->mm = current->mm;
	mmgrab(buffer->mm);
	return 0;
}

void gcg_uncharge(struct gcg_buffer *buffer)
{
	account_locked_vm(buffer->mm, buffer->count, false);
	mmdrop(buffer->mm);
	uncharge_limits(buffer);
}

/* The dma-buf is gone, the grants are not yet. */
void gcg_note_ending(struct gcg_buffer *buffer)
{
	mutex_lock(&accounts_lock);
	buffer->ending = true;
	ending_pages += buffer->count;
	mutex_unlock(&accounts_lock);
}

void gcg_info(struct guestcam_grants_info *info)
{
	mutex_lock(&accounts_lock);
	*info = (struct guestcam_grants_info){
		.mapped = mapped_pages,
		.granted = granted_pages,
		.ending = ending_pages,
		.file_pages = READ_ONCE(file_pages),
		.domain_pages = READ_ONCE(domain_pages),
	};
	mutex_unlock(&accounts_lock);
}

void gcg_file_release(struct kref *users)
{
	kfree(container_of(users, struct gcg_file, users));
}

void gcg_accounts_exit(void)
{
	xa_destroy(&domains);
}
