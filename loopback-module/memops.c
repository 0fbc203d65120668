// SPDX-License-Identifier: GPL-2.0
// Copyright the guestcam authors
/*
 * videobuf2's memory operations, of which this module brings its own, because none that exist
 * only hold memory. The OUTPUT side binds memory to a slot: it neither maps it nor attaches a
 * device, so queueing costs the same at every size. The CAPTURE side allocates nothing: a
 * reader's buffer *is* a slot's memory.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include "loopback.h"

/* Every buffer is mapped in whole pages, so there must be as many. */
static struct gcl_memory *gcl_memory_checked(struct gcl_memory *memory, unsigned long size)
{
	if (!IS_ERR(memory) && memory->dmabuf->size < PAGE_ALIGN(size)) {
		gcl_memory_put(memory);
		return ERR_PTR(-EINVAL);
	}
	return memory;
}

static void *gcl_output_alloc(struct vb2_buffer *vb, struct device *dev, unsigned long size)
{
	return gcl_memory_alloc(size);
}

static void *gcl_output_attach(struct vb2_buffer *vb, struct device *dev, struct dma_buf *dmabuf,
			       unsigned long size)
{
	struct gcl_camera *camera = vb->vb2_queue->drv_priv;
	struct gcl_memory *memory;

	/* One dma-buf in several slots is one memory. */
	spin_lock(&camera->lock);
	memory = gcl_memory_known(camera, dmabuf);
	if (memory)
		gcl_memory_get(memory);
	spin_unlock(&camera->lock);
	if (!memory)
		memory = gcl_memory_of_dmabuf(dmabuf);
	return gcl_memory_checked(memory, vb->planes[0].min_length);
}

static int gcl_output_map(void *memory)
{
	return 0;
}

static void gcl_output_unmap(void *memory)
{
}

static void *gcl_output_userptr(struct vb2_buffer *vb, struct device *dev, unsigned long address,
				unsigned long size)
{
	return gcl_memory_pin(address, size);
}

static void *gcl_capture_alloc(struct vb2_buffer *vb, struct device *dev, unsigned long size)
{
	struct gcl_reader *reader = vb->vb2_queue->drv_priv;

	return gcl_memory_checked(gcl_reader_memory(reader, vb->index, size), size);
}

static void gcl_put(void *memory)
{
	gcl_memory_put(memory);
}

/*
 * The dma-buf itself, so that an importer that knows it already recognises it. Its file has the
 * rights it has.
 */
static struct dma_buf *gcl_get_dmabuf(struct vb2_buffer *vb, void *priv, unsigned long flags)
{
	struct gcl_memory *memory = priv;

	get_dma_buf(memory->dmabuf);
	return memory->dmabuf;
}

static void *gcl_vaddr(struct vb2_buffer *vb, void *memory)
{
	return gcl_memory_map(memory);
}

/*
 * One is the buffer's own; mappings and exported descriptors are further references to the
 * dma-buf's file.
 */
static unsigned int gcl_num_users(void *priv)
{
	struct gcl_memory *memory = priv;

	return file_count(memory->dmabuf->file);
}

/*
 * The mapping becomes the exporter's: from here on nothing of it passes through this module.
 *
 * mmap runs beside REQBUFS, and may find a buffer that has no memory yet.
 */
static int gcl_output_mmap(void *priv, struct vm_area_struct *vma)
{
	struct gcl_memory *memory = priv;

	if (!memory)
		return -EINVAL;
	return dma_buf_mmap(memory->dmabuf, vma, 0);
}

/*
 * Programs map pictures for writing and never write, so where that is not allowed the right is
 * taken away, not the picture: from memory that even the producer could only read, and from every
 * reader of a protected camera.
 */
static int gcl_capture_mmap(void *priv, struct vm_area_struct *vma)
{
	struct gcl_memory *memory = priv;

	if (!memory)
		return -EINVAL;
	if (memory->read_only)
		gcl_vm_flags_mod(vma, 0, VM_WRITE | VM_MAYWRITE);
	if (!(vma->vm_flags & VM_WRITE))
		vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return dma_buf_mmap(memory->dmabuf, vma, 0);
}

const struct vb2_mem_ops gcl_output_memops = {
	.alloc = gcl_output_alloc,
	.put = gcl_put,
	.get_dmabuf = gcl_get_dmabuf,
	.get_userptr = gcl_output_userptr,
	.put_userptr = gcl_put,
	.attach_dmabuf = gcl_output_attach,
	.detach_dmabuf = gcl_put,
	.map_dmabuf = gcl_output_map,
	.unmap_dmabuf = gcl_output_unmap,
	.vaddr = gcl_vaddr,
	.num_users = gcl_num_users,
	.mmap = gcl_output_mmap,
};

const struct vb2_mem_ops gcl_capture_memops = {
	.alloc = gcl_capture_alloc,
	.put = gcl_put,
	.get_dmabuf = gcl_get_dmabuf,
	.vaddr = gcl_vaddr,
	.num_users = gcl_num_users,
	.mmap = gcl_capture_mmap,
};
