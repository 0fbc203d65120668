// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * The control node: makes, removes and lists cameras. Who may open it may do that; it is root's
 * by default.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "loopback.h"

#define GCL_FLAGS (GUESTCAM_LOOPBACK_MULTIPLANAR | GUESTCAM_LOOPBACK_LOSSLESS | \
		   GUESTCAM_LOOPBACK_PROTECTED)

/* What is zero or ~0 means the module's own value; what is out of range is refused, not bent. */
static int gcl_options_check(struct guestcam_loopback_camera *options)
{
	struct guestcam_loopback_camera defaults;

	gcl_options_defaults(&defaults);
	if (options->flags & ~GCL_FLAGS || options->idle > GUESTCAM_LOOPBACK_IDLE_PICTURE ||
	    memchr_inv(options->reserved, 0, sizeof(options->reserved)) ||
	    strnlen(options->name, sizeof(options->name)) == sizeof(options->name))
		return -EINVAL;
	if (options->output_nr < -1 || options->capture_nr < -1)
		return -EINVAL;
	if (!options->max_width)
		options->max_width = defaults.max_width;
	if (!options->max_height)
		options->max_height = defaults.max_height;
	if (!options->max_readers)
		options->max_readers = defaults.max_readers;
	if (options->reader_timeout_ms == ~0U)
		options->reader_timeout_ms = defaults.reader_timeout_ms;
	if (options->max_width > GCL_SIDE_LIMIT || options->max_height > GCL_SIDE_LIMIT ||
	    options->reader_timeout_ms > GCL_TIMEOUT_MAX)
		return -EINVAL;
	options->users = 0;
	return 0;
}

static long gcl_control_create(void __user *argument)
{
	struct guestcam_loopback_camera options;
	long ret;

	if (copy_from_user(&options, argument, sizeof(options)))
		return -EFAULT;
	ret = gcl_options_check(&options);
	if (ret)
		return ret;
	mutex_lock(&gcl_registry_lock);
	ret = gcl_camera_create(&options);
	mutex_unlock(&gcl_registry_lock);
	if (ret)
		return ret;
	/* A camera that its maker cannot hear of is there all the same, and NEXT lists it. */
	return copy_to_user(argument, &options, sizeof(options)) ? -EFAULT : 0;
}

static long gcl_control_remove(void __user *argument)
{
	struct gcl_camera *camera;
	long ret = -ENOENT;
	u32 id;

	if (copy_from_user(&id, argument, sizeof(id)))
		return -EFAULT;
	mutex_lock(&gcl_registry_lock);
	list_for_each_entry(camera, &gcl_cameras, list) {
		if (camera->id == id) {
			ret = gcl_camera_remove(camera);
			break;
		}
	}
	mutex_unlock(&gcl_registry_lock);
	return ret;
}

static long gcl_control_next(void __user *argument)
{
	struct guestcam_loopback_camera options;
	struct gcl_camera *camera;
	long ret = -ENOENT;

	if (copy_from_user(&options, argument, sizeof(options)))
		return -EFAULT;
	mutex_lock(&gcl_registry_lock);
	list_for_each_entry(camera, &gcl_cameras, list) {
		if (camera->id >= options.id) {
			options = camera->options;
			options.users = camera->users;
			ret = 0;
			break;
		}
	}
	mutex_unlock(&gcl_registry_lock);
	if (!ret && copy_to_user(argument, &options, sizeof(options)))
		ret = -EFAULT;
	return ret;
}

static long gcl_control_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case GUESTCAM_LOOPBACK_CREATE:
		return gcl_control_create((void __user *)argument);
	case GUESTCAM_LOOPBACK_REMOVE:
		return gcl_control_remove((void __user *)argument);
	case GUESTCAM_LOOPBACK_NEXT:
		return gcl_control_next((void __user *)argument);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations gcl_control_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = gcl_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice gcl_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = GUESTCAM_LOOPBACK_CONTROL,
	.fops = &gcl_control_fops,
	.mode = 0600,
};

int gcl_control_register(void)
{
	return misc_register(&gcl_control);
}

void gcl_control_unregister(void)
{
	misc_deregister(&gcl_control);
}
