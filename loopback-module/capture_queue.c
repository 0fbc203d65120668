// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* A reader's queue: one for each open file, whose buffers are the slots' memory. */
#include <linux/sizes.h>
#include <linux/wait.h>
#include "loopback.h"

/*
 * How long a reader waits for a producer that has begun, to know all of its memory: since the
 * last new piece; for the first one; and for a producer that goes on binding new ones.
 */
#define GCL_SETTLE (HZ / 4)
#define GCL_FIRST (HZ / 2)
#define GCL_LEARN HZ

static bool gcl_is_settled(struct gcl_camera *camera)
{
	bool settled;

	spin_lock(&camera->lock);
	settled = !vb2_is_busy(&camera->queue) ||
		  (camera->bound_count >= camera->slot_count && !camera->learning) ||
		  (camera->bound_count && time_after(jiffies, camera->bound_at + GCL_SETTLE));
	spin_unlock(&camera->lock);
	return settled;
}

/*
 * A producer of dma-bufs binds its memory one by one, with its first frames. A reader that asks
 * for buffers in the middle of that would know some of them only, and miss the frames in the
 * others.
 */
static int gcl_wait_settled(struct gcl_camera *camera)
{
	unsigned long begin = jiffies, most = GCL_FIRST;
	long ret;

	while (!gcl_is_settled(camera) && time_before(jiffies, begin + most)) {
		if (READ_ONCE(camera->learning))
			most = GCL_LEARN;
		/* In small steps, since it is time that settles it. */
		ret = wait_event_interruptible_timeout(camera->bound_wait, gcl_is_settled(camera),
						       HZ / 20 + 1);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int gcl_reader_own(struct gcl_reader *reader)
{
	struct gcl_camera *camera = reader->camera;
	int ret = 0;

	spin_lock(&camera->lock);
	if (!reader->owner) {
		if (camera->owners >= camera->options.max_readers) {
			ret = -EBUSY;
		} else {
			camera->owners++;
			reader->owner = true;
		}
	}
	if (!gcl_num_buffers(&reader->queue))
		reader->told = false;
	spin_unlock(&camera->lock);
	return ret;
}

static int gcl_reader_queue_setup(struct vb2_queue *queue, unsigned int *count,
				  unsigned int *planes, unsigned int sizes[],
				  struct device *alloc_devs[])
{
	struct gcl_reader *reader = queue->drv_priv;
	struct gcl_camera *camera = reader->camera;
	u32 size = gcl_format_now(camera).sizeimage;
	unsigned int chosen;
	int ret;

	if (*planes) {
		/* CREATE_BUFS. What is larger than a frame is of no use, and costs memory. */
		if (*planes != 1 || sizes[0] < size || sizes[0] / 2 > size + SZ_1M)
			return -EINVAL;
		return gcl_reader_own(reader);
	}
	ret = gcl_reader_own(reader);
	if (ret)
		return ret;
	ret = gcl_wait_settled(camera);
	if (ret)
		return ret;
	*planes = 1;
	sizes[0] = gcl_format_now(camera).sizeimage;
	/* As many as the producer has: with fewer, frames in the others would be lost. */
	chosen = gcl_reader_choose(reader);
	if (chosen)
		*count = chosen;
	*count = clamp_t(unsigned int, *count, 1, GCL_MAX_BUFFERS);
	return 0;
}

static int gcl_reader_buf_init(struct vb2_buffer *vb)
{
	struct gcl_reader *reader = vb->vb2_queue->drv_priv;
	struct gcl_camera *camera = reader->camera;

	spin_lock(&camera->lock);
	reader->buffers[vb->index] = to_reader_buffer(vb);
	spin_unlock(&camera->lock);
	return 0;
}

static void gcl_reader_end_access(struct gcl_reader_buffer *buffer)
{
	if (buffer->cpu_access)
		gcl_memory_end_read(gcl_buffer_memory(&buffer->vb));
	buffer->cpu_access = false;
}

static void gcl_reader_buf_cleanup(struct vb2_buffer *vb)
{
	struct gcl_reader *reader = vb->vb2_queue->drv_priv;
	struct gcl_camera *camera = reader->camera;
	struct gcl_reader_buffer *buffer = to_reader_buffer(vb);

	spin_lock(&camera->lock);
	gcl_reader_release(reader, buffer);
	reader->buffers[vb->index] = NULL;
	gcl_pump(camera);
	spin_unlock(&camera->lock);
	gcl_reader_end_access(buffer);
}

static int gcl_reader_buf_prepare(struct vb2_buffer *vb)
{
	gcl_reader_end_access(to_reader_buffer(vb));
	return 0;
}

static void gcl_reader_buf_queue(struct vb2_buffer *vb)
{
	struct gcl_reader *reader = vb->vb2_queue->drv_priv;
	struct gcl_camera *camera = reader->camera;

	spin_lock(&camera->lock);
	gcl_reader_queue(reader, to_reader_buffer(vb));
	spin_unlock(&camera->lock);
}

/* DQBUF, or a queue that is cancelled with buffers in it. */
static void gcl_reader_buf_finish(struct vb2_buffer *vb)
{
	struct gcl_reader *reader = vb->vb2_queue->drv_priv;
	struct gcl_camera *camera = reader->camera;
	struct gcl_reader_buffer *buffer = to_reader_buffer(vb);
	bool dequeued;

	spin_lock(&camera->lock);
	dequeued = buffer->done && reader->streaming;
	gcl_reader_finished(reader, buffer);
	spin_unlock(&camera->lock);
	if (!dequeued)
		return;
	/* From here until QBUF the reader's CPU may look at it. */
	buffer->cpu_access = gcl_memory_begin_read(gcl_buffer_memory(&buffer->vb)) == 0;
	if (vb2_fileio_is_active(vb->vb2_queue)) {
		atomic64_add(vb2_get_plane_payload(vb, 0), &camera->copied);
		gcl_controls_changed(camera);
	}
}

/* Whether any of the reader's buffers can be filled by the producer. */
static bool gcl_reader_is_current(struct gcl_reader *reader)
{
	unsigned int i;

	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (reader->buffers[i] &&
		    gcl_memory_may_come(reader->camera,
					gcl_buffer_memory(&reader->buffers[i]->vb)->dmabuf))
			return true;
	return false;
}

static void gcl_reader_return_queued(struct gcl_reader *reader, enum vb2_buffer_state state)
{
	struct gcl_reader_buffer *buffer, *next;

	list_for_each_entry_safe(buffer, next, &reader->queued, queued) {
		list_del(&buffer->queued);
		vb2_buffer_done(&buffer->vb.vb2_buf, state);
	}
}

static int gcl_reader_start_streaming(struct vb2_queue *queue, unsigned int count)
{
	struct gcl_reader *reader = queue->drv_priv;
	struct gcl_camera *camera = reader->camera;
	int ret = 0;

	spin_lock(&camera->lock);
	/*
	 * Without a signal a stream may start, and waits. With one, buffers of another one are of
	 * no use.
	 */
	if (camera->live && !gcl_reader_is_current(reader)) {
		ret = -EPIPE;
		gcl_reader_return_queued(reader, VB2_BUF_STATE_QUEUED);
		goto unlock;
	}
	reader->first_serial = 0;
	reader->last_serial = 0;
	reader->undequeued = 0;
	reader->ending = false;
	reader->streaming = true;
	camera->streaming++;
	if (camera->latest)
		gcl_reader_offer(reader, camera->latest);
	else if (!camera->live)
		/* Not at once: a read that does not wait is to say the same each time. */
		schedule_delayed_work(&camera->idle_work, gcl_idle_interval(camera));
unlock:
	spin_unlock(&camera->lock);
	gcl_controls_changed(camera);
	return ret;
}

/* STREAMOFF, close and death of a reader: all that it held goes back. */
static void gcl_reader_stop_streaming(struct vb2_queue *queue)
{
	struct gcl_reader *reader = queue->drv_priv;
	struct gcl_camera *camera = reader->camera;
	unsigned int i;

	spin_lock(&camera->lock);
	reader->streaming = false;
	camera->streaming--;
	gcl_reader_return_queued(reader, VB2_BUF_STATE_ERROR);
	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (reader->buffers[i])
			gcl_reader_release(reader, reader->buffers[i]);
	gcl_pump(camera);
	spin_unlock(&camera->lock);
	gcl_controls_changed(camera);
}

static const struct vb2_ops gcl_reader_queue_ops = {
	.queue_setup = gcl_reader_queue_setup,
	.buf_init = gcl_reader_buf_init,
	.buf_cleanup = gcl_reader_buf_cleanup,
	.buf_prepare = gcl_reader_buf_prepare,
	.buf_queue = gcl_reader_buf_queue,
	.buf_finish = gcl_reader_buf_finish,
	.start_streaming = gcl_reader_start_streaming,
	.stop_streaming = gcl_reader_stop_streaming,
	GCL_WAIT_OPS
};

int gcl_reader_queue_init(struct gcl_reader *reader)
{
	struct vb2_queue *queue = &reader->queue;

	queue->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	queue->io_modes = VB2_MMAP | VB2_READ;
	queue->dev = gcl_parent;
	queue->lock = &reader->lock;
	queue->ops = &gcl_reader_queue_ops;
	queue->mem_ops = &gcl_capture_memops;
	queue->drv_priv = reader;
	queue->buf_struct_size = sizeof(struct gcl_reader_buffer);
	queue->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
	return vb2_queue_init(queue);
}
