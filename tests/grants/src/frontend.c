// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * frontend: in a domain, starts and kills programs that grant pictures to dom0, as dom0 asks. Says "spare REF..."
 * first, which are pages for anything, and "control PORT REF REF".
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
#define SPARE 16u

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

/* A frontend, and how it is told to look at the talk and says that it has done what that asks for. */
struct frontend {
  pid_t process;
  int go, done;
};

_Noreturn static void be_frontend(struct frontend_talk *talk, int go, int done) {
  uint32_t pages = talk->pages, *picture = grant(pages, talk->refs), error = picture ? 0 : (uint32_t)errno;
  char byte;
  do {
    if (picture && talk->verb == FRONTEND_LOOK)
      memcpy(talk->words, picture + (talk->page % pages) * PAGE_WORDS, PAGE);
    else if (picture)
      picture_draw(picture, pages * PAGE, talk->number);
    if (write(done, &error, sizeof error) != sizeof error) _exit(1);
  } while (read(go, &byte, 1) == 1);
  _exit(1);
}

static void await_done(const struct frontend *frontend, struct frontend_talk *talk) {
  uint32_t error;
  talk->error = read(frontend->done, &error, sizeof error) == sizeof error ? error : EPIPE;
}

static void start(struct frontend *frontend, struct frontend_talk *talk) {
  int go[2], done[2];
  if (talk->pages > FRONTEND_PAGES || pipe(go) || pipe(done)) die("pipe, or too many pages");
  frontend->process = fork();
  if (frontend->process < 0) die("fork: %s", strerror(errno));
  if (!frontend->process) be_frontend(talk, go[0], done[1]);
  close(go[0]);
  close(done[1]);
  frontend->go = go[1];
  frontend->done = done[0];
  await_done(frontend, talk);
}

static void go_on(const struct frontend *frontend, struct frontend_talk *talk) {
  if (write(frontend->go, "", 1) != 1) die("the frontend has gone");
  await_done(frontend, talk);
}

static void stop(struct frontend *frontend, struct frontend_talk *talk) {
  pid_t process = frontend->process;
  int status = 0;
  talk->error = 0;
  if (process <= 0 || kill(process, SIGKILL) || waitpid(process, &status, 0) != process || !WIFSIGNALED(status)) talk->error = ECHILD;
  close(frontend->go);
  close(frontend->done);
  frontend->process = 0;
}

int main(void) {
  struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
  uint32_t refs[FRONTEND_TALK_PAGES], spare[SPARE], done = 0;
  struct frontend frontend = {0};
  struct frontend_talk *talk = grant(FRONTEND_TALK_PAGES, refs);
  if (!talk || !grant(SPARE, spare)) die("gntalloc: %s", strerror(errno));
  memset(talk, 0, sizeof *talk);
  int channel = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
  int port = ioctl(channel, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
  if (port < 0) die("evtchn: %s", strerror(errno));
  printf("spare");
  for (uint32_t i = 0; i < SPARE; i++) printf(" %u", spare[i]);
  printf("\ncontrol %d %u %u\n", port, refs[0], refs[1]);
  fflush(stdout);
  while (frontend_event(channel, -1)) {
    if (__atomic_load_n(&talk->asked, __ATOMIC_ACQUIRE) == done) continue;
    if (talk->verb == FRONTEND_START)
      start(&frontend, talk);
    else if (talk->verb == FRONTEND_KILL)
      stop(&frontend, talk);
    else
      go_on(&frontend, talk);
    __atomic_store_n(&talk->answered, ++done, __ATOMIC_RELEASE);
    if (!frontend_notify(channel, (uint32_t)port)) die("notify: %s", strerror(errno));
  }
  die("evtchn: %s", strerror(errno));
}
