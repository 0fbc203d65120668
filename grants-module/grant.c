// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * Pages of this domain, granted to another: new ones, or those of a udmabuf. As long as the other
 * domain has one mapped, its grant cannot end, and none of the pages may be used anew.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <xen/page.h>
#include "grants.h"

static void free_pages_of(struct gcg_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < buffer->count && buffer->pages[i]; i++)
		__free_page(buffer->pages[i]);
}

static int alloc_pages_of(struct gcg_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < buffer->count; i++) {
		buffer->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
		if (!buffer->pages[i]) {
			free_pages_of(buffer);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

static void put_source(struct gcg_buffer *buffer)
{
	dma_buf_unmap_attachment_unlocked(buffer->attachment, buffer->source_table,
					  DMA_BIDIRECTIONAL);
	dma_buf_detach(buffer->source, buffer->attachment);
	dma_buf_put(buffer->source);
}

/* The attachment pins them: udmabuf's pages do not move, but another exporter's could. */
static int pages_of_source(struct gcg_buffer *buffer)
{
	struct scatterlist *segment;
	unsigned int i = 0, n;

	/* A segment within a huge page names its head and an offset of many pages. */
	for_each_sgtable_sg(buffer->source_table, segment, n) {
		unsigned int at = segment->offset, end = at + segment->length;

		if (!PAGE_ALIGNED(at) || !PAGE_ALIGNED(end))
			return -EOPNOTSUPP;
		for (; at < end; at += PAGE_SIZE) {
			struct page *page = pfn_to_page(page_to_pfn(sg_page(segment)) + (at >> PAGE_SHIFT));

			if (i == buffer->count || is_zone_device_page(page))
				return -EOPNOTSUPP;
			buffer->pages[i++] = page;
		}
	}
	return i == buffer->count ? 0 : -EOPNOTSUPP;
}

static int get_source(struct gcg_buffer *buffer, int fd)
{
	int ret;

	buffer->source = dma_buf_get(fd);
	if (IS_ERR(buffer->source))
		return PTR_ERR(buffer->source);
	ret = -EINVAL;
	if (buffer->source->size != (size_t)buffer->count << PAGE_SHIFT)
		goto put;
	/*
	 * Other exporters' memory may have no pages, be a device's, or be another domain's, and
	 * nothing that an importer sees tells so. Of udmabuf it is known.
	 */
	ret = -EOPNOTSUPP;
	if (strcmp(buffer->source->exp_name, "udmabuf"))
		goto put;
	buffer->attachment = dma_buf_attach(buffer->source, gcg_device);
	if (IS_ERR(buffer->attachment)) {
		ret = PTR_ERR(buffer->attachment);
		goto put;
	}
	buffer->source_table = dma_buf_map_attachment_unlocked(buffer->attachment,
							       DMA_BIDIRECTIONAL);
	if (IS_ERR(buffer->source_table)) {
		ret = PTR_ERR(buffer->source_table);
		dma_buf_detach(buffer->source, buffer->attachment);
		goto put;
	}
	ret = pages_of_source(buffer);
	if (ret)
		put_source(buffer);
	return ret;

put:
	dma_buf_put(buffer->source);
	return ret;
}

static void put_pages(struct gcg_buffer *buffer)
{
	if (buffer->source)
		put_source(buffer);
	else
		free_pages_of(buffer);
}

/* On success the grants are open, though no one was told their numbers yet. */
int gcg_grant(struct gcg_buffer *buffer, int source_fd)
{
	int ret;

	buffer->refs = kvcalloc(buffer->count, sizeof(*buffer->refs), GFP_KERNEL);
	if (!buffer->refs)
		return -ENOMEM;
	ret = source_fd < 0 ? alloc_pages_of(buffer) : get_source(buffer, source_fd);
	if (ret)
		goto free;
	for (; buffer->refs_left < buffer->count; buffer->refs_left++) {
		unsigned int i = buffer->refs_left;

		ret = gnttab_grant_foreign_access(buffer->domid, xen_page_to_gfn(buffer->pages[i]),
						  buffer->read_only);
		if (ret < 0)
			goto end;
		buffer->refs[i] = ret;
	}
	return 0;

end:
	/*
	 * A domain can guess numbers and map what it was not told of. Then the buffer has to live
	 * until it lets go: the caller finds refs still there and leaves the rest to the work item.
	 */
	gcg_ungrant(buffer);
	return ret;

free:
	kvfree(buffer->refs);
	buffer->refs = NULL;
	return ret;
}

/* Ends the grants that the other domain has let go of; frees everything when that was the last. */
bool gcg_ungrant(struct gcg_buffer *buffer)
{
	while (buffer->refs_left) {
		if (!gnttab_try_end_foreign_access(buffer->refs[buffer->refs_left - 1]))
			return false;
		buffer->refs_left--;
		cond_resched();
	}
	put_pages(buffer);
	kvfree(buffer->refs);
	buffer->refs = NULL;
	return true;
}
