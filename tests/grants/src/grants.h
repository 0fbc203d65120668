/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the guestcam authors */
/* What the programs that test guestcam_grants share. */
#ifndef GRANTS_TEST_GRANTS_H
#define GRANTS_TEST_GRANTS_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guestcam_grants.h"

#define PAGE 4096ul

static inline struct guestcam_grants_info grants_info(int device) {
  struct guestcam_grants_info now = {0};
  if (ioctl(device, GUESTCAM_GRANTS_INFO, &now)) perror("INFO");
  return now;
}

static inline bool grants_all_gone(int device) {
  struct guestcam_grants_info now = grants_info(device);
  return !now.mapped && !now.granted && !now.ending;
}

/* MAP or GRANT. 0 or an errno; on success the dma-buf is in *fd. */
static inline int grants_make(int device, unsigned long call, uint32_t domid, uint32_t count, uint32_t flags, int event,
                              int source, uint32_t *refs, int *fd) {
  struct guestcam_grants_buffer buffer = {
      .refs = (uintptr_t)refs,
      .domid = domid,
      .count = count,
      .flags = flags,
      .eventfd = event,
      .source_fd = source,
      .dmabuf_fd = -1,
  };
  if (ioctl(device, call, &buffer)) return errno;
  *fd = buffer.dmabuf_fd;
  return 0;
}

/* Whether the eventfd is signalled within so many milliseconds. */
static inline bool grants_signalled(int event, int milliseconds) {
  struct pollfd wait = {.fd = event, .events = POLLIN};
  uint64_t count;
  return poll(&wait, 1, milliseconds) == 1 && read(event, &count, sizeof count) == sizeof count;
}

/* Waits for the end of buffers whose eventfds nobody has: other buffers' ends, one after the other, are the clock. */
static inline bool grants_await_all_gone(int device) {
  for (int i = 0; i < 300 && !grants_all_gone(device); i++) {
    int event = eventfd(0, EFD_CLOEXEC), nobodys = eventfd(0, EFD_CLOEXEC), fd = -1;
    uint32_t ref;
    if (!grants_make(device, GUESTCAM_GRANTS_GRANT, 0, 1, 0, event, -1, &ref, &fd)) close(fd);
    grants_signalled(event, 1000);
    grants_signalled(nobodys, 100); /* ends that wait for others are asked for once a second */
    close(event);
    close(nobodys);
  }
  return grants_all_gone(device);
}

#endif
