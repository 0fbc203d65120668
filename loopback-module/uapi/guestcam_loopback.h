/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Copyright the guestcam authors */
/*
 * What user space needs of guestcam_loopback beyond V4L2: the control node that makes and removes
 * cameras, and the ids of the controls that tell what a camera does. Reading and producing need
 * neither: they are plain V4L2.
 */
#ifndef GUESTCAM_LOOPBACK_UAPI_H
#define GUESTCAM_LOOPBACK_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/v4l2-controls.h>

/* The control node, without /dev/. */
#define GUESTCAM_LOOPBACK_CONTROL	"guestcam-loopback"

/* What readers get while there is no producer. */
#define GUESTCAM_LOOPBACK_IDLE_NONE	0	/* nothing: streams end, new ones wait */
#define GUESTCAM_LOOPBACK_IDLE_LAST	1	/* the last frame; before the first as PICTURE */
#define GUESTCAM_LOOPBACK_IDLE_PICTURE	2	/* a "no signal" picture */

/* The OUTPUT node speaks the multi-planar API (one plane of memory), else the single-planar one. */
#define GUESTCAM_LOOPBACK_MULTIPLANAR	1
/* The producer waits for the slowest reader: none misses a frame. For readers that are trusted. */
#define GUESTCAM_LOOPBACK_LOSSLESS	2
/* Readers' mappings are made read-only, whatever they asked for, and EXPBUF is refused. */
#define GUESTCAM_LOOPBACK_PROTECTED	4

/**
 * struct guestcam_loopback_camera - one camera
 * @id:			the camera; given by CREATE
 * @output_nr:		the N of /dev/videoN where producers write; CREATE: -1 for any that is free
 * @capture_nr:		the same for readers
 * @flags:		GUESTCAM_LOOPBACK_MULTIPLANAR and so on
 * @idle:		one of GUESTCAM_LOOPBACK_IDLE_*
 * @max_width:		largest picture; CREATE: 0 for the module's limit
 * @max_height:		likewise
 * @max_readers:	readers with buffers at one time; CREATE: 0 for the module's limit
 * @reader_timeout_ms:	how long a reader may keep a frame that a newer one has replaced, before
 *			the producer gets its memory back regardless; 0: as long as it likes;
 *			CREATE: ~0 for the module's default
 * @users:		how often the two nodes are open now; CREATE ignores it
 * @name:		as programs show it; CREATE: empty for a default
 * @reserved:		zero
 */
struct guestcam_loopback_camera {
	__u32 id;
	__s32 output_nr;
	__s32 capture_nr;
	__u32 flags;
	__u32 idle;
	__u32 max_width;
	__u32 max_height;
	__u32 max_readers;
	__u32 reader_timeout_ms;
	__u32 users;
	__u8 name[32];
	__u32 reserved[8];
};

/* Makes a camera; fills in what it became. EEXIST where a node of that number is there already. */
#define GUESTCAM_LOOPBACK_CREATE	_IOWR('g', 0xc0, struct guestcam_loopback_camera)
/* Removes the camera of that id. EBUSY while either node is open. */
#define GUESTCAM_LOOPBACK_REMOVE	_IOW('g', 0xc1, __u32)
/* Finds the camera of the smallest id that is not below the given one. ENOENT after the last. */
#define GUESTCAM_LOOPBACK_NEXT		_IOWR('g', 0xc2, struct guestcam_loopback_camera)

/* Controls of both nodes, read-only, with events. The counters run from the camera's creation. */
#define GUESTCAM_LOOPBACK_CID_BASE	(V4L2_CID_USER_BASE | 0xe9c0)
/* Whether a producer streams, and how many readers do; then, of 64 bits: frames that came; frames
 * that single readers missed; bytes that read(), write() and unaligned USERPTR copied; frames that
 * were taken from slow readers.
 */
#define GUESTCAM_LOOPBACK_CID_PRODUCER	(GUESTCAM_LOOPBACK_CID_BASE + 0)
#define GUESTCAM_LOOPBACK_CID_READERS	(GUESTCAM_LOOPBACK_CID_BASE + 1)
#define GUESTCAM_LOOPBACK_CID_FRAMES	(GUESTCAM_LOOPBACK_CID_BASE + 2)
#define GUESTCAM_LOOPBACK_CID_DROPPED	(GUESTCAM_LOOPBACK_CID_BASE + 3)
#define GUESTCAM_LOOPBACK_CID_COPIED	(GUESTCAM_LOOPBACK_CID_BASE + 4)
#define GUESTCAM_LOOPBACK_CID_REVOKED	(GUESTCAM_LOOPBACK_CID_BASE + 5)

#endif
