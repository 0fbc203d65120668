/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the guestcam authors */
/*
 * What a domain whose frontends are killed (frontend.c) and the dom0 that asks for it (frontends.c) share: a page, and
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

#define FRONTEND_PAGES 900u

enum frontend_verb {
  FRONTEND_START, /* a frontend anew, which grants so many pages with the picture of that number in them */
  FRONTEND_DRAW,  /* it draws another picture into these pages */
  FRONTEND_KILL,  /* SIGKILL; answered when it has gone */
};

/* In the shared page. dom0 writes the verb, then counts asked up; the domain writes the answer, then counts answered up. */
struct frontend_talk {
  uint32_t asked, answered;
  uint32_t verb, number, pages;
  uint32_t error; /* an errno */
  uint32_t refs[FRONTEND_PAGES];
};

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
