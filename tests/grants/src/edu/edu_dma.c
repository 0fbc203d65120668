// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * For tests: imports dma-bufs into QEMU's edu device, which is a real DMA engine of a real PCI bus
 * to the kernel. Nothing is synchronised between DMAs: what the device sees must be the memory itself.
 */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include "edu_dma.h"

#define REG_SOURCE	0x80
#define REG_TARGET	0x88
#define REG_BYTES	0x90
#define REG_COMMAND	0x98
#define RUN		1
#define TO_MEMORY	2
#define DEVICE_BUFFER	0x40000
/* Half of the buffer: QEMU 7.2 ends itself when all of it is used. */
#define DEVICE_BYTES	2048
#define WAIT_MS		10
#define PATIENCE	6000

static struct pci_dev *device;
static void __iomem *registers;
static DEFINE_MUTEX(lock);

struct import {
	struct dma_buf *buffer;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
};

static int transfer(u64 source, u64 target, u64 bytes, u64 direction)
{
	int i;

	writeq(source, registers + REG_SOURCE);
	writeq(target, registers + REG_TARGET);
	writeq(bytes, registers + REG_BYTES);
	writeq(RUN | direction, registers + REG_COMMAND);
	for (i = 0; i < PATIENCE; i++) {
		if (!(readq(registers + REG_COMMAND) & RUN))
			return 0;
		msleep(WAIT_MS);
	}
	return -ETIMEDOUT;
}

static int find(struct sg_table *table, u64 offset, u64 bytes, u64 *address)
{
	struct scatterlist *segment;
	unsigned int i;

	for_each_sgtable_dma_sg(table, segment, i) {
		if (offset < sg_dma_len(segment)) {
			if (bytes > sg_dma_len(segment) - offset)
				return -EINVAL;
			*address = sg_dma_address(segment) + offset;
			return 0;
		}
		offset -= sg_dma_len(segment);
	}
	return -EINVAL;
}

static int copy(struct import *import, struct edu_dma_copy *copy)
{
	u64 done, bytes;
	int ret;

	if (!import->table || !copy->bytes || copy->bytes > PAGE_SIZE)
		return -EINVAL;
	ret = find(import->table, copy->from, copy->bytes, &copy->from_address) ?:
	      find(import->table, copy->to, copy->bytes, &copy->to_address);
	for (done = 0; !ret && done < copy->bytes; done += bytes) {
		bytes = min_t(u64, copy->bytes - done, DEVICE_BYTES);
		ret = transfer(copy->from_address + done, DEVICE_BUFFER, bytes, 0) ?:
		      transfer(DEVICE_BUFFER, copy->to_address + done, bytes, TO_MEMORY);
	}
	return ret;
}

static void let_go(struct import *import)
{
	if (import->table)
		dma_buf_unmap_attachment_unlocked(import->attachment, import->table,
						  DMA_BIDIRECTIONAL);
	if (import->attachment)
		dma_buf_detach(import->buffer, import->attachment);
	if (import->buffer)
		dma_buf_put(import->buffer);
	memset(import, 0, sizeof(*import));
}

static int attach(struct import *import, int fd)
{
	struct dma_buf *buffer;
	int ret;

	if (import->buffer)
		return -EBUSY;
	buffer = dma_buf_get(fd);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	import->buffer = buffer;
	import->attachment = dma_buf_attach(buffer, &device->dev);
	if (IS_ERR(import->attachment)) {
		ret = PTR_ERR(import->attachment);
		import->attachment = NULL;
		let_go(import);
		return ret;
	}
	import->table = dma_buf_map_attachment_unlocked(import->attachment, DMA_BIDIRECTIONAL);
	if (IS_ERR(import->table)) {
		ret = PTR_ERR(import->table);
		import->table = NULL;
		let_go(import);
		return ret;
	}
	return 0;
}

static long edu_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	struct import *import = file->private_data;
	struct edu_dma_copy numbers;
	long ret;

	mutex_lock(&lock);
	switch (request) {
	case EDU_DMA_ATTACH:
		ret = attach(import, argument);
		break;
	case EDU_DMA_COPY:
		ret = copy_from_user(&numbers, (void __user *)argument, sizeof(numbers)) ? -EFAULT :
		      copy(import, &numbers);
		if (!ret && copy_to_user((void __user *)argument, &numbers, sizeof(numbers)))
			ret = -EFAULT;
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&lock);
	return ret;
}

static int edu_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct import), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int edu_release(struct inode *inode, struct file *file)
{
	let_go(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
};

static struct miscdevice node = { .minor = MISC_DYNAMIC_MINOR, .name = "edu-dma", .fops = &operations };

static int edu_probe(struct pci_dev *found, const struct pci_device_id *id)
{
	int ret = pcim_enable_device(found);

	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&found->dev, DMA_BIT_MASK(48));
	if (ret)
		return ret;
	registers = pcim_iomap(found, 0, 0);
	if (!registers)
		return -ENOMEM;
	pci_set_master(found);
	device = found;
	return misc_register(&node);
}

static void edu_remove(struct pci_dev *found)
{
	misc_deregister(&node);
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver edu_driver = {
	.name = "edu_dma", .id_table = ids, .probe = edu_probe, .remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("QEMU's edu device copies within a dma-buf, for tests");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
