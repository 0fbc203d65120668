// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* The CAPTURE node: any number of readers, each with a queue of its own. */
#include <linux/slab.h>
#include <linux/string.h>
#include "loopback.h"

static struct gcl_reader *gcl_reader_of(struct file *file)
{
	return container_of(gcl_fh(file), struct gcl_reader, fh);
}

/* The mode has changed, or the signal has come or gone: what readers know may be wrong now. */
void gcl_source_changed(struct gcl_camera *camera)
{
	static const struct v4l2_event event = {
		.type = V4L2_EVENT_SOURCE_CHANGE,
		.u.src_change.changes = V4L2_EVENT_SRC_CH_RESOLUTION,
	};

	v4l2_event_queue(&camera->capture, &event);
}

static int gcl_capture_querycap(struct file *file, void *priv, struct v4l2_capability *cap)
{
	struct gcl_camera *camera = video_drvdata(file);

	strscpy(cap->driver, GCL_SHORT, sizeof(cap->driver));
	strscpy(cap->card, camera->options.name, sizeof(cap->card));
	snprintf(cap->bus_info, sizeof(cap->bus_info), "platform:%s-%03u", GCL_DRIVER, camera->id);
	return 0;
}

/* There is what the producer gives, and nothing else: no format is converted here. */
static int gcl_capture_enum_fmt(struct file *file, void *priv, struct v4l2_fmtdesc *f)
{
	struct v4l2_pix_format pix = gcl_format_now(video_drvdata(file));

	if (f->index)
		return -EINVAL;
	f->pixelformat = pix.pixelformat;
	if (gcl_format_find(pix.pixelformat)->compressed)
		f->flags |= V4L2_FMT_FLAG_COMPRESSED;
	return 0;
}

static int gcl_capture_g_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	f->fmt.pix = gcl_format_now(video_drvdata(file));
	return 0;
}

static int gcl_capture_enum_framesizes(struct file *file, void *priv, struct v4l2_frmsizeenum *f)
{
	struct v4l2_pix_format pix = gcl_format_now(video_drvdata(file));

	if (f->index || f->pixel_format != pix.pixelformat)
		return -EINVAL;
	f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
	f->discrete.width = pix.width;
	f->discrete.height = pix.height;
	return 0;
}

static int gcl_capture_enum_intervals(struct file *file, void *priv, struct v4l2_frmivalenum *f)
{
	struct gcl_camera *camera = video_drvdata(file);
	struct v4l2_pix_format pix = gcl_format_now(camera);

	if (f->index || f->pixel_format != pix.pixelformat ||
	    f->width != pix.width || f->height != pix.height)
		return -EINVAL;
	f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
	spin_lock(&camera->lock);
	f->discrete = camera->interval;
	spin_unlock(&camera->lock);
	return 0;
}

