// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// What org.guestcam.uapi.abi is made from. jextract reads it, and so does the C compiler of KernelHeadersTest.

#include <stdint.h>

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>
#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ring.h>

// Xen's headers use these two without defining them.
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;

#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

// Our own modules.
#include "../../grants-module/uapi/guestcam_grants.h"
#include "../../loopback-module/uapi/guestcam_loopback.h"
