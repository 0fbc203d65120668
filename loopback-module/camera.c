// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/* A camera: its two nodes, made and removed together. */
#include <linux/slab.h>
#include <linux/string.h>
#include "loopback.h"

/* Opened: it cannot be removed. */
int gcl_camera_get(struct gcl_camera *camera)
{
	int ret = 0;

	mutex_lock(&gcl_registry_lock);
	if (camera->removed)
		ret = -ENODEV;
	else
		camera->users++;
	mutex_unlock(&gcl_registry_lock);
	return ret;
}

void gcl_camera_put(struct gcl_camera *camera)
{
	mutex_lock(&gcl_registry_lock);
	camera->users--;
	mutex_unlock(&gcl_registry_lock);
}

static void gcl_video_init(struct gcl_camera *camera, struct video_device *vdev)
{
	vdev->v4l2_dev = &camera->v4l2_dev;
	vdev->ctrl_handler = &camera->controls;
	vdev->release = video_device_release_empty;
	video_set_drvdata(vdev, camera);
}

static void gcl_nodes_init(struct gcl_camera *camera)
{
	struct video_device *output = &camera->output, *capture = &camera->capture;
	bool multiplanar = camera->options.flags & GUESTCAM_LOOPBACK_MULTIPLANAR;

	gcl_video_init(camera, output);
	/*
	 * The udev rule that gives producing a right of its own knows OUTPUT nodes by the
	 * beginning of this name.
	 */
	snprintf(output->name, sizeof(output->name), "guestcam out: %s", camera->options.name);
	output->fops = &gcl_output_fops;
	output->ioctl_ops = multiplanar ? &gcl_output_mplane_ioctls : &gcl_output_ioctls;
	output->vfl_dir = VFL_DIR_TX;
	output->lock = &camera->output_lock;
	output->queue = &camera->queue;
	output->device_caps = V4L2_CAP_STREAMING | V4L2_CAP_READWRITE |
		(multiplanar ? V4L2_CAP_VIDEO_OUTPUT_MPLANE : V4L2_CAP_VIDEO_OUTPUT);

	gcl_video_init(camera, capture);
	strscpy(capture->name, camera->options.name, sizeof(capture->name));
	capture->fops = &gcl_capture_fops;
	capture->ioctl_ops = &gcl_capture_ioctls;
	capture->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_READWRITE;
}

/* The last reference to its v4l2_device is gone: nothing can reach it any more. */
static void gcl_camera_release(struct v4l2_device *v4l2_dev)
{
	struct gcl_camera *camera = container_of(v4l2_dev, struct gcl_camera, v4l2_dev);

	cancel_work_sync(&camera->fence_work);
	cancel_delayed_work_sync(&camera->revoke_work);
	cancel_delayed_work_sync(&camera->idle_work);
	cancel_delayed_work_sync(&camera->controls_work);
	v4l2_ctrl_handler_free(&camera->controls);
	v4l2_device_unregister(v4l2_dev);
	gcl_memory_put(camera->picture);
	gcl_memory_put(camera->last);
	kfree(camera);
}

static struct gcl_camera *gcl_camera_alloc(const struct guestcam_loopback_camera *options)
{
	struct gcl_camera *camera = kzalloc(sizeof(*camera), GFP_KERNEL);

	if (!camera)
		return NULL;
	camera->options = *options;
	camera->id = options->id;
	mutex_init(&camera->output_lock);
	mutex_init(&camera->idle_lock);
	spin_lock_init(&camera->lock);
	init_waitqueue_head(&camera->bound_wait);
	INIT_LIST_HEAD(&camera->pending);
	INIT_LIST_HEAD(&camera->readers);
	INIT_WORK(&camera->fence_work, gcl_fence_work);
	INIT_DELAYED_WORK(&camera->revoke_work, gcl_revoke_work);
	INIT_DELAYED_WORK(&camera->idle_work, gcl_idle_work);
	camera->interval = (struct v4l2_fract){ 1, GCL_RATE_DEFAULT };
	gcl_format_default(camera, &camera->format);
	return camera;
}

/* The smallest id that is free, and the place in the list for it. */
static struct list_head *gcl_registry_place(u32 *id)
{
	struct gcl_camera *camera;

	*id = 0;
	list_for_each_entry(camera, &gcl_cameras, list) {
		if (camera->id != *id)
			return &camera->list;
		(*id)++;
	}
	return &gcl_cameras;
}

/* A number that was asked for is that number: programs and udev rules rely on it. */
static int gcl_node_register(struct video_device *vdev, int number)
{
	int ret = video_register_device_no_warn(vdev, VFL_TYPE_VIDEO, number);

	if (ret || number < 0 || vdev->num == number)
		return ret;
	video_unregister_device(vdev);
	return -EEXIST;
}

/* gcl_registry_lock is held. Fills in what was left open. */
int gcl_camera_create(struct guestcam_loopback_camera *options)
{
	struct list_head *place = gcl_registry_place(&options->id);
	struct gcl_camera *camera;
	int ret;

	if (options->id >= GCL_CAMERAS_MAX)
		return -ENOSPC;
	if (!options->name[0])
		snprintf(options->name, sizeof(options->name), "guestcam %u", options->id);
	camera = gcl_camera_alloc(options);
	if (!camera)
		return -ENOMEM;

	snprintf(camera->v4l2_dev.name, sizeof(camera->v4l2_dev.name), "%s-%03u", GCL_DRIVER,
		 camera->id);
	ret = v4l2_device_register(gcl_parent, &camera->v4l2_dev);
	if (ret) {
		kfree(camera);
		return ret;
	}
	camera->v4l2_dev.release = gcl_camera_release;
	ret = gcl_controls_init(camera);
	if (!ret)
		ret = gcl_output_queue_init(camera);
	if (ret)
		goto put;
	gcl_nodes_init(camera);
	ret = gcl_node_register(&camera->output, options->output_nr);
	if (ret)
		goto put;
	ret = gcl_node_register(&camera->capture, options->capture_nr);
	if (ret)
		goto unregister;

	camera->options.output_nr = camera->output.num;
	camera->options.capture_nr = camera->capture.num;
	*options = camera->options;
	list_add_tail(&camera->list, place);
	return 0;

unregister:
	video_unregister_device(&camera->output);
put:
	camera->removed = true; /* for those who have opened a node and wait for the lock */
	v4l2_device_put(&camera->v4l2_dev);
	return ret;
}

/* gcl_registry_lock is held. */
int gcl_camera_remove(struct gcl_camera *camera)
{
	if (camera->users)
		return -EBUSY;
	camera->removed = true;
	list_del(&camera->list);
	video_unregister_device(&camera->capture);
	video_unregister_device(&camera->output);
	v4l2_device_put(&camera->v4l2_dev);
	return 0;
}
