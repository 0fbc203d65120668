// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* The producer's queue: binds memory to slots, and hands frames on. */
#include <linux/dma-buf.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include "loopback.h"

/* write() has the producer's next picture, the one on show, and some for readers to hold. */
#define GCL_WRITE_BUFFERS 4

static int gcl_output_queue_setup(struct vb2_queue *queue, unsigned int *count,
				  unsigned int *planes, unsigned int sizes[],
				  struct device *alloc_devs[])
{
	struct gcl_camera *camera = queue->drv_priv;
	u32 size = gcl_format_now(camera).sizeimage;
	unsigned int slots = 0;

	if (*planes) {
		/* CREATE_BUFS. What is larger than a picture is of no use, and costs memory. */
		if (*planes != 1 || sizes[0] < size || sizes[0] / 2 > size + SZ_1M)
			return -EINVAL;
		slots = gcl_num_buffers(queue);
	} else {
		*planes = 1;
		sizes[0] = size;
		*count = clamp_t(unsigned int, *count,
				 vb2_fileio_is_active(queue) ? GCL_WRITE_BUFFERS : 2,
				 GCL_MAX_BUFFERS);
	}
	spin_lock(&camera->lock);
	camera->slot_count = slots + *count;
	spin_unlock(&camera->lock);
	return 0;
}

/* Memory was bound to a slot. */
static int gcl_output_buf_init(struct vb2_buffer *vb)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct gcl_slot *slot = to_slot(vb);

	spin_lock(&camera->lock);
	gcl_slot_bind(camera, slot, vb->planes[0].mem_priv);
	spin_unlock(&camera->lock);
	wake_up_interruptible_all(&camera->bound_wait);
	return 0;
}

/*
 * It is about to be taken away: vb2 has the slot, so nobody holds it; readers' buffers have
 * references of their own.
 */
static void gcl_output_buf_cleanup(struct vb2_buffer *vb)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct gcl_memory *displaced;

	spin_lock(&camera->lock);
	displaced = gcl_slot_unbind(camera, to_slot(vb));
	spin_unlock(&camera->lock);
	gcl_memory_put(displaced);
}

static int gcl_output_buf_validate(struct vb2_buffer *vb)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct vb2_v4l2_buffer *vbuf = to_vb2_v4l2_buffer(vb);

	if (vbuf->field == V4L2_FIELD_ANY)
		vbuf->field = gcl_format_now(camera).field;
	return 0;
}

/* Memory of the producer that readers cannot be shown is copied, in the producer's own time. */
static int gcl_output_copy(struct vb2_buffer *vb)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct gcl_memory *memory = vb->planes[0].mem_priv;
	unsigned long bytes = vb2_get_plane_payload(vb, 0);
	void *to;

	if (!memory->copied)
		return 0;
	to = gcl_memory_map(memory);
	if (!to)
		return -ENOMEM;
	if (copy_from_user(to, (void __user *)vb->planes[0].m.userptr, bytes))
		return -EFAULT;
	atomic64_add(bytes, &camera->copied);
	return 0;
}

static int gcl_output_buf_prepare(struct vb2_buffer *vb)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct v4l2_pix_format pix = gcl_format_now(camera);
	const struct gcl_format *format = gcl_format_find(pix.pixelformat);

	/* Readers speak the single-planar API, which has no word for an offset. */
	if (vb->planes[0].data_offset)
		return -EINVAL;
	if (vb2_plane_size(vb, 0) < pix.sizeimage)
		return -EINVAL;
	if (vb2_get_plane_payload(vb, 0) > vb2_plane_size(vb, 0))
		return -EINVAL;
	/* Only a compressed picture may be smaller than its memory. */
	if (!format->compressed || vb2_get_plane_payload(vb, 0) == 0)
		vb2_set_plane_payload(vb, 0, pix.sizeimage);
	if (vb2_fileio_is_active(vb->vb2_queue))
		atomic64_add(vb2_get_plane_payload(vb, 0), &camera->copied);
	return gcl_output_copy(vb);
}

static void gcl_output_buf_queue(struct vb2_buffer *vb)
{
	gcl_slot_queue(vb->vb2_queue->drv_priv, to_slot(vb));
}

static int gcl_output_start_streaming(struct vb2_queue *queue, unsigned int count)
{
	gcl_producer_start(queue->drv_priv);
	return 0;
}

static void gcl_output_stop_streaming(struct vb2_queue *queue)
{
	gcl_producer_stop(queue->drv_priv);
}

static const struct vb2_ops gcl_output_queue_ops = {
	.queue_setup = gcl_output_queue_setup,
	.buf_init = gcl_output_buf_init,
	.buf_cleanup = gcl_output_buf_cleanup,
	.buf_out_validate = gcl_output_buf_validate,
	.buf_prepare = gcl_output_buf_prepare,
	.buf_queue = gcl_output_buf_queue,
	.start_streaming = gcl_output_start_streaming,
	.stop_streaming = gcl_output_stop_streaming,
	GCL_WAIT_OPS
};

int gcl_output_queue_init(struct gcl_camera *camera)
{
	struct vb2_queue *queue = &camera->queue;

	queue->type = camera->options.flags & GUESTCAM_LOOPBACK_MULTIPLANAR ?
		      V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
	queue->io_modes = VB2_MMAP | VB2_USERPTR | VB2_DMABUF | VB2_WRITE;
	queue->dev = gcl_parent;
	queue->lock = &camera->output_lock;
	queue->ops = &gcl_output_queue_ops;
	queue->mem_ops = &gcl_output_memops;
	queue->drv_priv = camera;
	queue->buf_struct_size = sizeof(struct gcl_slot);
	queue->timestamp_flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
	return vb2_queue_init(queue);
}
