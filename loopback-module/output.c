// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* The OUTPUT node: what a producer asks and sets. */
#include <linux/string.h>
#include "loopback.h"

static struct gcl_camera *gcl_of(struct file *file)
{
	return video_drvdata(file);
}

static int gcl_output_querycap(struct file *file, void *priv, struct v4l2_capability *cap)
{
	struct gcl_camera *camera = gcl_of(file);

	strscpy(cap->driver, GCL_SHORT, sizeof(cap->driver));
	strscpy(cap->card, camera->options.name, sizeof(cap->card));
	snprintf(cap->bus_info, sizeof(cap->bus_info), "platform:%s-%03u", GCL_DRIVER, camera->id);
	return 0;
}

static int gcl_output_enum_fmt(struct file *file, void *priv, struct v4l2_fmtdesc *f)
{
	const struct gcl_format *format = gcl_format_at(f->index);

	if (!format)
		return -EINVAL;
	f->pixelformat = format->fourcc;
	if (format->compressed)
		f->flags |= V4L2_FMT_FLAG_COMPRESSED;
	return 0;
}

static int gcl_output_enum_framesizes(struct file *file, void *priv, struct v4l2_frmsizeenum *f)
{
	struct gcl_camera *camera = gcl_of(file);

	if (f->index || !gcl_format_find(f->pixel_format))
		return -EINVAL;
	f->type = V4L2_FRMSIZE_TYPE_CONTINUOUS;
	f->stepwise = (struct v4l2_frmsize_stepwise){
		.min_width = 1, .max_width = camera->options.max_width, .step_width = 1,
		.min_height = 1, .max_height = camera->options.max_height, .step_height = 1,
	};
	return 0;
}

static int gcl_output_enum_intervals(struct file *file, void *priv, struct v4l2_frmivalenum *f)
{
	struct gcl_camera *camera = gcl_of(file);

	if (f->index || !gcl_format_find(f->pixel_format) || !f->width || !f->height ||
	    f->width > camera->options.max_width || f->height > camera->options.max_height)
		return -EINVAL;
	f->type = V4L2_FRMIVAL_TYPE_CONTINUOUS;
	f->stepwise = (struct v4l2_frmival_stepwise){
		.min = { 1, GCL_RATE_MAX }, .max = { 1, 1 }, .step = { 1, 1 },
	};
	return 0;
}

/* The multi-planar structure for the one plane of memory that there is, and back. */
static void gcl_to_planar(const struct v4l2_pix_format *pix, struct v4l2_pix_format_mplane *mp)
{
	struct v4l2_pix_format from = *pix; /* both may be in one union */

	memset(mp, 0, sizeof(*mp));
	mp->width = from.width;
	mp->height = from.height;
	mp->pixelformat = from.pixelformat;
	mp->field = from.field;
	mp->colorspace = from.colorspace;
	mp->ycbcr_enc = from.ycbcr_enc;
	mp->quantization = from.quantization;
	mp->xfer_func = from.xfer_func;
	mp->num_planes = 1;
	mp->plane_fmt[0].bytesperline = from.bytesperline;
	mp->plane_fmt[0].sizeimage = from.sizeimage;
}

static void gcl_from_planar(const struct v4l2_pix_format_mplane *mp, struct v4l2_pix_format *pix)
{
	*pix = (struct v4l2_pix_format){
		.width = mp->width,
		.height = mp->height,
		.pixelformat = mp->pixelformat,
		.field = mp->field,
		.colorspace = mp->colorspace,
		.ycbcr_enc = mp->ycbcr_enc,
		.quantization = mp->quantization,
		.xfer_func = mp->xfer_func,
		.bytesperline = mp->plane_fmt[0].bytesperline,
		.sizeimage = mp->plane_fmt[0].sizeimage,
	};
}

static void gcl_give_format(const struct v4l2_pix_format *pix, struct v4l2_format *f)
{
	if (V4L2_TYPE_IS_MULTIPLANAR(f->type))
		gcl_to_planar(pix, &f->fmt.pix_mp);
	else
		f->fmt.pix = *pix;
}

static void gcl_fit(struct gcl_camera *camera, struct v4l2_format *f, struct v4l2_pix_format *pix)
{
	if (V4L2_TYPE_IS_MULTIPLANAR(f->type))
		gcl_from_planar(&f->fmt.pix_mp, pix);
	else
		*pix = f->fmt.pix;
	gcl_format_fit(camera, pix);
	gcl_give_format(pix, f);
}

static int gcl_output_g_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct v4l2_pix_format pix = gcl_format_now(gcl_of(file));

	gcl_give_format(&pix, f);
	return 0;
}

static int gcl_output_try_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct v4l2_pix_format pix;

	gcl_fit(gcl_of(file), f, &pix);
	return 0;
}

static int gcl_output_s_fmt(struct file *file, void *priv, struct v4l2_format *f)
{
	struct gcl_camera *camera = gcl_of(file);
	struct v4l2_pix_format pix;
	bool changed;

	if (vb2_is_busy(&camera->queue))
		return -EBUSY;
	gcl_fit(camera, f, &pix);
	spin_lock(&camera->lock);
	changed = memcmp(&camera->format, &pix, sizeof(pix)) != 0;
	camera->format = pix;
	spin_unlock(&camera->lock);
	if (changed)
		gcl_source_changed(camera);
	return 0;
}

