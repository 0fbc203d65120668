// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * Pages as a dma-buf that can be mapped by user space, by the kernel and by devices: pages of
 * ours (MMAP), or pages of a producer, pinned (USERPTR). They live until the last user of the
 * dma-buf is gone, a reader's mapping included.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "loopback.h"

struct gcl_pages {
	struct page **pages;
	unsigned int count;
	bool read_only;
	struct mm_struct *mm; /* charged for pinned pages; NULL for pages of ours */
	struct mutex lock; /* of the list */
	struct list_head attachments;
};

struct gcl_attachment {
	struct list_head list;
	struct device *dev;
	struct sg_table *table;
	enum dma_data_direction direction;
};

static int gcl_pages_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gcl_pages *pages = dmabuf->priv;
	struct gcl_attachment *attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);

	if (!attachment)
		return -ENOMEM;
	attachment->dev = attach->dev;
	attach->priv = attachment;
	mutex_lock(&pages->lock);
	list_add(&attachment->list, &pages->attachments);
	mutex_unlock(&pages->lock);
	return 0;
}

static void gcl_pages_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gcl_pages *pages = dmabuf->priv;
	struct gcl_attachment *attachment = attach->priv;

	mutex_lock(&pages->lock);
	list_del(&attachment->list);
	mutex_unlock(&pages->lock);
	kfree(attachment);
}

static struct sg_table *gcl_pages_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction direction)
{
	struct gcl_pages *pages = attach->dmabuf->priv;
	struct gcl_attachment *attachment = attach->priv;
	struct sg_table *table;
	int ret;

	if (pages->read_only && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(table, pages->pages, pages->count, 0,
					(unsigned long)pages->count << PAGE_SHIFT, GFP_KERNEL);
	if (ret)
		goto free;
	ret = dma_map_sgtable(attach->dev, table, direction, 0);
	if (ret)
		goto free_table;
	mutex_lock(&pages->lock);
	attachment->table = table;
	attachment->direction = direction;
	mutex_unlock(&pages->lock);
	return table;

free_table:
	sg_free_table(table);
free:
	kfree(table);
	return ERR_PTR(ret);
}

static void gcl_pages_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
			    enum dma_data_direction direction)
{
	struct gcl_pages *pages = attach->dmabuf->priv;
	struct gcl_attachment *attachment = attach->priv;

	mutex_lock(&pages->lock);
	attachment->table = NULL;
	mutex_unlock(&pages->lock);
	dma_unmap_sgtable(attach->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

static int gcl_pages_begin(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct gcl_pages *pages = dmabuf->priv;
	struct gcl_attachment *attachment;

	mutex_lock(&pages->lock);
	list_for_each_entry(attachment, &pages->attachments, list)
		if (attachment->table)
			dma_sync_sgtable_for_cpu(attachment->dev, attachment->table,
						 attachment->direction);
	mutex_unlock(&pages->lock);
	return 0;
}

static int gcl_pages_end(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct gcl_pages *pages = dmabuf->priv;
	struct gcl_attachment *attachment;

	mutex_lock(&pages->lock);
	list_for_each_entry(attachment, &pages->attachments, list)
		if (attachment->table)
			dma_sync_sgtable_for_device(attachment->dev, attachment->table,
						    attachment->direction);
	mutex_unlock(&pages->lock);
	return 0;
}

/*
 * All at once, neighbours together, and as page frames without reference counts: pinned pages of
 * a process may be anonymous ones, which a second mapping must not count. The mapping holds the
 * dma-buf, and that holds them.
 */
static int gcl_pages_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct gcl_pages *pages = dmabuf->priv;
	unsigned long address = vma->vm_start, first = vma->vm_pgoff, left = vma_pages(vma);
	unsigned long run, pfn;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (first > pages->count || left > pages->count - first)
		return -EINVAL;
	if (pages->read_only) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		gcl_vm_flags_mod(vma, 0, VM_MAYWRITE);
	}
	gcl_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, 0);
	while (left) {
		pfn = page_to_pfn(pages->pages[first]);
		for (run = 1; run < left; run++)
			if (page_to_pfn(pages->pages[first + run]) != pfn + run)
				break;
		ret = remap_pfn_range(vma, address, pfn, run << PAGE_SHIFT, vma->vm_page_prot);
		if (ret)
			return ret;
		address += run << PAGE_SHIFT;
		first += run;
		left -= run;
	}
	return 0;
}

static int gcl_pages_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct gcl_pages *pages = dmabuf->priv;
	void *address = vmap(pages->pages, pages->count, VM_MAP,
			     pages->read_only ? PAGE_KERNEL_RO : PAGE_KERNEL);

	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void gcl_pages_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

/* The caller has made sure that nobody maps them any more. */
static void gcl_pages_free(struct gcl_pages *pages)
{
	unsigned int i;

	if (pages->mm) {
		unpin_user_pages_dirty_lock(pages->pages, pages->count, !pages->read_only);
		account_locked_vm(pages->mm, pages->count, false);
		mmdrop(pages->mm);
	} else {
		for (i = 0; i < pages->count; i++)
			__free_page(pages->pages[i]);
	}
	kvfree(pages->pages);
	kfree(pages);
}

static void gcl_pages_release(struct dma_buf *dmabuf)
{
	gcl_pages_free(dmabuf->priv);
}

static const struct dma_buf_ops gcl_pages_ops = {
	.attach = gcl_pages_attach,
	.detach = gcl_pages_detach,
	.map_dma_buf = gcl_pages_map,
	.unmap_dma_buf = gcl_pages_unmap,
	.begin_cpu_access = gcl_pages_begin,
	.end_cpu_access = gcl_pages_end,
	.mmap = gcl_pages_mmap,
	.vmap = gcl_pages_vmap,
	.vunmap = gcl_pages_vunmap,
	.release = gcl_pages_release,
};

/*
 * Takes the array and what is in it over, in failure too. Pinned pages have been charged to the
 * current process.
 */
struct dma_buf *gcl_export_pages(struct page **array, unsigned int count, bool pinned,
				 bool read_only)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct gcl_pages *pages;
	struct dma_buf *dmabuf;

	/*
	 * It is small, and giving back what the caller hands over needs it, so this cannot be
	 * allowed to fail.
	 */
	pages = kzalloc(sizeof(*pages), GFP_KERNEL | __GFP_NOFAIL);
	pages->pages = array;
	pages->count = count;
	pages->read_only = read_only;
	mutex_init(&pages->lock);
	INIT_LIST_HEAD(&pages->attachments);
	if (pinned) {
		/*
		 * Only the structure is kept, to be uncharged: the process may end before its
		 * pages are free.
		 */
		mmgrab(current->mm);
		pages->mm = current->mm;
	}
	info.ops = &gcl_pages_ops;
	info.size = (size_t)count << PAGE_SHIFT;
	info.flags = read_only ? O_RDONLY : O_RDWR;
	info.priv = pages;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		gcl_pages_free(pages);
	return dmabuf;
}
