// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * What readers see while nobody produces: the "no signal" picture, which is one memory for all
 * readers and all their buffers, or the last frame.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/string.h>
#include "loopback.h"

#define GCL_DARK 0x28
#define GCL_NEUTRAL 0x80

/* Dark grey, in every format. */
static void gcl_paint(const struct v4l2_pix_format *pix, u8 *pixels, size_t size)
{
	const struct gcl_format *format = gcl_format_find(pix->pixelformat);
	size_t first = min_t(size_t, size, (size_t)pix->bytesperline * pix->height);

	if (format->compressed)
		return;
	switch (pix->pixelformat) {
	case V4L2_PIX_FMT_YUYV:
	case V4L2_PIX_FMT_YVYU:
		memset16((u16 *)pixels, GCL_DARK | GCL_NEUTRAL << 8, first / 2);
		break;
	case V4L2_PIX_FMT_UYVY:
	case V4L2_PIX_FMT_VYUY:
		memset16((u16 *)pixels, GCL_NEUTRAL | GCL_DARK << 8, first / 2);
		break;
	default:
		memset(pixels, GCL_DARK, first);
	}
	memset(pixels + first, GCL_NEUTRAL, size - first);
}

/* What readers are shown while there is no producer, or NULL. camera->lock is held. */
struct gcl_memory *gcl_idle_shown(struct gcl_camera *camera)
{
	if (camera->live || camera->options.idle == GUESTCAM_LOOPBACK_IDLE_NONE)
		return NULL;
	if (camera->options.idle == GUESTCAM_LOOPBACK_IDLE_LAST && camera->last)
		return camera->last;
	return camera->picture;
}

/* One for all readers, made when the first needs it, and anew when one needs a larger one. */
static struct gcl_memory *gcl_picture(struct gcl_camera *camera, size_t size)
{
	struct gcl_memory *memory = NULL, *before = NULL;
	struct v4l2_pix_format pix;
	u8 *pixels;

	mutex_lock(&camera->idle_lock);
	spin_lock(&camera->lock);
	pix = camera->format;
	if (camera->picture && camera->picture->dmabuf->size >= PAGE_ALIGN(size))
		memory = gcl_memory_get(camera->picture);
	spin_unlock(&camera->lock);
	if (memory)
		goto unlock;

	memory = gcl_memory_alloc(size);
	if (IS_ERR(memory))
		goto unlock;
	pixels = gcl_memory_map(memory);
	if (pixels)
		gcl_paint(&pix, pixels, size);
	spin_lock(&camera->lock);
	before = camera->picture;
	camera->picture = gcl_memory_get(memory);
	spin_unlock(&camera->lock);
unlock:
	mutex_unlock(&camera->idle_lock);
	gcl_memory_put(before);
	return memory;
}

/* What a buffer beyond those of REQBUFS shows, and all buffers where there is no producer. */
static struct gcl_memory *gcl_spare_memory(struct gcl_camera *camera, unsigned int index)
{
	struct gcl_memory *bound[GCL_MAX_BUFFERS], *memory;
	unsigned int count = 0, i;

	spin_lock(&camera->lock);
	for (i = 0; i < GCL_MAX_BUFFERS; i++)
		if (camera->slots[i])
			bound[count++] = camera->slots[i]->memory;
	memory = count ? bound[index % count] : gcl_idle_shown(camera);
	if (memory)
		gcl_memory_get(memory);
	spin_unlock(&camera->lock);
	return memory;
}

/*
 * The memory of a reader's new buffer, which the caller owns: what was chosen for it, another
 * slot's (a reader may create more buffers than there are slots), or the idle picture.
 */
struct gcl_memory *gcl_reader_memory(struct gcl_reader *reader, unsigned int index, size_t size)
{
	struct gcl_camera *camera = reader->camera;
	struct gcl_memory *memory = reader->chosen[index];

	reader->chosen[index] = NULL;
	if (!memory)
		memory = gcl_spare_memory(camera, index);
	/* A buffer of CREATE_BUFS may be larger than any frame; it is valid, and never filled. */
	if (memory && memory->dmabuf->size < PAGE_ALIGN(size)) {
		gcl_memory_put(memory);
		memory = NULL;
	}
	if (!memory)
		memory = gcl_picture(camera, size);
	if (!IS_ERR(memory) && (camera->options.flags & GUESTCAM_LOOPBACK_PROTECTED))
		memory->read_only = true;
	return memory;
}

static void gcl_idle_give(struct gcl_camera *camera, struct gcl_reader *reader,
			  struct gcl_memory *shown)
{
	struct gcl_reader_buffer *buffer;
	u32 bytes;

	if (!reader->streaming || reader->ending)
		return;
	list_for_each_entry(buffer, &reader->queued, queued) {
		if (gcl_buffer_memory(&buffer->vb)->dmabuf != shown->dmabuf)
			continue;
		bytes = min_t(u32, camera->format.sizeimage,
			      vb2_plane_size(&buffer->vb.vb2_buf, 0));
		gcl_reader_give(reader, buffer, camera->serial, ktime_get_ns(), bytes,
				camera->format.field);
		return;
	}
}

/* A frame's time in jiffies. camera->lock is held. */
unsigned long gcl_idle_interval(const struct gcl_camera *camera)
{
	u64 interval = (u64)camera->interval.numerator * HZ;

	do_div(interval, camera->interval.denominator);
	return clamp_t(u64, interval, 1, HZ);
}

/*
 * Shows the idle picture at the frame rate, for as long as there are readers and there is no
 * producer.
 */
void gcl_idle_work(struct work_struct *work)
{
	struct gcl_camera *camera =
		container_of(to_delayed_work(work), struct gcl_camera, idle_work);
	struct gcl_memory *shown;
	struct gcl_reader *reader;
	unsigned long interval = 0;

	spin_lock(&camera->lock);
	shown = gcl_idle_shown(camera);
	if (shown && camera->streaming) {
		camera->serial++;
		list_for_each_entry(reader, &camera->readers, list)
			gcl_idle_give(camera, reader, shown);
		interval = gcl_idle_interval(camera);
	}
	spin_unlock(&camera->lock);
	if (interval)
		schedule_delayed_work(&camera->idle_work, interval);
}
