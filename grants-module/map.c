// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * Another domain's pages, mapped for the CPU (GNTMAP_host_map). Never with GNTMAP_device_map, which
 * Xen refuses to domains that it translates for. Where the IOMMU is Xen's, these pages are in it as
 * any of this domain.
 */
#include <linux/slab.h>
#include "grants.h"

static phys_addr_t kernel_address(struct page *page)
{
	return (phys_addr_t)(unsigned long)page_address(page);
}

/*
 * Unmaps the first @count of the buffer's pages and tells how many of them stay mapped. Waits until
 * nobody has a reference to them; users of the dma-buf take none.
 */
static unsigned int unmap_first(struct gcg_buffer *buffer, unsigned int count)
{
	unsigned int i, lost = 0;
	int ret;

	if (!count)
		return 0;
	buffer->unmapping.unmap_ops = buffer->unmap;
	buffer->unmapping.pages = buffer->pages;
	buffer->unmapping.count = count;
	ret = gnttab_unmap_refs_sync(&buffer->unmapping);
	for (i = 0; i < count; i++)
		lost += ret || buffer->unmap[i].status != GNTST_okay;
	if (lost)
		pr_err("%u of %u pages of domain %u could not be unmapped (%d)\n", lost, count,
		       buffer->domid, ret);
	return lost;
}

/* Addresses that still show another domain's memory are never used again. */
static void free_addresses(struct gcg_buffer *buffer, unsigned int lost)
{
	if (!lost)
		gnttab_free_pages(buffer->count, buffer->pages);
}

/* Tells how many were mapped: those of them come first, in the pages and in what unmaps them. */
static unsigned int map_all(struct gcg_buffer *buffer, struct gnttab_map_grant_ref *map, u32 flags,
			    int *error)
{
	unsigned int i, mapped = 0;

	*error = gnttab_map_refs(map, NULL, buffer->pages, buffer->count);
	for (i = 0; i < buffer->count; i++) {
		if (map[i].status != GNTST_okay) {
			pr_debug("reference %u of domain %u: status %d\n", map[i].ref,
				 buffer->domid, map[i].status);
			if (!*error)
				*error = -EINVAL;
			continue;
		}
		gnttab_set_unmap_op(&buffer->unmap[mapped], kernel_address(buffer->pages[i]),
				    flags, map[i].handle);
		swap(buffer->pages[mapped], buffer->pages[i]);
		mapped++;
	}
	return mapped;
}

int gcg_map(struct gcg_buffer *buffer, const u32 *refs)
{
	u32 flags = GNTMAP_host_map | (buffer->read_only ? GNTMAP_readonly : 0);
	struct gnttab_map_grant_ref *map;
	unsigned int i, mapped;
	int ret = -ENOMEM;

	map = kvcalloc(buffer->count, sizeof(*map), GFP_KERNEL);
	buffer->unmap = kvcalloc(buffer->count, sizeof(*buffer->unmap), GFP_KERNEL);
	if (!map || !buffer->unmap)
		goto free;
	/* Addresses without memory of their own behind them, made for such mappings. */
	ret = gnttab_alloc_pages(buffer->count, buffer->pages);
	if (ret)
		goto free;
	for (i = 0; i < buffer->count; i++)
		gnttab_set_map_op(&map[i], kernel_address(buffer->pages[i]), flags, refs[i],
				  buffer->domid);
	mapped = map_all(buffer, map, flags, &ret);
	if (!ret)
		goto free_map;
	free_addresses(buffer, unmap_first(buffer, mapped));
free:
	kvfree(buffer->unmap);
	buffer->unmap = NULL;
free_map:
	kvfree(map);
	return ret;
}

/* Always true, like gcg_ungrant when it is done: nobody can keep us from unmapping. */
bool gcg_unmap(struct gcg_buffer *buffer)
{
	free_addresses(buffer, unmap_first(buffer, buffer->count));
	kvfree(buffer->unmap);
	return true;
}