static int gcl_output_g_parm(struct file *file, void *priv, struct v4l2_streamparm *parm)
{
	struct gcl_camera *camera = gcl_of(file);

	if (parm->type != camera->queue.type)
		return -EINVAL;
	memset(&parm->parm, 0, sizeof(parm->parm));
	parm->parm.output.capability = V4L2_CAP_TIMEPERFRAME;
	parm->parm.output.writebuffers = 2;
	spin_lock(&camera->lock);
	parm->parm.output.timeperframe = camera->interval;
	spin_unlock(&camera->lock);
	return 0;
}

static int gcl_output_s_parm(struct file *file, void *priv, struct v4l2_streamparm *parm)
{
	struct gcl_camera *camera = gcl_of(file);
	struct v4l2_fract interval = parm->parm.output.timeperframe;

	if (parm->type != camera->queue.type)
		return -EINVAL;
	/* Zero asks for the default; what is outside of the range gets its nearest end. */
	if (!interval.numerator || !interval.denominator)
		interval = (struct v4l2_fract){ 1, GCL_RATE_DEFAULT };
	else if (interval.denominator > (u64)interval.numerator * GCL_RATE_MAX)
		interval = (struct v4l2_fract){ 1, GCL_RATE_MAX };
	else if (interval.numerator > interval.denominator)
		interval = (struct v4l2_fract){ 1, 1 };
	spin_lock(&camera->lock);
	camera->interval = interval;
	spin_unlock(&camera->lock);
	return gcl_output_g_parm(file, priv, parm);
}

static int gcl_output_enum_output(struct file *file, void *priv, struct v4l2_output *output)
{
	if (output->index)
		return -EINVAL;
	strscpy(output->name, "Readers", sizeof(output->name));
	output->type = V4L2_OUTPUT_TYPE_ANALOG;
	return 0;
}

static int gcl_output_g_output(struct file *file, void *priv, unsigned int *index)
{
	*index = 0;
	return 0;
}

static int gcl_output_s_output(struct file *file, void *priv, unsigned int index)
{
	return index ? -EINVAL : 0;
}

static int gcl_output_open(struct file *file)
{
	struct gcl_camera *camera = gcl_of(file);
	int ret = gcl_camera_get(camera);

	if (ret)
		return ret;
	ret = v4l2_fh_open(file);
	if (ret)
		gcl_camera_put(camera);
	return ret;
}

static int gcl_output_release(struct file *file)
{
	struct gcl_camera *camera = gcl_of(file);
	int ret = vb2_fop_release(file);

	gcl_camera_put(camera);
	return ret;
}

const struct v4l2_file_operations gcl_output_fops = {
	.owner = THIS_MODULE,
	.open = gcl_output_open,
	.release = gcl_output_release,
	.write = vb2_fop_write,
	.poll = vb2_fop_poll,
	.mmap = vb2_fop_mmap,
	.unlocked_ioctl = video_ioctl2,
};

#define GCL_OUTPUT_IOCTLS							\
	.vidioc_querycap = gcl_output_querycap,					\
	.vidioc_enum_fmt_vid_out = gcl_output_enum_fmt,				\
	.vidioc_enum_framesizes = gcl_output_enum_framesizes,			\
	.vidioc_enum_frameintervals = gcl_output_enum_intervals,		\
	.vidioc_g_parm = gcl_output_g_parm,					\
	.vidioc_s_parm = gcl_output_s_parm,					\
	.vidioc_enum_output = gcl_output_enum_output,				\
	.vidioc_g_output = gcl_output_g_output,					\
	.vidioc_s_output = gcl_output_s_output,					\
	.vidioc_reqbufs = vb2_ioctl_reqbufs,					\
	.vidioc_create_bufs = vb2_ioctl_create_bufs,				\
	.vidioc_prepare_buf = vb2_ioctl_prepare_buf,				\
	.vidioc_querybuf = vb2_ioctl_querybuf,					\
	.vidioc_qbuf = vb2_ioctl_qbuf,						\
	.vidioc_dqbuf = vb2_ioctl_dqbuf,					\
	.vidioc_expbuf = vb2_ioctl_expbuf,					\
	.vidioc_streamon = vb2_ioctl_streamon,					\
	.vidioc_streamoff = vb2_ioctl_streamoff,				\
	.vidioc_log_status = v4l2_ctrl_log_status,				\
	.vidioc_subscribe_event = v4l2_ctrl_subscribe_event,			\
	.vidioc_unsubscribe_event = v4l2_event_unsubscribe

/*
 * A node speaks one of the two APIs: with the operations of both, the core would let both
 * through.
 */
const struct v4l2_ioctl_ops gcl_output_ioctls = {
	GCL_OUTPUT_IOCTLS,
	.vidioc_g_fmt_vid_out = gcl_output_g_fmt,
	.vidioc_try_fmt_vid_out = gcl_output_try_fmt,
	.vidioc_s_fmt_vid_out = gcl_output_s_fmt,
};

const struct v4l2_ioctl_ops gcl_output_mplane_ioctls = {
	GCL_OUTPUT_IOCTLS,
	.vidioc_g_fmt_vid_out_mplane = gcl_output_g_fmt,
	.vidioc_try_fmt_vid_out_mplane = gcl_output_try_fmt,
	.vidioc_s_fmt_vid_out_mplane = gcl_output_s_fmt,
};
