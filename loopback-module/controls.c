// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * What a camera does, as read-only controls of both nodes, so that any V4L2 program can show it
 * and be told of changes. They follow the real numbers at most five times a second: an event for
 * every frame would cost more than the frame.
 */
#include <linux/limits.h>
#include "loopback.h"

#define GCL_CONTROLS_PERIOD (HZ / 5)

static const struct v4l2_ctrl_ops gcl_control_ops;

#define COUNTER(i, n) { .ops = &gcl_control_ops, .id = (i), .name = (n), \
			.type = V4L2_CTRL_TYPE_INTEGER64, .max = S64_MAX, .step = 1, \
			.flags = V4L2_CTRL_FLAG_READ_ONLY }

static const struct v4l2_ctrl_config gcl_control_configs[] = {
	{
		.ops = &gcl_control_ops, .id = GUESTCAM_LOOPBACK_CID_PRODUCER,
		.name = "Producer Present", .type = V4L2_CTRL_TYPE_BOOLEAN,
		.max = 1, .step = 1, .flags = V4L2_CTRL_FLAG_READ_ONLY,
	}, {
		.ops = &gcl_control_ops, .id = GUESTCAM_LOOPBACK_CID_READERS,
		.name = "Readers", .type = V4L2_CTRL_TYPE_INTEGER,
		.max = S32_MAX, .step = 1, .flags = V4L2_CTRL_FLAG_READ_ONLY,
	},
	COUNTER(GUESTCAM_LOOPBACK_CID_FRAMES, "Frames"),
	COUNTER(GUESTCAM_LOOPBACK_CID_DROPPED, "Frames Dropped for Readers"),
	COUNTER(GUESTCAM_LOOPBACK_CID_COPIED, "Bytes Copied"),
	COUNTER(GUESTCAM_LOOPBACK_CID_REVOKED, "Frames Taken from Readers"),
};

static void gcl_controls_work(struct work_struct *work)
{
	struct gcl_camera *camera =
		container_of(to_delayed_work(work), struct gcl_camera, controls_work);
	u64 frames, dropped, revoked;
	unsigned int readers;
	bool live;

	spin_lock(&camera->lock);
	live = camera->live;
	readers = camera->streaming;
	frames = camera->frames;
	dropped = camera->dropped;
	revoked = camera->revoked;
	spin_unlock(&camera->lock);
	v4l2_ctrl_s_ctrl(camera->control[0], live);
	v4l2_ctrl_s_ctrl(camera->control[1], readers);
	v4l2_ctrl_s_ctrl_int64(camera->control[2], frames);
	v4l2_ctrl_s_ctrl_int64(camera->control[3], dropped);
	v4l2_ctrl_s_ctrl_int64(camera->control[4], atomic64_read(&camera->copied));
	v4l2_ctrl_s_ctrl_int64(camera->control[5], revoked);
}

void gcl_controls_changed(struct gcl_camera *camera)
{
	schedule_delayed_work(&camera->controls_work, GCL_CONTROLS_PERIOD);
}

int gcl_controls_init(struct gcl_camera *camera)
{
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(gcl_control_configs) != ARRAY_SIZE(camera->control));
	INIT_DELAYED_WORK(&camera->controls_work, gcl_controls_work);
	v4l2_ctrl_handler_init(&camera->controls, ARRAY_SIZE(gcl_control_configs));
	for (i = 0; i < ARRAY_SIZE(gcl_control_configs); i++)
		camera->control[i] = v4l2_ctrl_new_custom(&camera->controls,
							  &gcl_control_configs[i], NULL);
	return camera->controls.error;
}
