// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * What readers get, and what they keep. All of it runs under camera->lock.
 *
 * A frame is given to a reader in one of the reader's queued buffers that shows the frame's
 * memory: in the buffer of the slot's own index if that is one, else in another, since a producer
 * may queue one dma-buf in several slots, or in another slot than before. A reader never gets a
 * frame in a buffer that shows anything else.
 */
#include "loopback.h"

static struct gcl_reader_buffer *gcl_reader_find(struct gcl_reader *reader, struct gcl_slot *slot)
{
	struct gcl_reader_buffer *buffer, *found = NULL;

	list_for_each_entry(buffer, &reader->queued, queued) {
		if (gcl_buffer_memory(&buffer->vb)->dmabuf != slot->memory->dmabuf)
			continue;
		found = buffer;
		if (buffer->vb.vb2_buf.index == slot->vb.vb2_buf.index)
			break;
	}
	return found;
}

/*
 * A frame came in memory that no buffer of the reader shows: the producer bound it after the
 * reader's REQBUFS. The reader hears of it, once, and goes on with the buffers that are still the
 * producer's. If none is, it would wait for ever: its stream ends.
 */
static void gcl_reader_lacks(struct gcl_reader *reader, struct gcl_slot *slot)
{
	static const struct v4l2_event event = {
		.type = V4L2_EVENT_SOURCE_CHANGE,
		.u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION,
	};
	bool current_ones = false;
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		struct gcl_memory *memory;

		if (!reader->buffers[i])
			continue;
		memory = gcl_buffer_memory(&reader->buffers[i]->vb);
		if (memory->dmabuf == slot->memory->dmabuf)
			return; /* it does show it, and is only busy with it */
		current_ones = current_ones || gcl_memory_may_come(reader->camera, memory->dmabuf);
	}
	if (!reader->told)
		v4l2_event_queue_fh(&reader->fh, &event);
	reader->told = true;
	if (!current_ones)
		gcl_reader_end(reader);
}

/* Two are the least that a producer needs besides: one is the latest, into one it draws. */
static unsigned int gcl_reader_quota(struct gcl_camera *camera)
{
	return camera->slot_count > 3 ? camera->slot_count - 2 : 1;
}

static bool gcl_reader_may_hold(struct gcl_reader *reader)
{
	return (reader->camera->options.flags & GUESTCAM_LOOPBACK_LOSSLESS) ||
	       reader->held < gcl_reader_quota(reader->camera);
}

/*
 * V4L2 counts a reader's frames from its STREAMON on. A frame that the reader missed counts too:
 * that is how it shows.
 */
void gcl_reader_give(struct gcl_reader *reader, struct gcl_reader_buffer *buffer, u64 serial,
		     u64 timestamp, u32 bytes, u32 field)
{
	struct vb2_buffer *vb = &buffer->vb.vb2_buf;

	list_del(&buffer->queued);
	buffer->done = true;
	buffer->revoked = false;
	reader->undequeued++;
	if (!reader->first_serial)
		reader->first_serial = serial;
	buffer->vb.sequence = serial - reader->first_serial;
	buffer->vb.field = field;
	vb->timestamp = timestamp;
	vb2_set_plane_payload(vb, 0, bytes);
	vb2_buffer_done(vb, VB2_BUF_STATE_DONE);
}

/* Gives a reader the latest frame, unless it has had it or cannot take it now. */
void gcl_reader_offer(struct gcl_reader *reader, struct gcl_slot *slot)
{
	struct gcl_reader_buffer *buffer;
	struct vb2_buffer *frame = &slot->vb.vb2_buf;
	u32 bytes;

	if (!reader->streaming || reader->ending || reader->last_serial == slot->serial)
		return;
	buffer = gcl_reader_find(reader, slot);
	if (!buffer) {
		gcl_reader_lacks(reader, slot);
		return;
	}
	if (!gcl_reader_may_hold(reader))
		return;
	if (reader->last_serial)
		reader->camera->dropped += slot->serial - reader->last_serial - 1;
	reader->last_serial = slot->serial;
	buffer->slot = slot;
	slot->holds++;
	reader->held++;
	bytes = min_t(u32, vb2_get_plane_payload(frame, 0), vb2_plane_size(&buffer->vb.vb2_buf, 0));
	gcl_reader_give(reader, buffer, slot->serial, frame->timestamp, bytes, slot->vb.field);
}

