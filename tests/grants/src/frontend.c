// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * frontend: in a domain, starts and kills programs that grant pictures to dom0, as dom0 asks. Says "control REF PORT" first.
 * Each frontend is a process of its own with its own gntalloc, so that its death is that of a guest's driver or program: the kernel ends
 * what it granted, and keeps what dom0 still maps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../loopback/src/v4l.h"
#include "frontend.h"

#define PAGE 4096ul

/* New pages for dom0, mapped here. They last as long as the process, or its last mapping of them. NULL with errno if it cannot be. */
static void *grant(uint32_t pages, uint32_t *refs) {
  union {
    struct ioctl_gntalloc_alloc_gref call;
    char room[sizeof(struct ioctl_gntalloc_alloc_gref) + FRONTEND_PAGES * sizeof(uint32_t)];
  } alloc = {.call = {.domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = pages}};
  int device = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
  if (device < 0 || ioctl(device, IOCTL_GNTALLOC_ALLOC_GREF, &alloc)) return NULL;
  void *address = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)alloc.call.index);
  if (address == MAP_FAILED) return NULL;
  memcpy(refs, alloc.call.gref_ids, pages * sizeof *refs);
  return address;
}

_Noreturn static void be_frontend(struct frontend_talk *talk, int ready) {
  uint32_t *picture = grant(talk->pages, talk->refs);
  uint32_t error = picture ? 0 : (uint32_t)errno;
  if (picture) picture_draw(picture, talk->pages * PAGE, talk->number);
  if (write(ready, &error, sizeof error) != sizeof error) _exit(1);
  for (;;) pause();
}

static pid_t start(struct frontend_talk *talk) {
  int ready[2];
  if (talk->pages > FRONTEND_PAGES || pipe(ready)) die("pipe, or too many pages");
  pid_t child = fork();
  if (child < 0) die("fork: %s", strerror(errno));
  if (!child) be_frontend(talk, ready[1]);
  close(ready[1]);
  if (read(ready[0], &talk->error, sizeof talk->error) != sizeof talk->error) talk->error = EPIPE;
  close(ready[0]);
  return child;
}

static void stop(pid_t frontend, struct frontend_talk *talk) {
  int status = 0;
  talk->error = 0;
  if (frontend <= 0 || kill(frontend, SIGKILL) || waitpid(frontend, &status, 0) != frontend || !WIFSIGNALED(status)) talk->error = ECHILD;
}

int main(void) {
  struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
  uint32_t ref, done = 0;
  pid_t frontend = 0;
  struct frontend_talk *talk = grant(1, &ref);
  if (!talk) die("gntalloc: %s", strerror(errno));
  memset(talk, 0, sizeof *talk);
  int channel = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
  int port = ioctl(channel, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
  if (port < 0) die("evtchn: %s", strerror(errno));
  printf("control %u %d\n", ref, port);
  fflush(stdout);
  while (frontend_event(channel, -1)) {
    if (__atomic_load_n(&talk->asked, __ATOMIC_ACQUIRE) == done) continue;
    if (talk->verb == FRONTEND_START) {
      frontend = start(talk);
    } else {
      stop(frontend, talk);
      frontend = 0;
    }
    __atomic_store_n(&talk->answered, ++done, __ATOMIC_RELEASE);
    if (!frontend_notify(channel, (uint32_t)port)) die("notify: %s", strerror(errno));
  }
  die("evtchn: %s", strerror(errno));
}
