// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * A buffer's pages as a dma-buf, for user space (mmap), the kernel (vmap) and devices.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "grants.h"

struct gcg_attachment {
	struct list_head list;
	struct device *dev;
	struct sg_table *table;
	enum dma_data_direction direction;
};

static int gcg_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	struct gcg_attachment *attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);

	if (!attachment)
		return -ENOMEM;
	attachment->dev = attach->dev;
	attach->priv = attachment;
	mutex_lock(&buffer->lock);
	list_add(&attachment->list, &buffer->attachments);
	mutex_unlock(&buffer->lock);
	return 0;
}

static void gcg_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	struct gcg_attachment *attachment = attach->priv;

	mutex_lock(&buffer->lock);
	list_del(&attachment->list);
	mutex_unlock(&buffer->lock);
	kfree(attachment);
}

/*
 * One segment a page: pages that are neighbours for this domain need not be neighbours in the
 * machine, and a segment over such a border would be bounced, as a picture of one moment.
 */
static struct sg_table *table_of(struct gcg_buffer *buffer)
{
	struct sg_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	struct scatterlist *segment;
	unsigned int i;

	if (!table)
		return NULL;
	if (sg_alloc_table(table, buffer->count, GFP_KERNEL)) {
		kfree(table);
		return NULL;
	}
	for_each_sgtable_sg(table, segment, i)
		sg_set_page(segment, buffer->pages[i], PAGE_SIZE, 0);
	return table;
}

/* Whether users of the dma-buf may only read; what is granted is ours, and only they may not. */
static bool is_read_only(const struct gcg_buffer *buffer)
{
	return buffer->read_only && !buffer->granted;
}

static struct sg_table *gcg_map_attachment(struct dma_buf_attachment *attach,
					   enum dma_data_direction direction)
{
	struct gcg_buffer *buffer = attach->dmabuf->priv;
	struct gcg_attachment *attachment = attach->priv;
	struct sg_table *table;
	int ret;

	if (is_read_only(buffer) && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	table = table_of(buffer);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = dma_map_sgtable(attach->dev, table, direction, 0);
	if (ret) {
		sg_free_table(table);
		kfree(table);
		return ERR_PTR(ret);
	}
	mutex_lock(&buffer->lock);
	attachment->table = table;
	attachment->direction = direction;
	mutex_unlock(&buffer->lock);
	return table;
}

static void gcg_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *table,
				 enum dma_data_direction direction)
{
	struct gcg_buffer *buffer = attach->dmabuf->priv;
	struct gcg_attachment *attachment = attach->priv;

	mutex_lock(&buffer->lock);
	attachment->table = NULL;
	mutex_unlock(&buffer->lock);
	dma_unmap_sgtable(attach->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

static int gcg_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	struct gcg_attachment *attachment;

	mutex_lock(&buffer->lock);
	list_for_each_entry(attachment, &buffer->attachments, list)
		if (attachment->table)
			dma_sync_sgtable_for_cpu(attachment->dev, attachment->table,
						 attachment->direction);
	mutex_unlock(&buffer->lock);
	return 0;
}

static int gcg_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	struct gcg_attachment *attachment;

	mutex_lock(&buffer->lock);
	list_for_each_entry(attachment, &buffer->attachments, list)
		if (attachment->table)
			dma_sync_sgtable_for_device(attachment->dev, attachment->table,
						    attachment->direction);
	mutex_unlock(&buffer->lock);
	return 0;
}

static vm_fault_t gcg_fault(struct vm_fault *vmf)
{
	struct gcg_buffer *buffer = vmf->vma->vm_private_data;

	if (vmf->pgoff >= buffer->count)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(buffer->pages[vmf->pgoff]));
}

static const struct vm_operations_struct gcg_vm_ops = {
	.fault = gcg_fault,
};

/*
 * By page frame numbers: nothing else can take references to the pages then, and so a mapping or
 * its end is all that the grants have to wait for. The mapping holds the dma-buf.
 */
static int gcg_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	vm_flags_t never = 0;

	/* VM_SHARED is cleared where the file is for reading only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (is_read_only(buffer)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		never = VM_MAYWRITE;
	}
	gcg_vm_flags_mod(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, never);
	vma->vm_private_data = buffer;
	vma->vm_ops = &gcg_vm_ops;
	return 0;
}

static int gcg_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct gcg_buffer *buffer = dmabuf->priv;
	void *address;

	if (is_read_only(buffer))
		return -EACCES;
	address = vmap(buffer->pages, buffer->count, VM_MAP, PAGE_KERNEL);
	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void gcg_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void gcg_release(struct dma_buf *dmabuf)
{
	gcg_buffer_end(dmabuf->priv);
}

static const struct dma_buf_ops gcg_dma_buf_ops = {
	.attach = gcg_attach,
	.detach = gcg_detach,
	.map_dma_buf = gcg_map_attachment,
	.unmap_dma_buf = gcg_unmap_attachment,
	.begin_cpu_access = gcg_begin_cpu_access,
	.end_cpu_access = gcg_end_cpu_access,
	.mmap = gcg_mmap,
	.vmap = gcg_vmap,
	.vunmap = gcg_vunmap,
	.release = gcg_release,
};

/* On success the buffer belongs to the dma-buf. */
struct dma_buf *gcg_export(struct gcg_buffer *buffer)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &gcg_dma_buf_ops;
	info.size = (size_t)buffer->count << PAGE_SHIFT;
	info.flags = is_read_only(buffer) ? O_RDONLY : O_RDWR;
	info.priv = buffer;
	return dma_buf_export(&info);
}
