/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright the guestcam authors */
/*
 * guestcam_loopback: what its files share.
 *
 * The words: a camera has an OUTPUT node for its one producer and a CAPTURE node for its readers.
 * A slot is an OUTPUT buffer. A frame is one queueing of a slot. A memory is a dma-buf; slots and
 * readers' buffers point to memories, and nothing is ever copied from one to the other.
 *
 * Locks, outermost first:
 *   gcl_registry_lock	the list of cameras, their users
 *   queue locks	one for the OUTPUT queue, one for each reader's; they serialise ioctls and
 *			may be held across anything that user space can stall (a page fault, a
 *			fence), so neither side takes the other's
 *   camera->idle_lock	making the "no signal" picture
 *   camera->lock	a spinlock: everything that the two sides share; never held across
 *			anything that waits
 */
#ifndef GUESTCAM_LOOPBACK_H
#define GUESTCAM_LOOPBACK_H

#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <media/v4l2-ctrls.h>
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-event.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#include <media/videobuf2-v4l2.h>
#include "compat.h"
#include "uapi/guestcam_loopback.h"

#define GCL_DRIVER "guestcam_loopback"
#define GCL_SHORT "guestcam" /* QUERYCAP has room for 15 bytes */
#define GCL_MAX_BUFFERS VIDEO_MAX_FRAME
#define GCL_SIDE_LIMIT 8192
#define GCL_CAMERAS_MAX 64
#define GCL_RATE_DEFAULT 30
#define GCL_RATE_MAX 1000
#define GCL_TIMEOUT_MAX (3600 * 1000)

/*
 * A picture's memory: a dma-buf, somebody's or ours, and its kernel mapping once read() or write()
 * needed one.
 */
struct gcl_memory {
	struct kref refs;
	struct dma_buf *dmabuf;
	bool read_only; /* for readers */
	bool copied; /* from user memory that cannot be shared, each time it is queued */
	struct mutex lock; /* calls of the exporter, and the two below */
	struct iosys_map map;
	bool mapped;
};

enum gcl_slot_state {
	GCL_SLOT_PRODUCER,	/* the producer has it */
	GCL_SLOT_PENDING,	/* waits for a fence, or for a lossless reader */
	GCL_SLOT_SHOWN,		/* is the latest frame, or held by readers, or both */
};

/* An OUTPUT buffer. Below vb: camera->lock. */
struct gcl_slot {
	struct vb2_v4l2_buffer vb; /* first: vb2 allocates it so */
	struct list_head pending;
	struct gcl_memory *memory; /* NULL while nothing is bound */
	enum gcl_slot_state state;
	unsigned int holds;
	unsigned long replaced_at;
	u64 serial;
};

/* A CAPTURE buffer. Below vb: camera->lock. */
struct gcl_reader_buffer {
	struct vb2_v4l2_buffer vb; /* first */
	struct list_head queued;
	struct gcl_slot *slot; /* held for the reader, or NULL */
	bool done; /* given to vb2, not yet dequeued */
	bool revoked;
	bool cpu_access; /* between DQBUF and QBUF; the queue's lock */
};

/*
 * What a slot was bound to before, under its dma-buf's name; the memory itself once it has come
 * again.
 */
struct gcl_unbound {
	unsigned long name;
	u64 used; /* 0: nothing is here */
	struct gcl_memory *memory;
};

struct gcl_reader {
	struct v4l2_fh fh; /* first */
	struct gcl_camera *camera;
	struct mutex lock; /* of the queue */
	struct vb2_queue queue;
	struct gcl_memory *chosen[GCL_MAX_BUFFERS]; /* for REQBUFS; the queue's lock */

	/* camera->lock */
	struct list_head list;
	struct list_head queued;
	struct gcl_reader_buffer *buffers[GCL_MAX_BUFFERS];
	u64 first_serial; /* of the frame that this reader's sequence counts from */
	u64 last_serial;
	unsigned int held;
	unsigned int undequeued;
	bool owner;
	bool streaming;
	bool ending;
	bool told;
};

struct gcl_format {
	u32 fourcc;
	u8 bits; /* of a pixel in the first plane */
	u8 step; /* pixels that belong together in a packed row */
	u8 chroma_planes; /* behind the first */
	u8 hsub, vsub; /* of these */
	bool yuv;
	bool compressed;
};

struct gcl_camera {
	struct list_head list; /* gcl_registry_lock */
	u32 id;
	unsigned int users;
	bool removed;
	struct guestcam_loopback_camera options;

	struct v4l2_device v4l2_dev;
	struct video_device output;
	struct video_device capture;
	struct v4l2_ctrl_handler controls;
	struct v4l2_ctrl *control[6];
	struct delayed_work controls_work;

	struct mutex output_lock; /* of the queue */
	struct vb2_queue queue; /* the producer's */

	spinlock_t lock; /* all down to copied */
	struct v4l2_pix_format format;
	struct v4l2_fract interval;
	struct gcl_slot *slots[GCL_MAX_BUFFERS];
	unsigned int slot_count; /* that vb2 was told to make; vb2's own count needs output_lock */
	unsigned int bound_count;
	unsigned long bound_at; /* when memory was last bound that is not known to come again */
	bool learning; /* that was while streaming */
	struct gcl_unbound unbound[GCL_MAX_BUFFERS];
	u64 unbindings;
	wait_queue_head_t bound_wait;
	struct list_head pending;
	struct gcl_slot *latest;
	bool live; /* a producer streams */
	u64 serial;
	u32 sequence;
	struct list_head readers;
	unsigned int owners; /* readers with buffers */
	unsigned int streaming;
	u64 frames, dropped, revoked;
	atomic64_t copied;

