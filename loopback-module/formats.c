// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* The pixel formats, and what a picture of one needs. Every size is derived from the table. */
#include <linux/minmax.h>
#include "loopback.h"

#define PACKED(f, b, s, y) { .fourcc = V4L2_PIX_FMT_##f, .bits = (b), .step = (s), .yuv = (y) }
#define PLANAR(f, p, h, v) { .fourcc = V4L2_PIX_FMT_##f, .bits = 8, .chroma_planes = (p), \
			     .hsub = (h), .vsub = (v), .yuv = true }

/* The order is the one of ENUM_FMT: what a screen gives comes first. */
static const struct gcl_format gcl_formats[] = {
	PACKED(XBGR32, 32, 1, false), PACKED(ABGR32, 32, 1, false), PACKED(BGR32, 32, 1, false),
	PACKED(RGBX32, 32, 1, false), PACKED(RGBA32, 32, 1, false),
	PACKED(XRGB32, 32, 1, false), PACKED(ARGB32, 32, 1, false), PACKED(RGB32, 32, 1, false),
	PACKED(BGRX32, 32, 1, false), PACKED(BGRA32, 32, 1, false),
	PACKED(BGR24, 24, 1, false), PACKED(RGB24, 24, 1, false),
	PACKED(RGB565, 16, 1, false), PACKED(XRGB555, 16, 1, false), PACKED(ARGB555, 16, 1, false),
	PACKED(YUYV, 16, 2, true), PACKED(UYVY, 16, 2, true),
	PACKED(YVYU, 16, 2, true), PACKED(VYUY, 16, 2, true),
	PACKED(GREY, 8, 1, true), PACKED(Y16, 16, 1, true),
	PLANAR(NV12, 1, 2, 2), PLANAR(NV21, 1, 2, 2),
	PLANAR(NV16, 1, 2, 1), PLANAR(NV61, 1, 2, 1),
	PLANAR(NV24, 1, 1, 1), PLANAR(NV42, 1, 1, 1),
	PLANAR(YUV420, 2, 2, 2), PLANAR(YVU420, 2, 2, 2), PLANAR(YUV422P, 2, 2, 1),
	{ .fourcc = V4L2_PIX_FMT_MJPEG, .step = 1, .yuv = true, .compressed = true },
};

const struct gcl_format *gcl_format_at(unsigned int index)
{
	return index < ARRAY_SIZE(gcl_formats) ? &gcl_formats[index] : NULL;
}

const struct gcl_format *gcl_format_find(u32 fourcc)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gcl_formats); i++)
		if (gcl_formats[i].fourcc == fourcc)
			return &gcl_formats[i];
	return NULL;
}

/*
 * Bytes of a picture. The sides are at most GCL_SIDE_LIMIT, a stride eight times that: three
 * planes of it are below 2^33, so 64 bits.
 */
static u64 gcl_format_size(const struct gcl_format *format, u32 stride, u32 height)
{
	u64 chroma_stride, size = (u64)stride * height;

	if (format->chroma_planes == 0)
		return size;
	/* An interleaved chroma plane has two samples where a planar one has one. */
	chroma_stride = stride * (format->chroma_planes == 1 ? 2 : 1) / format->hsub;
	return size + format->chroma_planes * chroma_stride * DIV_ROUND_UP(height, format->vsub);
}

static void gcl_format_fit_colours(const struct gcl_format *format, struct v4l2_pix_format *pix)
{
	if (pix->colorspace == V4L2_COLORSPACE_DEFAULT ||
	    !v4l2_is_colorspace_valid(pix->colorspace)) {
		pix->colorspace = format->yuv ? V4L2_COLORSPACE_REC709 : V4L2_COLORSPACE_SRGB;
		if (format->compressed)
			pix->colorspace = V4L2_COLORSPACE_JPEG;
		pix->ycbcr_enc = V4L2_YCBCR_ENC_DEFAULT;
		pix->quantization = V4L2_QUANTIZATION_DEFAULT;
		pix->xfer_func = V4L2_XFER_FUNC_DEFAULT;
	}
	if (!v4l2_is_xfer_func_valid(pix->xfer_func))
		pix->xfer_func = V4L2_XFER_FUNC_DEFAULT;
	if (!format->yuv || !v4l2_is_ycbcr_enc_valid(pix->ycbcr_enc))
		pix->ycbcr_enc = V4L2_YCBCR_ENC_DEFAULT;
	if (!v4l2_is_quant_valid(pix->quantization))
		pix->quantization = V4L2_QUANTIZATION_DEFAULT;
}

/*
 * Makes of what a producer asked for what it gets: its own numbers wherever they can describe a
 * picture, since the memory is its own too. The stride above all is kept: guests pad their rows
 * as they like.
 */
void gcl_format_fit(const struct gcl_camera *camera, struct v4l2_pix_format *pix)
{
	const struct gcl_format *format = gcl_format_find(pix->pixelformat);
	u32 wanted_size = pix->sizeimage, least, step;
	u64 size;

	if (!format)
		format = &gcl_formats[0];
	pix->pixelformat = format->fourcc;
	pix->width = clamp_t(u32, pix->width, 1, camera->options.max_width);
	pix->height = clamp_t(u32, pix->height, 1, camera->options.max_height);
	if (pix->field == V4L2_FIELD_ANY || pix->field > V4L2_FIELD_INTERLACED_BT)
		pix->field = V4L2_FIELD_NONE;
	pix->flags = 0;
	pix->priv = 0;
	gcl_format_fit_colours(format, pix);

	if (format->compressed) {
		pix->bytesperline = 0;
		size = max_t(u64, 4096, (u64)pix->width * pix->height * 2);
		pix->sizeimage = min_t(u64, size, (u64)GCL_SIDE_LIMIT * GCL_SIDE_LIMIT);
		if (wanted_size >= 4096 && wanted_size < pix->sizeimage)
			pix->sizeimage = wanted_size;
		return;
	}
	/* Readers find rows of chroma by dividing the stride: nothing is left over. */
	step = format->chroma_planes ? format->hsub : format->step;
	least = DIV_ROUND_UP(round_up(pix->width, step) * format->bits, 8);
	pix->bytesperline = clamp_t(u32, pix->bytesperline, least, camera->options.max_width * 8);
	if (format->chroma_planes)
		pix->bytesperline = round_up(pix->bytesperline, step);
	pix->sizeimage = gcl_format_size(format, pix->bytesperline, pix->height);
}

void gcl_format_default(const struct gcl_camera *camera, struct v4l2_pix_format *pix)
{
	*pix = (struct v4l2_pix_format){
		.width = 640, .height = 480, .pixelformat = gcl_formats[0].fourcc,
	};
	gcl_format_fit(camera, pix);
}

struct v4l2_pix_format gcl_format_now(struct gcl_camera *camera)
{
	struct v4l2_pix_format pix;

	spin_lock(&camera->lock);
	pix = camera->format;
	spin_unlock(&camera->lock);
	return pix;
}
