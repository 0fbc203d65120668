// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * A producer of numbered pictures, which says when the first is there. Its memory is bound before STREAMON, so that readers
 * know all of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../../loopback-module/uapi/guestcam_loopback.h"
#include "v4l.h"

static void sleep_until(uint64_t nanos) {
  struct timespec when = {nanos / 1000000000, nanos % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void bind_memory(struct stream *stream, enum kind kind, unsigned int slots) {
  static const enum v4l2_memory memories[] = {V4L2_MEMORY_DMABUF, V4L2_MEMORY_MMAP, V4L2_MEMORY_USERPTR};
  int r = stream_request(stream, memories[kind], slots);
  if (r) die("REQBUFS: %s", strerror(-r));
  for (unsigned int i = 0; i < stream->count; i++) {
    if (kind == DMABUF) buffer_udmabuf(&stream->buffers[i], stream->pix.sizeimage);
    if (kind == USERPTR) buffer_anonymous(&stream->buffers[i], stream->pix.sizeimage);
    if (kind == MMAP && (r = stream_map(stream, i))) die("mmap: %s", strerror(-r));
    if (kind != MMAP && (r = stream_prepare(stream, i))) die("PREPARE_BUF: %s", strerror(-r));
  }
  if ((r = stream_on(stream))) die("STREAMON: %s", strerror(-r));
}

/* The second picture comes when so many readers stream. */
static void await_readers(struct stream *stream, unsigned int audience) {
  uint64_t deadline = now_nanos() + 280000000000ull;
  while (control_wait(stream->fd, GUESTCAM_LOOPBACK_CID_READERS, audience) < audience)
    if (now_nanos() > deadline) die("there are fewer than %u readers", audience);
}

/* For other producers to show. */
static void write_file(const char *path, size_t bytes, unsigned int count) {
  FILE *file = fopen(path, "wb");
  uint32_t *picture = malloc(bytes);
  for (uint32_t number = 0; file && number < count; number++) {
    picture_draw(picture, bytes, number);
    if (fwrite(picture, 1, bytes, file) != bytes) die("%s: %s", path, strerror(errno));
  }
  if (!file || fclose(file)) die("%s: %s", path, strerror(errno));
  free(picture);
}

int main(int argc, char **argv) {
  const char *device = "/dev/video0", *fourcc = "XR24";
  unsigned int width = 640, height = 480, slots = 4, fps = 30, count = 0, stride = 0, audience = 0;
  enum kind kind = DMABUF;
  bool to_file = false;
  int option;
  while ((option = getopt(argc, argv, "d:m:s:f:n:r:c:p:w:")) != -1) {
    switch (option) {
      case 'd': device = optarg; break;
      case 'm':
        to_file = !strcmp(optarg, "file");
        if (!to_file) kind = kind_of(optarg);
        break;
      case 's': if (sscanf(optarg, "%ux%u", &width, &height) != 2) die("-s WxH"); break;
      case 'f': fourcc = optarg; break;
      case 'n': slots = atoi(optarg); break;
      case 'r': fps = atoi(optarg); break;
      case 'c': count = atoi(optarg); break;
      case 'p': stride = atoi(optarg); break;
      case 'w': audience = atoi(optarg); break;
      default: die("usage: produce [-d NODE] [-m dmabuf|mmap|userptr|write|file] [-s WxH] [-f FOURCC] [-n SLOTS]"
                   " [-r FPS] [-c FRAMES] [-p STRIDE] [-w READERS]");
    }
  }
  if (to_file) {
    write_file(device, (size_t)width * height * 4, count);
    return 0;
  }
  struct stream stream;
  stream_open(&stream, device, 0);
  stream_format(&stream, fourcc_of(fourcc), width, height, stride);
  if (stream.pix.width != width || stream.pix.height != height || stream.pix.pixelformat != fourcc_of(fourcc) ||
      (stride && stream.pix.bytesperline != stride))
    die("S_FMT made %ux%u of it, stride %u", stream.pix.width, stream.pix.height, stream.pix.bytesperline);
  stream_rate(&stream, fps);
  uint32_t *picture = NULL;
  if (kind == WRITE) {
    picture = malloc(stream.pix.sizeimage);
  } else {
    bind_memory(&stream, kind, slots);
  }
  uint64_t next = now_nanos();
  for (uint32_t number = 0; !count || number < count; number++) {
    sleep_until(next);
    next += 1000000000ull / fps;
    if (kind == WRITE) {
      picture_draw(picture, stream.pix.sizeimage, number);
      if (write(stream.fd, picture, stream.pix.sizeimage) < 0) die("write: %s", strerror(errno));
      continue;
    }
    int slot = number < stream.count ? (int)number : stream_dequeue(&stream, NULL);
    if (slot < 0) die("DQBUF: %s", strerror(-slot));
    picture_draw(stream.buffers[slot].pixels, stream.pix.sizeimage, number);
    int r = stream_queue(&stream, slot, now_nanos());
    if (r) die("QBUF: %s", strerror(-r));
    if (number == 0) {
      printf("the first picture is queued\n");
      fflush(stdout);
      await_readers(&stream, audience);
      next = now_nanos();
    }
  }
  stream_close(&stream);
  return 0;
}