/* For S_PARM too: the rate is the producer's. */
static int gcl_capture_g_parm(struct file *file, void *priv, struct v4l2_streamparm *parm)
{
	struct gcl_camera *camera = video_drvdata(file);

	if (parm->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
		return -EINVAL;
	memset(&parm->parm, 0, sizeof(parm->parm));
	parm->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	parm->parm.capture.readbuffers = 2;
	spin_lock(&camera->lock);
	parm->parm.capture.timeperframe = camera->interval;
	spin_unlock(&camera->lock);
	return 0;
}

static int gcl_capture_enum_input(struct file *file, void *priv, struct v4l2_input *input)
{
	struct gcl_camera *camera = video_drvdata(file);

	if (input->index)
		return -EINVAL;
	strscpy(input->name, "Producer", sizeof(input->name));
	input->type = V4L2_INPUT_TYPE_CAMERA;
	spin_lock(&camera->lock);
	input->status = camera->live ? 0 : V4L2_IN_ST_NO_SIGNAL;
	spin_unlock(&camera->lock);
	return 0;
}

static int gcl_capture_g_input(struct file *file, void *priv, unsigned int *index)
{
	*index = 0;
	return 0;
}

static int gcl_capture_s_input(struct file *file, void *priv, unsigned int index)
{
	return index ? -EINVAL : 0;
}

static int gcl_capture_subscribe(struct v4l2_fh *fh, const struct v4l2_event_subscription *sub)
{
	switch (sub->type) {
	case V4L2_EVENT_SOURCE_CHANGE:
		return v4l2_src_change_event_subscribe(fh, sub);
	case V4L2_EVENT_EOS:
		return v4l2_event_subscribe(fh, sub, 2, NULL);
	default:
		return v4l2_ctrl_subscribe_event(fh, sub);
	}
}

/*
 * A reader without buffers leaves its place to others. The last one takes the "no signal" picture
 * along: it is a dma-buf of this module, which could not be unloaded while it exists.
 */
static void gcl_reader_disown(struct gcl_reader *reader)
{
	struct gcl_camera *camera = reader->camera;
	struct gcl_memory *picture = NULL;

	if (!reader->owner || gcl_num_buffers(&reader->queue))
		return;
	spin_lock(&camera->lock);
	reader->owner = false;
	if (--camera->owners == 0) {
		picture = camera->picture;
		camera->picture = NULL;
	}
	spin_unlock(&camera->lock);
	gcl_memory_put(picture);
}

/*
 * A camera of one reader behaves to all others as a device that is in use, whatever they ask of
 * its queue. (One of many readers has a queue for each, where there is nothing to be busy with.)
 */
static bool gcl_is_taken(struct gcl_reader *reader)
{
	struct gcl_camera *camera = reader->camera;
	bool taken;

	spin_lock(&camera->lock);
	taken = camera->options.max_readers == 1 && camera->owners && !reader->owner;
	spin_unlock(&camera->lock);
	return taken;
}

/* An ioctl of the queue, under the reader's own lock. */
#define GCL_QUEUE_IOCTL(name, type, call)					\
static int gcl_capture_##name(struct file *file, void *priv, type arg)	\
{										\
	struct gcl_reader *reader = gcl_reader_of(file);			\
	int ret = -EBUSY;							\
										\
	if (mutex_lock_interruptible(&reader->lock))				\
		return -ERESTARTSYS;						\
	if (!gcl_is_taken(reader))						\
		ret = call;							\
	gcl_reader_disown(reader);						\
	mutex_unlock(&reader->lock);						\
	return ret;								\
}

static int gcl_reqbufs(struct gcl_reader *reader, struct v4l2_requestbuffers *p)
{
	int ret = vb2_reqbufs(&reader->queue, p);

	gcl_reader_unchoose(reader); /* where it failed half-way */
	return ret;
}

static int gcl_expbuf(struct gcl_reader *reader, struct v4l2_exportbuffer *p)
{
	/*
	 * The descriptor would have the producer's rights to the memory, which cannot be taken
	 * from it.
	 */
	if (reader->camera->options.flags & GUESTCAM_LOOPBACK_PROTECTED)
		return -EACCES;
	return vb2_expbuf(&reader->queue, p);
}

GCL_QUEUE_IOCTL(reqbufs, struct v4l2_requestbuffers *, gcl_reqbufs(reader, arg))
GCL_QUEUE_IOCTL(create_bufs, struct v4l2_create_buffers *, vb2_create_bufs(&reader->queue, arg))
GCL_QUEUE_IOCTL(prepare_buf, struct v4l2_buffer *, vb2_prepare_buf(&reader->queue, NULL, arg))
GCL_QUEUE_IOCTL(querybuf, struct v4l2_buffer *, vb2_querybuf(&reader->queue, arg))
GCL_QUEUE_IOCTL(qbuf, struct v4l2_buffer *, vb2_qbuf(&reader->queue, NULL, arg))
GCL_QUEUE_IOCTL(dqbuf, struct v4l2_buffer *,
		vb2_dqbuf(&reader->queue, arg, file->f_flags & O_NONBLOCK))
GCL_QUEUE_IOCTL(expbuf, struct v4l2_exportbuffer *, gcl_expbuf(reader, arg))
GCL_QUEUE_IOCTL(streamon, enum v4l2_buf_type, vb2_streamon(&reader->queue, arg))
GCL_QUEUE_IOCTL(streamoff, enum v4l2_buf_type, vb2_streamoff(&reader->queue, arg))

static ssize_t gcl_capture_read(struct file *file, char __user *data, size_t count, loff_t *pos)
{
	struct gcl_reader *reader = gcl_reader_of(file);
	ssize_t ret = -EBUSY;

	if (mutex_lock_interruptible(&reader->lock))
		return -ERESTARTSYS;
	if (!gcl_is_taken(reader))
		ret = vb2_read(&reader->queue, data, count, pos, file->f_flags & O_NONBLOCK);
	gcl_reader_disown(reader);
	mutex_unlock(&reader->lock);
	return ret;
}

static __poll_t gcl_capture_poll(struct file *file, poll_table *wait)
{
	struct gcl_reader *reader = gcl_reader_of(file);
	__poll_t ret;

	/* Polling without buffers starts read(), so it needs the lock, as the ioctls do. */
	if (mutex_lock_interruptible(&reader->lock))
		return EPOLLERR;
	ret = vb2_poll(&reader->queue, file, wait);
	gcl_reader_disown(reader);
	mutex_unlock(&reader->lock);
	return ret;
}

static int gcl_capture_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vb2_mmap(&gcl_reader_of(file)->queue, vma);
}

