// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// The least that feeding a pipeline costs: appsrc is given pictures that nobody draws, as fast as it takes them.
//
//   appsrc PIPELINE WIDTH HEIGHT FRAMES

#define _GNU_SOURCE
#include <gst/allocators/gstfdmemory.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static GstMemory *memory;
static gint width, height;
static long left;

static void need_data(GstAppSrc *src, guint length, gpointer data)
{
	(void)length;
	(void)data;
	if (left-- == 0) {
		gst_app_src_end_of_stream(src);
		return;
	}
	GstBuffer *buffer = gst_buffer_new();
	gst_buffer_append_memory(buffer, gst_memory_ref(memory));
	gst_buffer_add_video_meta(buffer, 0, GST_VIDEO_FORMAT_BGRx, width, height);
	gst_app_src_push_buffer(src, buffer);
}

int main(int argc, char **argv)
{
	gst_init(&argc, &argv);
	if (argc != 5) {
		fprintf(stderr, "usage: appsrc PIPELINE WIDTH HEIGHT FRAMES\n");
		return 2;
	}
	width = atoi(argv[2]);
	height = atoi(argv[3]);
	left = atol(argv[4]);
	gsize size = 4 * (gsize)width * (gsize)height;
	int fd = memfd_create("appsrc", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return 1;
	memory = gst_fd_allocator_alloc(gst_fd_allocator_new(), fd, size, GST_FD_MEMORY_FLAG_KEEP_MAPPED);

	gchar *text = g_strdup_printf("appsrc name=src is-live=true format=time max-buffers=1 caps=video/x-raw,format=BGRx,"
				      "width=%d,height=%d,framerate=30/1 ! %s", width, height, argv[1]);
	GError *error = NULL;
	GstElement *pipeline = gst_parse_launch(text, &error);
	if (error) {
		fprintf(stderr, "%s\n", error->message);
		return 1;
	}
	GstElement *src = gst_bin_get_by_name(GST_BIN(pipeline), "src");
	GstAppSrcCallbacks callbacks = { .need_data = need_data };
	gst_app_src_set_callbacks(GST_APP_SRC(src), &callbacks, NULL, NULL);
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	GstMessage *end = gst_bus_timed_pop_filtered(gst_element_get_bus(pipeline), GST_CLOCK_TIME_NONE,
						     GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
	int failed = GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR;
	gst_element_set_state(pipeline, GST_STATE_NULL);
	return failed;
}
