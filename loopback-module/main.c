// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * guestcam_loopback: a V4L2 loopback that does not copy. What a producer queues on the OUTPUT
 * node is what readers of the CAPTURE node map: the same pages. See docs/loopback-module.md.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>
#include "loopback.h"

static unsigned int devices = 1;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "cameras to make when the module is loaded (1; 0 to 64)");

static char *name[GCL_CAMERAS_MAX];
module_param_array(name, charp, NULL, 0444);
MODULE_PARM_DESC(name, "their names, as programs show them (guestcam N; at most 31 bytes each)");

static int output_nr[GCL_CAMERAS_MAX] = { [0 ... GCL_CAMERAS_MAX - 1] = -1 };
module_param_array(output_nr, int, NULL, 0444);
MODULE_PARM_DESC(output_nr, "the N of their /dev/videoN for producers (-1: any)");

static int capture_nr[GCL_CAMERAS_MAX] = { [0 ... GCL_CAMERAS_MAX - 1] = -1 };
module_param_array(capture_nr, int, NULL, 0444);
MODULE_PARM_DESC(capture_nr, "the N of their /dev/videoN for readers (-1: any)");

static unsigned int flags;
module_param(flags, uint, 0444);
MODULE_PARM_DESC(flags, "of these: 1 multi-planar OUTPUT, 2 lossless, 4 protected from readers (0)");

static unsigned int idle;
module_param(idle, uint, 0444);
MODULE_PARM_DESC(idle, "without a producer show: 0 nothing, 1 the last frame, 2 a picture (0)");

static unsigned int max_width = GCL_SIDE_LIMIT;
module_param(max_width, uint, 0644);
MODULE_PARM_DESC(max_width, "largest picture, for new cameras (8192)");

static unsigned int max_height = GCL_SIDE_LIMIT;
module_param(max_height, uint, 0644);
MODULE_PARM_DESC(max_height, "largest picture, for new cameras (8192)");

static unsigned int max_readers = 32;
module_param(max_readers, uint, 0644);
MODULE_PARM_DESC(max_readers, "readers with buffers at one time, for new cameras (32)");

static unsigned int reader_timeout_ms = 5000;
module_param(reader_timeout_ms, uint, 0644);
MODULE_PARM_DESC(reader_timeout_ms,
		 "how long a reader may keep a replaced frame, for new cameras (5000; 0: for ever)");

struct device *gcl_parent;
/* The list below, and how often each of its cameras is open. */
DEFINE_MUTEX(gcl_registry_lock);
LIST_HEAD(gcl_cameras);

static struct platform_device *gcl_platform;

void gcl_options_defaults(struct guestcam_loopback_camera *options)
{
	*options = (struct guestcam_loopback_camera){
		.output_nr = -1,
		.capture_nr = -1,
		.flags = flags & (GUESTCAM_LOOPBACK_MULTIPLANAR | GUESTCAM_LOOPBACK_LOSSLESS |
				  GUESTCAM_LOOPBACK_PROTECTED),
		.idle = min_t(unsigned int, idle, GUESTCAM_LOOPBACK_IDLE_PICTURE),
		.max_width = clamp_t(unsigned int, max_width, 1, GCL_SIDE_LIMIT),
		.max_height = clamp_t(unsigned int, max_height, 1, GCL_SIDE_LIMIT),
		.max_readers = max_t(unsigned int, max_readers, 1),
		.reader_timeout_ms = min_t(unsigned int, reader_timeout_ms, GCL_TIMEOUT_MAX),
	};
}

static void gcl_remove_all(void)
{
	struct gcl_camera *camera, *next;

	mutex_lock(&gcl_registry_lock);
	list_for_each_entry_safe(camera, next, &gcl_cameras, list)
		gcl_camera_remove(camera); /* the module is not in use, so none is */
	mutex_unlock(&gcl_registry_lock);
}

static int gcl_create_all(void)
{
	struct guestcam_loopback_camera options;
	unsigned int i;
	int ret;

	for (i = 0; i < devices; i++) {
		gcl_options_defaults(&options);
		options.output_nr = output_nr[i];
		options.capture_nr = capture_nr[i];
		if (name[i])
			strscpy(options.name, name[i], sizeof(options.name));
		mutex_lock(&gcl_registry_lock);
		ret = gcl_camera_create(&options);
		mutex_unlock(&gcl_registry_lock);
		if (ret)
			return ret;
	}
	return 0;
}

static int __init gcl_init(void)
{
	int ret;

	if (devices > GCL_CAMERAS_MAX)
		return -EINVAL;
	gcl_platform = platform_device_register_simple(GCL_DRIVER, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(gcl_platform))
		return PTR_ERR(gcl_platform);
	gcl_parent = &gcl_platform->dev;
	ret = gcl_create_all();
	if (!ret)
		ret = gcl_control_register();
	if (ret) {
		gcl_remove_all();
		platform_device_unregister(gcl_platform);
	}
	return ret;
}

static void __exit gcl_exit(void)
{
	gcl_control_unregister();
	gcl_remove_all();
	platform_device_unregister(gcl_platform);
}

module_init(gcl_init);
module_exit(gcl_exit);

MODULE_DESCRIPTION("V4L2 loopback whose readers map the producer's own memory");
MODULE_AUTHOR("the guestcam authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
GCL_IMPORT_DMA_BUF();
