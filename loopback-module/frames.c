// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * A frame's way from the producer's QBUF to its DQBUF. In between it is pending (while its fences
 * are unsignalled, or a lossless camera's readers are busy), then shown: it is the latest frame
 * until the next one is, and readers may hold it. It goes back to the producer when it is
 * neither.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include "loopback.h"

/*
 * A fence that does not signal in this time is a broken driver's; the frame goes back as an error
 * then.
 */
#define GCL_FENCE_TIMEOUT (5 * HZ)

static void gcl_slot_return(struct gcl_slot *slot, enum vb2_buffer_state state)
{
	slot->state = GCL_SLOT_PRODUCER;
	vb2_buffer_done(&slot->vb.vb2_buf, state);
}

/* A reader gave its hold back, or it was taken. */
void gcl_slot_unhold(struct gcl_camera *camera, struct gcl_slot *slot)
{
	if (--slot->holds == 0 && slot != camera->latest && slot->state == GCL_SLOT_SHOWN)
		gcl_slot_return(slot, VB2_BUF_STATE_DONE);
}

static void gcl_slot_replace(struct gcl_camera *camera, struct gcl_slot *slot)
{
	unsigned int timeout = camera->options.reader_timeout_ms;

	if (slot->holds == 0) {
		gcl_slot_return(slot, VB2_BUF_STATE_DONE);
		return;
	}
	slot->replaced_at = jiffies;
	if (timeout)
		schedule_delayed_work(&camera->revoke_work, msecs_to_jiffies(timeout) + 1);
}

static void gcl_slot_show(struct gcl_camera *camera, struct gcl_slot *slot)
{
	struct gcl_slot *previous = camera->latest;
	struct gcl_reader *reader;

	slot->state = GCL_SLOT_SHOWN;
	slot->serial = ++camera->serial;
	slot->vb.sequence = camera->sequence++;
	if (slot->vb.vb2_buf.timestamp == 0)
		slot->vb.vb2_buf.timestamp = ktime_get_ns();
	camera->latest = slot;
	camera->frames++;
	list_for_each_entry(reader, &camera->readers, list)
		gcl_reader_offer(reader, slot);
	if (previous)
		gcl_slot_replace(camera, previous);
	gcl_controls_changed(camera);
}

static bool gcl_readers_ready(struct gcl_camera *camera, struct gcl_slot *slot)
{
	struct gcl_reader *reader;

	list_for_each_entry(reader, &camera->readers, list)
		if (!gcl_reader_ready(reader, slot))
			return false;
	return true;
}

/* Shows what is pending and ready, in order. camera->lock is held. */
void gcl_pump(struct gcl_camera *camera)
{
	struct gcl_slot *slot;

	while (camera->live && !list_empty(&camera->pending)) {
		slot = list_first_entry(&camera->pending, struct gcl_slot, pending);
		if (!dma_resv_test_signaled(slot->memory->dmabuf->resv, DMA_RESV_USAGE_WRITE)) {
			schedule_work(&camera->fence_work);
			return;
		}
		if ((camera->options.flags & GUESTCAM_LOOPBACK_LOSSLESS) &&
		    !gcl_readers_ready(camera, slot))
			return;
		list_del(&slot->pending);
		gcl_slot_show(camera, slot);
	}
}

/* Waits for the first pending frame's writers, outside of all locks, and pumps on. */
void gcl_fence_work(struct work_struct *work)
{
	struct gcl_camera *camera = container_of(work, struct gcl_camera, fence_work);
	struct gcl_memory *memory = NULL;
	struct gcl_slot *slot;
	long left;

	spin_lock(&camera->lock);
	slot = list_first_entry_or_null(&camera->pending, struct gcl_slot, pending);
	if (slot)
		memory = gcl_memory_get(slot->memory);
	spin_unlock(&camera->lock);
	if (!memory)
		return;
	left = dma_resv_wait_timeout(memory->dmabuf->resv, DMA_RESV_USAGE_WRITE, false,
				     GCL_FENCE_TIMEOUT);
	spin_lock(&camera->lock);
	/*
	 * The slot may have gone meanwhile, or come again: its memory tells whether it is the one
	 * waited for.
	 */
	slot = list_first_entry_or_null(&camera->pending, struct gcl_slot, pending);
	if (left <= 0 && slot && slot->memory == memory) {
		list_del(&slot->pending);
		gcl_slot_return(slot, VB2_BUF_STATE_ERROR);
	}
	gcl_pump(camera);
	spin_unlock(&camera->lock);
	gcl_memory_put(memory);
}

void gcl_slot_queue(struct gcl_camera *camera, struct gcl_slot *slot)
{
	spin_lock(&camera->lock);
	slot->state = GCL_SLOT_PENDING;
	list_add_tail(&slot->pending, &camera->pending);
	gcl_pump(camera);
	spin_unlock(&camera->lock);
}

void gcl_producer_start(struct gcl_camera *camera)
{
	struct gcl_memory *before;

	spin_lock(&camera->lock);
	camera->live = true;
	camera->sequence = 0;
	before = camera->last;
	camera->last = NULL;
	gcl_pump(camera);
	spin_unlock(&camera->lock);
	gcl_memory_put(before);
	gcl_controls_changed(camera);
	gcl_source_changed(camera);
}

static bool gcl_reader_shows(struct gcl_reader *reader, struct gcl_memory *memory)
{
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (reader->buffers[i] &&
		    gcl_buffer_memory(&reader->buffers[i]->vb)->dmabuf == memory->dmabuf)
			return true;
	return false;
}

/* STREAMOFF, and every way a producer can end: all slots go back, and readers hear of it. */
void gcl_producer_stop(struct gcl_camera *camera)
{
	struct gcl_memory *before = NULL;
	struct gcl_reader *reader;
	bool keep;
	unsigned int i;

	spin_lock(&camera->lock);
	camera->live = false;
	keep = camera->options.idle == GUESTCAM_LOOPBACK_IDLE_LAST && camera->latest;
	if (keep) {
		before = camera->last;
		camera->last = gcl_memory_get(camera->latest->memory);
	}
	camera->latest = NULL;
	INIT_LIST_HEAD(&camera->pending);
	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		struct gcl_slot *slot = camera->slots[i];

		if (!slot || slot->state == GCL_SLOT_PRODUCER)
			continue;
		gcl_slot_drop_holds(camera, slot);
		if (slot->state != GCL_SLOT_PRODUCER)
			gcl_slot_return(slot, VB2_BUF_STATE_ERROR);
	}
	list_for_each_entry(reader, &camera->readers, list)
		if (!keep || !gcl_reader_shows(reader, camera->last))
			gcl_reader_end(reader);
	spin_unlock(&camera->lock);
	gcl_memory_put(before);
	gcl_unbound_forget(camera);
	if (keep)
		schedule_delayed_work(&camera->idle_work, 0);
	gcl_controls_changed(camera);
	gcl_source_changed(camera);
}
