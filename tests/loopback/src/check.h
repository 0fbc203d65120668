/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the guestcam authors */
/* The checks, each a function that reports what it saw. */
#ifndef LOOPBACK_TEST_CHECK_H
#define LOOPBACK_TEST_CHECK_H

#include "v4l.h"

/* One line: ok or not ok, what was checked, and what was seen. */
void report(bool good, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A producer and the readers of one camera, in one process. */
struct camera {
  const char *output, *capture;
};

/* OUTPUT with memory of a kind, bound and streaming. The format stays what it was set to before. */
void producer_start(struct stream *stream, const struct camera *camera, enum kind kind, unsigned int slots,
                    unsigned int width, unsigned int height);
/* Draws a number into a slot, and queues it. */
void producer_show(struct stream *stream, unsigned int slot, uint32_t number);
void producer_stop(struct stream *stream);
/* Dequeues all that can be dequeued now; how many. */
int drain(struct stream *stream);
/* CAPTURE: all buffers mapped, queued, streaming. */
void reader_start(struct stream *stream, const struct camera *camera);

void check_identity(const struct camera *camera);
void check_holds(const struct camera *camera);
void check_binding(const struct camera *camera);
void check_turns(const struct camera *camera);
void check_ends(const struct camera *camera);
void check_copies(const struct camera *camera);
void check_formats(const struct camera *camera);
void check_limits(const struct camera *camera);
void check_blind(const struct camera *camera);
void check_fences(const struct camera *camera);
void check_lossless(const struct camera *camera);
void check_protected(const struct camera *camera);

#endif
