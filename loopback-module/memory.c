// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * A picture's memory. Whatever it is made of, it is held as a dma-buf, so that readers have one
 * way to map it and one way to export it, and so that two slots with the same memory can be told
 * by comparing pointers.
 */
#include <linux/dma-buf.h>
#include <linux/slab.h>
#include "loopback.h"

/* Takes the caller's reference to the dma-buf over, in failure too. */
static struct gcl_memory *gcl_memory_new(struct dma_buf *dmabuf)
{
	struct gcl_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);

	if (!memory) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&memory->refs);
	mutex_init(&memory->lock);
	memory->dmabuf = dmabuf;
	return memory;
}

/*
 * Readers can only be shown what can be mapped. An exporter without mmap (Xen's gntdev is one) is
 * refused when its memory is queued, with an errno of its own, instead of failing every reader
 * later.
 */
struct gcl_memory *gcl_memory_of_dmabuf(struct dma_buf *dmabuf)
{
	if (!dmabuf->ops->mmap)
		return ERR_PTR(-ENODEV);
	get_dma_buf(dmabuf);
	return gcl_memory_new(dmabuf);
}

static struct gcl_memory *gcl_memory_of_pages(struct page **pages, unsigned int count,
					      bool pinned, bool read_only)
{
	struct dma_buf *dmabuf = gcl_export_pages(pages, count, pinned, read_only);
	struct gcl_memory *memory;

	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	memory = gcl_memory_new(dmabuf);
	if (!IS_ERR(memory))
		memory->read_only = read_only;
	return memory;
}

/*
 * Zeroed memory of our own: OUTPUT's MMAP buffers, and the idle picture. Charged to whoever asks
 * for it.
 */
struct gcl_memory *gcl_memory_alloc(size_t size)
{
	unsigned int count = PAGE_ALIGN(size) >> PAGE_SHIFT, i;
	struct page **pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL_ACCOUNT);

	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++) {
		pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL);
		if (!pages[i]) {
			while (i)
				__free_page(pages[--i]);
			kvfree(pages);
			return ERR_PTR(-ENOMEM);
		}
		cond_resched();
	}
	return gcl_memory_of_pages(pages, count, false, false);
}

/*
 * A producer's own memory. It is pinned for as long as anybody maps or holds it, which may be
 * longer than the producer lives, so it counts as locked memory (see exporter.c).
 */
struct gcl_memory *gcl_memory_pin(unsigned long address, size_t size)
{
	unsigned int count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct gcl_memory *memory;
	bool read_only = false;
	struct page **pages;
	int pinned, ret;

	/*
	 * Readers' mappings begin at a page, and the picture must begin there too. Where it does
	 * not (malloc gives such memory), it is copied, and counted, as write() would.
	 */
	if (!PAGE_ALIGNED(address)) {
		memory = gcl_memory_alloc(size);
		if (!IS_ERR(memory))
			memory->copied = true;
		return memory;
	}
	if (!count)
		return ERR_PTR(-EINVAL);
	pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	ret = account_locked_vm(current->mm, count, true);
	if (ret)
		goto free;
	pinned = pin_user_pages_fast(address, count, FOLL_WRITE | FOLL_LONGTERM, pages);
	if (pinned == -EFAULT) {
		/*
		 * A mapping that its owner may only read is shown, but nobody may ever write to
		 * it through us.
		 */
		read_only = true;
		pinned = pin_user_pages_fast(address, count, FOLL_LONGTERM, pages);
	}
	if (pinned != count) {
		if (pinned > 0)
			unpin_user_pages(pages, pinned);
		ret = pinned < 0 ? pinned : -EFAULT;
		goto account;
	}
	return gcl_memory_of_pages(pages, count, true, read_only);

account:
	account_locked_vm(current->mm, count, false);
free:
	kvfree(pages);
	return ERR_PTR(ret);
}

struct gcl_memory *gcl_memory_get(struct gcl_memory *memory)
{
	kref_get(&memory->refs);
	return memory;
}

static void gcl_memory_free(struct kref *refs)
{
	struct gcl_memory *memory = container_of(refs, struct gcl_memory, refs);

	if (memory->mapped)
		dma_buf_vunmap_unlocked(memory->dmabuf, &memory->map);
	dma_buf_put(memory->dmabuf);
	kfree(memory);
}

/* May sleep. */
void gcl_memory_put(struct gcl_memory *memory)
{
	if (memory)
		kref_put(&memory->refs, gcl_memory_free);
}

/* The kernel's view of it, made once and kept; NULL where there is none that memcpy could use. */
void *gcl_memory_map(struct gcl_memory *memory)
{
	void *address = NULL;

	mutex_lock(&memory->lock);
	if (!memory->mapped && dma_buf_vmap_unlocked(memory->dmabuf, &memory->map) == 0) {
		if (memory->map.is_iomem)
			dma_buf_vunmap_unlocked(memory->dmabuf, &memory->map);
		else
			memory->mapped = true;
	}
	if (memory->mapped)
		address = memory->map.vaddr;
	mutex_unlock(&memory->lock);
	return address;
}

/*
 * A reader's CPU begins to look, and has looked. Several readers do so at once, which not every
 * exporter is ready for (udmabuf of 6.12 loses a scatter list then), so they take turns.
 */
int gcl_memory_begin_read(struct gcl_memory *memory)
{
	int ret;

	mutex_lock(&memory->lock);
	ret = dma_buf_begin_cpu_access(memory->dmabuf, DMA_FROM_DEVICE);
	mutex_unlock(&memory->lock);
	return ret;
}

void gcl_memory_end_read(struct gcl_memory *memory)
{
	mutex_lock(&memory->lock);
	dma_buf_end_cpu_access(memory->dmabuf, DMA_FROM_DEVICE);
	mutex_unlock(&memory->lock);
}
