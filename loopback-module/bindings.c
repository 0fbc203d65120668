// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * Which memory the producer binds to its slots, and which of it readers' buffers show.
 *
 * A producer may have more dma-bufs than slots, and bind them in turn: GStreamer's v4l2sink asks
 * for two slots, however many buffers come from upstream. A reader whose buffers showed only what
 * the slots have at one moment would miss nearly everything. So what a slot had before is
 * remembered: by name at first, for it may never come again; what has come again is held, so that
 * readers can be given all of it.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include "loopback.h"

/* No dma-buf ever gets the name of another one, as it may well get its address. */
static unsigned long gcl_name(const struct dma_buf *dmabuf)
{
	return file_inode(dmabuf->file)->i_ino;
}

static struct gcl_unbound *gcl_unbound_find(struct gcl_camera *camera, const struct dma_buf *dmabuf)
{
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (camera->unbound[i].used && camera->unbound[i].name == gcl_name(dmabuf))
			return &camera->unbound[i];
	return NULL;
}

/* That dma-buf's memory if a slot has it, or NULL. */
static struct gcl_memory *gcl_bound(struct gcl_camera *camera, const struct dma_buf *dmabuf)
{
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (camera->slots[i] && camera->slots[i]->memory->dmabuf == dmabuf)
			return camera->slots[i]->memory;
	return NULL;
}

/*
 * The memory of that dma-buf that some slot has, or had and will have again, or NULL. camera->lock
 * is held, here and below.
 */
struct gcl_memory *gcl_memory_known(struct gcl_camera *camera, const struct dma_buf *dmabuf)
{
	struct gcl_memory *bound = gcl_bound(camera, dmabuf);
	struct gcl_unbound *before;

	if (bound)
		return bound;
	before = gcl_unbound_find(camera, dmabuf);
	return before ? before->memory : NULL;
}

/* Whether another frame may come in it. */
bool gcl_memory_may_come(struct gcl_camera *camera, const struct dma_buf *dmabuf)
{
	return gcl_bound(camera, dmabuf) || gcl_unbound_find(camera, dmabuf);
}

void gcl_slot_bind(struct gcl_camera *camera, struct gcl_slot *slot, struct gcl_memory *memory)
{
	struct gcl_unbound *before = gcl_unbound_find(camera, memory->dmabuf);

	slot->memory = memory;
	camera->slots[slot->vb.vb2_buf.index] = slot;
	camera->bound_count++;
	if (before && before->memory)
		return;
	camera->bound_at = jiffies;
	camera->learning = camera->live;
}

/* The caller puts what this returns, outside of the lock. */
struct gcl_memory *gcl_slot_unbind(struct gcl_camera *camera, struct gcl_slot *slot)
{
	struct gcl_memory *memory = slot->memory, *displaced = NULL;
	struct gcl_unbound *before;
	unsigned int i;

	if (!memory)
		return NULL;
	slot->memory = NULL;
	camera->slots[slot->vb.vb2_buf.index] = NULL;
	camera->bound_count--;
	if (!camera->live)
		return NULL;
	before = gcl_unbound_find(camera, memory->dmabuf);
	if (!before) {
		before = camera->unbound;
		for (i = 1; i < GCL_MAX_BUFFERS; i++)
			if (camera->unbound[i].used < before->used)
				before = &camera->unbound[i];
		displaced = before->memory;
		before->memory = NULL;
		before->name = gcl_name(memory->dmabuf);
	} else if (!before->memory) {
		before->memory = gcl_memory_get(memory);
	}
	before->used = ++camera->unbindings;
	return displaced;
}

/* The producer's stream is over. Not under camera->lock. */
void gcl_unbound_forget(struct gcl_camera *camera)
{
	struct gcl_memory *memory;
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		spin_lock(&camera->lock);
		memory = camera->unbound[i].memory;
		camera->unbound[i] = (struct gcl_unbound){};
		camera->learning = false;
		spin_unlock(&camera->lock);
		gcl_memory_put(memory);
	}
}

/*
 * Chooses the memory of a reader's buffers, all in one moment: what the slots have, each under
 * its slot's index if it can be, so that both sides speak of the same buffer by the same number;
 * then what comes and goes. Returns how much there is. The reader's queue lock is held.
 */
unsigned int gcl_reader_choose(struct gcl_reader *reader)
{
	struct gcl_camera *camera = reader->camera;
	struct gcl_memory *rest[2 * GCL_MAX_BUFFERS];
	unsigned int count, left = 0, next = 0, i;

	gcl_reader_unchoose(reader);
	spin_lock(&camera->lock);
	count = camera->bound_count;
	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (camera->unbound[i].memory &&
		    !gcl_bound(camera, camera->unbound[i].memory->dmabuf))
			count++;
	count = min_t(unsigned int, count, GCL_MAX_BUFFERS);
	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		if (camera->slots[i] && i < count)
			reader->chosen[i] = camera->slots[i]->memory;
		else if (camera->slots[i])
			rest[left++] = camera->slots[i]->memory;
	}
	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (camera->unbound[i].memory &&
		    !gcl_bound(camera, camera->unbound[i].memory->dmabuf))
			rest[left++] = camera->unbound[i].memory;
	for (i = 0; i < count; i++) {
		if (!reader->chosen[i])
			reader->chosen[i] = rest[next++];
		gcl_memory_get(reader->chosen[i]);
	}
	spin_unlock(&camera->lock);
	return count;
}

/* What no buffer was made of. The reader's queue lock is held. */
void gcl_reader_unchoose(struct gcl_reader *reader)
{
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		gcl_memory_put(reader->chosen[i]);
		reader->chosen[i] = NULL;
	}
}
