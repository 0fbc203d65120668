// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * A buffer's life.
 */
#include <linux/eventfd.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include "grants.h"

/* Xen does not say when a domain unmaps a grant: it has to be asked again and again. */
#define GCG_ASK_FIRST	(HZ / 50)
#define GCG_ASK_LAST	HZ

static struct workqueue_struct *ends;

static void gcg_buffer_free(struct gcg_buffer *buffer)
{
	if (buffer->ended)
		eventfd_ctx_put(buffer->ended);
	kref_put(&buffer->file->users, gcg_file_release);
	kvfree(buffer->pages);
	kfree(buffer);
}

static void gcg_end_work(struct work_struct *work)
{
	struct gcg_buffer *buffer = container_of(to_delayed_work(work), struct gcg_buffer, end);

	if (!(buffer->granted ? gcg_ungrant(buffer) : gcg_unmap(buffer))) {
		buffer->ask_again = min_t(unsigned long, buffer->ask_again * 2, GCG_ASK_LAST);
		queue_delayed_work(ends, &buffer->end, buffer->ask_again);
		return;
	}
	gcg_uncharge(buffer);
	if (buffer->ended)
		gcg_eventfd_signal(buffer->ended);
	gcg_buffer_free(buffer);
	/* Behind this the module may go; its exit waits for the end of this function. */
	module_put(THIS_MODULE);
}

/* Takes the buffer over: ends its grants, as soon as the other domain lets it. */
void gcg_buffer_end(struct gcg_buffer *buffer)
{
	gcg_note_ending(buffer);
	queue_delayed_work(ends, &buffer->end, 0);
}

static struct gcg_buffer *gcg_buffer_alloc(struct gcg_file *file,
					   const struct guestcam_grants_buffer *wanted,
					   bool granted)
{
	struct gcg_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->pages = kvcalloc(wanted->count, sizeof(*buffer->pages), GFP_KERNEL_ACCOUNT);
	if (!buffer->pages) {
		kfree(buffer);
		return ERR_PTR(-ENOMEM);
	}
	if (wanted->eventfd >= 0) {
		buffer->ended = eventfd_ctx_fdget(wanted->eventfd);
		if (IS_ERR(buffer->ended)) {
			int ret = PTR_ERR(buffer->ended);

			kvfree(buffer->pages);
			kfree(buffer);
			return ERR_PTR(ret);
		}
	}
	kref_get(&file->users);
	buffer->file = file;
	buffer->domid = wanted->domid;
	buffer->count = wanted->count;
	buffer->read_only = wanted->flags & GUESTCAM_GRANTS_READONLY;
	buffer->granted = granted;
	buffer->ask_again = GCG_ASK_FIRST;
	mutex_init(&buffer->lock);
	INIT_LIST_HEAD(&buffer->attachments);
	INIT_DELAYED_WORK(&buffer->end, gcg_end_work);
	return buffer;
}

/*
 * Makes a buffer and its dma-buf, which owns it. For a mapping @refs are read; for a grant they are
 * written.
 */
int gcg_buffer_create(struct gcg_file *file, const struct guestcam_grants_buffer *wanted,
		      bool granted, u32 *refs, struct dma_buf **dmabuf)
{
	struct gcg_buffer *buffer = gcg_buffer_alloc(file, wanted, granted);
	int ret;

	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	ret = gcg_charge(buffer);
	if (ret)
		goto free;
	__module_get(THIS_MODULE);
	ret = granted ? gcg_grant(buffer, wanted->source_fd) : gcg_map(buffer, refs);
	if (ret && !buffer->refs)
		goto uncharge;
	if (!ret) {
		*dmabuf = gcg_export(buffer);
		ret = PTR_ERR_OR_ZERO(*dmabuf);
	}
	if (ret) {
		/* Also where granting failed, and a domain had mapped what it was not told of. */
		gcg_buffer_end(buffer);
		return ret;
	}
	if (granted)
		memcpy(refs, buffer->refs, wanted->count * sizeof(*refs));
	return 0;

uncharge:
	module_put(THIS_MODULE); /* not the last: the caller's file holds it too */
	gcg_uncharge(buffer);
free:
	gcg_buffer_free(buffer);
	return ret;
}

int gcg_buffers_init(void)
{
	ends = alloc_workqueue("guestcam_grants", WQ_UNBOUND, 0);
	return ends ? 0 : -ENOMEM;
}

void gcg_buffers_exit(void)
{
	destroy_workqueue(ends);
}
