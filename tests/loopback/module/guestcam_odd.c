// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * What the tests need of other drivers and no driver at hand has: a dma-buf that cannot be mapped,
 * and a fence that is signalled when the test says so.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include "guestcam_odd.h"

struct odd_fence {
	struct dma_fence base; /* first: the default release frees it */
	spinlock_t lock;
};

static struct sg_table *odd_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	return ERR_PTR(-ENXIO);
}

static void odd_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
		      enum dma_data_direction dir)
{
}

static void odd_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops odd_ops = {
	.map_dma_buf = odd_map,
	.unmap_dma_buf = odd_unmap,
	.release = odd_release,
};

static long odd_blind(u64 size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	int fd;

	info.ops = &odd_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = THIS_MODULE; /* must not be NULL */
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static const char *odd_fence_name(struct dma_fence *fence)
{
	return "guestcam-odd";
}

static const struct dma_fence_ops odd_fence_ops = {
	.get_driver_name = odd_fence_name,
	.get_timeline_name = odd_fence_name,
};

static long odd_fence(struct file *file)
{
	struct odd_fence *fence;
	struct sync_file *sync;
	int fd;

	fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	if (!fence)
		return -ENOMEM;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &odd_fence_ops, &fence->lock, dma_fence_context_alloc(1), 1);
	sync = sync_file_create(&fence->base);
	fd = sync ? get_unused_fd_flags(O_CLOEXEC) : -ENOMEM;
	if (fd < 0 || cmpxchg(&file->private_data, NULL, fence)) {
		if (fd >= 0) {
			put_unused_fd(fd);
			fd = -EBUSY;
		}
		if (sync)
			fput(sync->file);
		dma_fence_signal(&fence->base);
		dma_fence_put(&fence->base);
		return fd;
	}
	fd_install(fd, sync->file);
	return fd;
}

static long odd_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	u64 size;

	switch (command) {
	case GUESTCAM_ODD_BLIND:
		if (copy_from_user(&size, (void __user *)argument, sizeof(size)))
			return -EFAULT;
		return odd_blind(size);
	case GUESTCAM_ODD_FENCE:
		return odd_fence(file);
	default:
		return -ENOTTY;
	}
}

/* misc_open leaves the device in here. */
static int odd_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return 0;
}

static int odd_close(struct inode *inode, struct file *file)
{
	struct odd_fence *fence = file->private_data;

	if (fence) {
		dma_fence_signal(&fence->base);
		dma_fence_put(&fence->base);
	}
	return 0;
}

static const struct file_operations odd_fops = {
	.owner = THIS_MODULE,
	.open = odd_open,
	.release = odd_close,
	.unlocked_ioctl = odd_ioctl,
};

static struct miscdevice odd_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "guestcam-odd",
	.fops = &odd_fops,
	.mode = 0600,
};
module_misc_device(odd_device);

MODULE_DESCRIPTION("Odd dma-bufs and fences for guestcam's tests");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
