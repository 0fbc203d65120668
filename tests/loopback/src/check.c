// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * check OUTPUT CAPTURE [lossless|protected]: all checks that need no other program, or those of a camera with that
 * option; then how many were good and bad.
 */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int good_count, bad_count;

void report(bool good, const char *what, const char *format, ...) {
  va_list arguments;
  printf("%s - %s: ", good ? "ok" : "not ok", what);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
  if (good)
    good_count++;
  else
    bad_count++;
}

void producer_start(struct stream *stream, const struct camera *camera, enum kind kind, unsigned int slots,
                    unsigned int width, unsigned int height) {
  static const enum v4l2_memory memories[] = {V4L2_MEMORY_DMABUF, V4L2_MEMORY_MMAP, V4L2_MEMORY_USERPTR};
  stream_open(stream, camera->output, O_NONBLOCK);
  stream_format(stream, V4L2_PIX_FMT_XBGR32, width, height, 0);
  int r = stream_request(stream, memories[kind], slots);
  if (r) die("producer's REQBUFS: %s", strerror(-r));
  for (unsigned int i = 0; i < stream->count; i++) {
    if (kind == DMABUF) buffer_udmabuf(&stream->buffers[i], stream->pix.sizeimage);
    if (kind == USERPTR) buffer_anonymous(&stream->buffers[i], stream->pix.sizeimage);
    r = kind == MMAP ? stream_map(stream, i) : stream_prepare(stream, i);
    if (r) die("producer's slot %u: %s", i, strerror(-r));
  }
  if ((r = stream_on(stream))) die("producer's STREAMON: %s", strerror(-r));
}

void producer_show(struct stream *stream, unsigned int slot, uint32_t number) {
  picture_draw(stream->buffers[slot].pixels, stream->pix.sizeimage, number);
  int r = stream_queue(stream, slot, 1000000000ull * (number + 1));
  if (r) die("producer's QBUF of slot %u: %s", slot, strerror(-r));
}

void producer_stop(struct stream *stream) {
  stream_off(stream);
  stream_request(stream, stream->memory, 0);
  stream_close(stream);
}

void reader_start(struct stream *stream, const struct camera *camera) {
  stream_open(stream, camera->capture, O_NONBLOCK);
  stream_get_format(stream);
  int r = stream_request(stream, V4L2_MEMORY_MMAP, 2);
  if (r) die("reader's REQBUFS: %s", strerror(-r));
  for (unsigned int i = 0; i < stream->count; i++) {
    if ((r = stream_map(stream, i))) die("reader's mmap of %u: %s", i, strerror(-r));
    if ((r = stream_queue(stream, i, 0))) die("reader's QBUF of %u: %s", i, strerror(-r));
  }
  if ((r = stream_on(stream))) die("reader's STREAMON: %s", strerror(-r));
}

int drain(struct stream *stream) {
  int count = 0;
  while (stream_dequeue(stream, NULL) >= 0) count++;
  return count;
}

int main(int argc, char **argv) {
  struct camera camera = {argc > 1 ? argv[1] : "/dev/video0", argc > 2 ? argv[2] : "/dev/video1"};
  const char *option = argc > 3 ? argv[3] : "";
  if (!strcmp(option, "lossless")) {
    check_lossless(&camera);
  } else if (!strcmp(option, "protected")) {
    check_protected(&camera);
  } else {
    check_formats(&camera);
    check_identity(&camera);
    check_holds(&camera);
    check_binding(&camera);
    check_turns(&camera);
    check_ends(&camera);
    check_copies(&camera);
    check_limits(&camera);
    check_blind(&camera);
    check_fences(&camera);
  }
  printf("check: %d good, %d bad\n", good_count, bad_count);
  return bad_count != 0;
}