	struct work_struct fence_work;
	struct delayed_work revoke_work;
	struct delayed_work idle_work;
	struct mutex idle_lock; /* making the picture; replacing it needs lock too */
	struct gcl_memory *picture; /* "no signal"; NULL until a reader needs it */
	struct gcl_memory *last; /* the frame that is kept, or NULL */
};

static inline struct gcl_slot *to_slot(struct vb2_buffer *vb)
{
	return container_of(to_vb2_v4l2_buffer(vb), struct gcl_slot, vb);
}

static inline struct gcl_reader_buffer *to_reader_buffer(struct vb2_buffer *vb)
{
	return container_of(to_vb2_v4l2_buffer(vb), struct gcl_reader_buffer, vb);
}

static inline struct gcl_memory *gcl_buffer_memory(struct vb2_v4l2_buffer *vb)
{
	return vb->vb2_buf.planes[0].mem_priv;
}

/* main.c */
extern struct device *gcl_parent;
extern struct mutex gcl_registry_lock;
extern struct list_head gcl_cameras;
void gcl_options_defaults(struct guestcam_loopback_camera *options);

/* control.c */
int gcl_control_register(void);
void gcl_control_unregister(void);

/* camera.c */
int gcl_camera_create(struct guestcam_loopback_camera *options);
int gcl_camera_remove(struct gcl_camera *camera);
int gcl_camera_get(struct gcl_camera *camera);
void gcl_camera_put(struct gcl_camera *camera);

/* controls.c */
int gcl_controls_init(struct gcl_camera *camera);
void gcl_controls_changed(struct gcl_camera *camera);

/* formats.c */
const struct gcl_format *gcl_format_at(unsigned int index);
const struct gcl_format *gcl_format_find(u32 fourcc);
void gcl_format_fit(const struct gcl_camera *camera, struct v4l2_pix_format *pix);
void gcl_format_default(const struct gcl_camera *camera, struct v4l2_pix_format *pix);
struct v4l2_pix_format gcl_format_now(struct gcl_camera *camera);

/* memory.c, exporter.c */
struct gcl_memory *gcl_memory_of_dmabuf(struct dma_buf *dmabuf);
struct gcl_memory *gcl_memory_alloc(size_t size);
struct gcl_memory *gcl_memory_pin(unsigned long address, size_t size);
struct gcl_memory *gcl_memory_get(struct gcl_memory *memory);
void gcl_memory_put(struct gcl_memory *memory);
void *gcl_memory_map(struct gcl_memory *memory);
int gcl_memory_begin_read(struct gcl_memory *memory);
void gcl_memory_end_read(struct gcl_memory *memory);
struct dma_buf *gcl_export_pages(struct page **array, unsigned int count, bool pinned,
				 bool read_only);

/* memops.c */
extern const struct vb2_mem_ops gcl_output_memops;
extern const struct vb2_mem_ops gcl_capture_memops;

/* bindings.c */
struct gcl_memory *gcl_memory_known(struct gcl_camera *camera, const struct dma_buf *dmabuf);
bool gcl_memory_may_come(struct gcl_camera *camera, const struct dma_buf *dmabuf);
void gcl_slot_bind(struct gcl_camera *camera, struct gcl_slot *slot, struct gcl_memory *memory);
struct gcl_memory *gcl_slot_unbind(struct gcl_camera *camera, struct gcl_slot *slot);
void gcl_unbound_forget(struct gcl_camera *camera);
unsigned int gcl_reader_choose(struct gcl_reader *reader);
void gcl_reader_unchoose(struct gcl_reader *reader);

/* idle.c */
struct gcl_memory *gcl_idle_shown(struct gcl_camera *camera);
struct gcl_memory *gcl_reader_memory(struct gcl_reader *reader, unsigned int index, size_t size);
unsigned long gcl_idle_interval(const struct gcl_camera *camera);
void gcl_idle_work(struct work_struct *work);

/* frames.c */
void gcl_slot_queue(struct gcl_camera *camera, struct gcl_slot *slot);
void gcl_producer_start(struct gcl_camera *camera);
void gcl_producer_stop(struct gcl_camera *camera);
void gcl_fence_work(struct work_struct *work);

/* readers.c */
void gcl_reader_offer(struct gcl_reader *reader, struct gcl_slot *slot);
bool gcl_reader_ready(struct gcl_reader *reader, struct gcl_slot *slot);
void gcl_reader_queue(struct gcl_reader *reader, struct gcl_reader_buffer *buffer);
void gcl_reader_release(struct gcl_reader *reader, struct gcl_reader_buffer *buffer);
void gcl_reader_end(struct gcl_reader *reader);
void gcl_reader_finished(struct gcl_reader *reader, struct gcl_reader_buffer *buffer);
void gcl_reader_give(struct gcl_reader *reader, struct gcl_reader_buffer *buffer, u64 serial,
		     u64 timestamp, u32 bytes, u32 field);
void gcl_slot_drop_holds(struct gcl_camera *camera, struct gcl_slot *slot);
void gcl_slot_unhold(struct gcl_camera *camera, struct gcl_slot *slot);
void gcl_pump(struct gcl_camera *camera);
void gcl_revoke_work(struct work_struct *work);

/* output.c, output_queue.c, capture.c, capture_queue.c */
extern const struct v4l2_file_operations gcl_output_fops;
extern const struct v4l2_ioctl_ops gcl_output_ioctls;
extern const struct v4l2_ioctl_ops gcl_output_mplane_ioctls;
extern const struct v4l2_file_operations gcl_capture_fops;
extern const struct v4l2_ioctl_ops gcl_capture_ioctls;
int gcl_output_queue_init(struct gcl_camera *camera);
int gcl_reader_queue_init(struct gcl_reader *reader);
void gcl_source_changed(struct gcl_camera *camera);

#endif
