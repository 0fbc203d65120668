/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* Copyright the guestcam authors */
/* /dev/guestcam-odd, a device of the tests: both calls return a descriptor. */
#ifndef GUESTCAM_ODD_H
#define GUESTCAM_ODD_H

#include <linux/ioctl.h>

/* A dma-buf of that many bytes, with neither mmap nor vmap, as Xen's gntdev makes them. */
#define GUESTCAM_ODD_BLIND	_IOW('o', 1, __u64)
/* A sync_file that is signalled when /dev/guestcam-odd, this opening of it, is closed; one each. */
#define GUESTCAM_ODD_FENCE	_IO('o', 2)

#endif
