/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the guestcam authors */
/*
 * What a domain whose frontends are killed (frontend.c) and the dom0 that asks for it (frontends.c) share: two pages, and
 * an event channel that tells the other side to look at it.
 */
#ifndef GRANTS_TEST_FRONTEND_H
#define GRANTS_TEST_FRONTEND_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Xen's headers for user space name types that they do not declare. */
typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

/* Of 1920x1080. */
#define FRONTEND_PAGES 2025u
#define FRONTEND_TALK_PAGES 2u
#define PAGE_WORDS 1024u

enum frontend_verb {
  FRONTEND_START, /* a frontend anew, which grants so many pages with the picture of that number in them */
  FRONTEND_DRAW,  /* it draws another picture into these pages */
  FRONTEND_LOOK,  /* it says what is in a page of its picture now */
  FRONTEND_KILL,  /* SIGKILL; answered when it has gone */
};

/* In the shared pages. dom0 writes the verb, then counts asked up; the domain writes the answer, then counts answered up. */
struct frontend_talk {
  uint32_t asked, answered;
  uint32_t verb, number, pages, page;
  uint32_t error; /* an errno */
  union {
    uint32_t refs[FRONTEND_PAGES];
    uint32_t words[PAGE_WORDS]; /* LOOK's answer */
  };
};
_Static_assert(sizeof(struct frontend_talk) <= FRONTEND_TALK_PAGES * 4096, "the talk has its room");

/* The next event within so many milliseconds, and the channel is ready for another. */
static inline bool frontend_event(int channel, int milliseconds) {
  struct pollfd wait = {.fd = channel, .events = POLLIN};
  uint32_t port;
  return poll(&wait, 1, milliseconds) == 1 && read(channel, &port, sizeof port) == sizeof port &&
         write(channel, &port, sizeof port) == sizeof port;
}

static inline bool frontend_notify(int channel, uint32_t port) {
  struct ioctl_evtchn_notify notify = {.port = port};
  return !ioctl(channel, IOCTL_EVTCHN_NOTIFY, &notify);
}

#endif