/* Whether a lossless camera may show a frame: not while a reader would miss it. */
bool gcl_reader_ready(struct gcl_reader *reader, struct gcl_slot *slot)
{
	unsigned int i;

	if (!reader->streaming || reader->ending || gcl_reader_find(reader, slot))
		return true;
	/* A reader that cannot be shown this memory at all is not waited for. */
	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (reader->buffers[i] && gcl_buffer_memory(&reader->buffers[i]->vb)->dmabuf ==
					  slot->memory->dmabuf)
			return false;
	return true;
}

void gcl_reader_release(struct gcl_reader *reader, struct gcl_reader_buffer *buffer)
{
	struct gcl_slot *slot = buffer->slot;

	if (!slot)
		return;
	buffer->slot = NULL;
	reader->held--;
	gcl_slot_unhold(reader->camera, slot);
}

/*
 * QBUF: the reader wants to be given this buffer again. It gets the latest frame at once if it
 * missed that.
 */
void gcl_reader_queue(struct gcl_reader *reader, struct gcl_reader_buffer *buffer)
{
	struct gcl_camera *camera = reader->camera;

	gcl_reader_release(reader, buffer);
	list_add_tail(&buffer->queued, &reader->queued);
	if (camera->latest)
		gcl_reader_offer(reader, camera->latest);
	gcl_pump(camera);
}

/*
 * The reader's stream is over: no further frame can come in the buffers that it has. Those that
 * it has not dequeued yet it still gets, then DQBUF says EIO and poll says EPOLLERR until
 * STREAMOFF, which is how V4L2 reports that a signal was lost.
 */
void gcl_reader_end(struct gcl_reader *reader)
{
	static const struct v4l2_event event = { .type = V4L2_EVENT_EOS };

	if (!reader->streaming || reader->ending)
		return;
	reader->ending = true;
	v4l2_event_queue_fh(&reader->fh, &event);
	if (reader->undequeued == 0)
		vb2_queue_error(&reader->queue);
}

/* A given buffer was dequeued, or its queue cancelled. */
void gcl_reader_finished(struct gcl_reader *reader, struct gcl_reader_buffer *buffer)
{
	if (!buffer->done)
		return;
	buffer->done = false;
	/*
	 * The memory may show a newer picture by now, and must not pass for the one that it was
	 * given for.
	 */
	if (buffer->revoked)
		buffer->vb.vb2_buf.state = VB2_BUF_STATE_ERROR;
	if (--reader->undequeued == 0 && reader->ending && reader->streaming)
		vb2_queue_error(&reader->queue);
}

/* Takes a slot from all readers that hold it. */
void gcl_slot_drop_holds(struct gcl_camera *camera, struct gcl_slot *slot)
{
	struct gcl_reader *reader;
	unsigned int i;

	list_for_each_entry(reader, &camera->readers, list) {
		for (i = 0; i < GCL_MAX_BUFFERS && slot->holds; i++) {
			struct gcl_reader_buffer *buffer = reader->buffers[i];

			if (!buffer || buffer->slot != slot)
				continue;
			buffer->revoked = buffer->done && camera->live;
			gcl_reader_release(reader, buffer);
		}
	}
}

/*
 * No reader can keep the producer waiting for ever: one that has held a frame for too long after
 * a newer one came (it is stopped, or hangs, or means harm) loses its hold. It still maps the
 * memory, and may see it change.
 */
void gcl_revoke_work(struct work_struct *work)
{
	struct gcl_camera *camera =
		container_of(to_delayed_work(work), struct gcl_camera, revoke_work);
	unsigned long timeout = msecs_to_jiffies(camera->options.reader_timeout_ms);
	unsigned long next = 0, now = jiffies;
	unsigned int i;

	spin_lock(&camera->lock);
	for (i = 0; i < GCL_MAX_BUFFERS; i++) {
		struct gcl_slot *slot = camera->slots[i];
		unsigned long held;

		if (!slot || slot->state != GCL_SLOT_SHOWN || slot == camera->latest)
			continue;
		held = now - slot->replaced_at;
		if (held >= timeout) {
			camera->revoked += slot->holds;
			gcl_slot_drop_holds(camera, slot);
		} else {
			next = next ? min(next, timeout - held) : timeout - held;
		}
	}
	spin_unlock(&camera->lock);
	if (next)
		schedule_delayed_work(&camera->revoke_work, next + 1);
	gcl_controls_changed(camera);
}