static int gcl_capture_open(struct file *file)
{
	struct gcl_camera *camera = video_drvdata(file);
	struct gcl_reader *reader;
	int ret = gcl_camera_get(camera);

	if (ret)
		return ret;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader) {
		ret = -ENOMEM;
		goto put;
	}
	reader->camera = camera;
	mutex_init(&reader->lock);
	INIT_LIST_HEAD(&reader->queued);
	ret = gcl_reader_queue_init(reader);
	if (ret)
		goto free;
	v4l2_fh_init(&reader->fh, &camera->capture);
	gcl_fh_add(&reader->fh, file);
	spin_lock(&camera->lock);
	list_add_tail(&reader->list, &camera->readers);
	spin_unlock(&camera->lock);
	return 0;

free:
	kfree(reader);
put:
	gcl_camera_put(camera);
	return ret;
}

static int gcl_capture_release(struct file *file)
{
	struct gcl_reader *reader = gcl_reader_of(file);
	struct gcl_camera *camera = reader->camera;

	mutex_lock(&reader->lock);
	vb2_queue_release(&reader->queue);
	gcl_reader_unchoose(reader);
	gcl_reader_disown(reader);
	mutex_unlock(&reader->lock);
	spin_lock(&camera->lock);
	list_del(&reader->list);
	spin_unlock(&camera->lock);
	gcl_fh_del(&reader->fh, file);
	v4l2_fh_exit(&reader->fh);
	mutex_destroy(&reader->lock);
	kfree(reader);
	gcl_camera_put(camera);
	return 0;
}

const struct v4l2_file_operations gcl_capture_fops = {
	.owner = THIS_MODULE,
	.open = gcl_capture_open,
	.release = gcl_capture_release,
	.read = gcl_capture_read,
	.poll = gcl_capture_poll,
	.mmap = gcl_capture_mmap,
	.unlocked_ioctl = video_ioctl2,
};

const struct v4l2_ioctl_ops gcl_capture_ioctls = {
	.vidioc_querycap = gcl_capture_querycap,
	.vidioc_enum_fmt_vid_cap = gcl_capture_enum_fmt,
	.vidioc_enum_framesizes = gcl_capture_enum_framesizes,
	.vidioc_enum_frameintervals = gcl_capture_enum_intervals,
	.vidioc_g_fmt_vid_cap = gcl_capture_g_fmt,
	.vidioc_try_fmt_vid_cap = gcl_capture_g_fmt,
	.vidioc_s_fmt_vid_cap = gcl_capture_g_fmt,
	.vidioc_g_parm = gcl_capture_g_parm,
	.vidioc_s_parm = gcl_capture_g_parm,
	.vidioc_enum_input = gcl_capture_enum_input,
	.vidioc_g_input = gcl_capture_g_input,
	.vidioc_s_input = gcl_capture_s_input,
	.vidioc_reqbufs = gcl_capture_reqbufs,
	.vidioc_create_bufs = gcl_capture_create_bufs,
	.vidioc_prepare_buf = gcl_capture_prepare_buf,
	.vidioc_querybuf = gcl_capture_querybuf,
	.vidioc_qbuf = gcl_capture_qbuf,
	.vidioc_dqbuf = gcl_capture_dqbuf,
	.vidioc_expbuf = gcl_capture_expbuf,
	.vidioc_streamon = gcl_capture_streamon,
	.vidioc_streamoff = gcl_capture_streamoff,
	.vidioc_log_status = v4l2_ctrl_log_status,
	.vidioc_subscribe_event = gcl_capture_subscribe,
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe,
};
