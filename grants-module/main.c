// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * guestcam_grants: Xen grant references become dma-bufs that anything can map, and pages become
 * grant references, on kernels without CONFIG_XEN_GNTDEV_DMABUF too. See docs/grants-module.md.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <xen/page.h>
#include <xen/xen.h>
#ifdef CONFIG_X86
#include <asm/xen/cpuid.h>
#include <asm/xen/hypervisor.h>
#endif
#include "grants.h"

/* More than a picture of 8192x8192 at four bytes. One call's arrays stay below 8 MiB. */
#define GCG_COUNT_MAX	65536

struct device *gcg_device;

/*
 * A domain that Xen translates for on x86 and that maps what it granted to itself finds its memory
 * damaged afterwards (Xen takes the page's own entry for the mapping's). On arm64 it is sound.
 */
static bool is_own_on_x86(domid_t domid)
{
#ifdef CONFIG_X86
	u32 base = xen_cpuid_base();
	u32 eax = 0, ebx, ecx = 0, edx;

	if (base)
		cpuid(base + 4, &eax, &ebx, &ecx, &edx);
	if (eax & XEN_HVM_CPUID_DOMID_PRESENT)
		return domid == ecx;
	return xen_initial_domain() && domid == 0;
#else
	return false;
#endif
}

static int check(const struct guestcam_grants_buffer *wanted, bool granted)
{
	if (wanted->domid >= DOMID_FIRST_RESERVED || !wanted->count ||
	    wanted->count > GCG_COUNT_MAX || wanted->flags & ~GUESTCAM_GRANTS_READONLY ||
	    wanted->eventfd < -1 || wanted->source_fd < -1 ||
	    memchr_inv(wanted->reserved, 0, sizeof(wanted->reserved)))
		return -EINVAL;
	if (!granted && (wanted->source_fd != -1 || is_own_on_x86(wanted->domid)))
		return -EINVAL;
	return 0;
}

/* Everything that user space has to be told is written before the descriptor exists. */
static int hand_over(struct guestcam_grants_buffer __user *argument,
		     const struct guestcam_grants_buffer *wanted, struct dma_buf *dmabuf,
		     const u32 *refs)
{
	int fd;

	if (refs && copy_to_user(u64_to_user_ptr(wanted->refs), refs,
				 array_size(wanted->count, sizeof(*refs))))
		return -EFAULT;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (put_user(fd, &argument->dmabuf_fd)) {
		put_unused_fd(fd);
		return -EFAULT;
	}
	fd_install(fd, dmabuf->file);
	return 0;
}

static long gcg_make(struct gcg_file *file, struct guestcam_grants_buffer __user *argument,
		     bool granted)
{
	struct guestcam_grants_buffer wanted;
	struct dma_buf *dmabuf;
	u32 *refs;
	int ret;

	if (copy_from_user(&wanted, argument, sizeof(wanted)))
		return -EFAULT;
	ret = check(&wanted, granted);
	if (ret)
		return ret;
	refs = kvmalloc_array(wanted.count, sizeof(*refs), GFP_KERNEL_ACCOUNT);
	if (!refs)
		return -ENOMEM;
	if (!granted && copy_from_user(refs, u64_to_user_ptr(wanted.refs),
				       array_size(wanted.count, sizeof(*refs)))) {
		ret = -EFAULT;
		goto free;
	}
	ret = gcg_buffer_create(file, &wanted, granted, refs, &dmabuf);
	if (ret)
		goto free;
	ret = hand_over(argument, &wanted, dmabuf, granted ? refs : NULL);
	if (ret)
		dma_buf_put(dmabuf);
free:
	kvfree(refs);
	return ret;
}

static long gcg_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *argument = (void __user *)arg;
	struct guestcam_grants_info info;

	switch (cmd) {
	case GUESTCAM_GRANTS_MAP:
		return gcg_make(filp->private_data, argument, false);
	case GUESTCAM_GRANTS_GRANT:
		return gcg_make(filp->private_data, argument, true);
	case GUESTCAM_GRANTS_INFO:
		gcg_info(&info);
		return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

static int gcg_open(struct inode *inode, struct file *filp)
{
	struct gcg_file *file;

	/*
	 * In a PV domain a grant's mapping is one page table entry; its page cannot be handed to
	 * devices or to other mappings without damage.
	 */
	if (xen_pv_domain())
		return -EOPNOTSUPP;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	kref_init(&file->users);
	filp->private_data = file;
	return 0;
}

static int gcg_close(struct inode *inode, struct file *filp)
{
	struct gcg_file *file = filp->private_data;

	kref_put(&file->users, gcg_file_release);
	return 0;
}

static const struct file_operations gcg_file_ops = {
	.owner = THIS_MODULE,
	.open = gcg_open,
	.release = gcg_close,
	.unlocked_ioctl = gcg_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice gcg_node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = GUESTCAM_GRANTS_NODE,
	.mode = 0600,
	.fops = &gcg_file_ops,
};

static int __init gcg_init(void)
{
	int ret;

	if (!xen_domain())
		return -ENODEV;
	BUILD_BUG_ON(PAGE_SIZE != XEN_PAGE_SIZE);
	ret = gcg_buffers_init();
	if (ret)
		return ret;
	ret = misc_register(&gcg_node);
	if (ret) {
		gcg_buffers_exit();
		return ret;
	}
	gcg_device = gcg_node.this_device;
	/* For udmabuf, which maps its pages for whoever attaches; no device reads them here. */
	ret = dma_coerce_mask_and_coherent(gcg_device, DMA_BIT_MASK(64));
	if (ret) {
		misc_deregister(&gcg_node);
		gcg_buffers_exit();
	}
	return ret;
}

static void __exit gcg_exit(void)
{
	misc_deregister(&gcg_node);
	gcg_buffers_exit();
	gcg_accounts_exit();
}

module_init(gcg_init);
module_exit(gcg_exit);

MODULE_DESCRIPTION("Xen grant references as dma-bufs, and pages as grant references");
MODULE_AUTHOR("the guestcam authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
GCG_IMPORT_DMA_BUF();
