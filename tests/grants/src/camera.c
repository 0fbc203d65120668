// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * camera OUTPUT CAPTURE WIDTH HEIGHT same|looped: pictures that another domain granted (the same domain here) go as
 * dma-bufs of guestcam_grants into a V4L2 output, and a reader of the capture node checks every word of them. `same`:
 * the reader maps the granted pages themselves (guestcam_loopback); `looped`: the device shows a copy (vivid).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../loopback/src/v4l.h"
#include "grants.h"

#define SLOTS 4
#define PICTURES 12

static int device, bad;

static void report(bool good, const char *what, long number) {
  printf("%s - %s (%ld)\n", good ? "ok" : "not ok", what, number);
  fflush(stdout);
  bad += !good;
}

/* A slot's dma-buf is what was mapped; its pixels are what the granting side sees. Returns that side's dma-buf. */
static int buffer_granted(struct buffer *buffer, size_t bytes) {
  uint32_t pages = (uint32_t)((bytes + PAGE - 1) / PAGE), *refs = calloc(pages, sizeof *refs);
  int granted = -1, r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, pages, 0, -1, -1, refs, &granted);
  if (!r) r = grants_make(device, GUESTCAM_GRANTS_MAP, 0, pages, 0, -1, -1, refs, &buffer->fd);
  if (r) die("%u pages: %s", pages, strerror(r));
  free(refs);
  buffer->memfd = -1;
  buffer->length = pages * PAGE;
  buffer->pixels = mmap(NULL, buffer->length, PROT_READ | PROT_WRITE, MAP_SHARED, granted, 0);
  if (buffer->pixels == MAP_FAILED) die("mmap of what was granted: %s", strerror(errno));
  return granted;
}

static void must(int r, const char *what) {
  if (r < 0) die("%s: %s", what, strerror(-r));
}

static void start(struct stream *stream) {
  for (unsigned int i = 0; i < stream->count; i++) {
    must(stream_map(stream, i), "reader's mmap");
    must(stream_queue(stream, i, 0), "reader's QBUF");
  }
  must(stream_on(stream), "reader's STREAMON");
}

/* Draws and queues pictures with numbers, in free slots, until the reader has seen enough of them. */
static void run(struct stream *out, struct stream *in, bool same) {
  uint32_t number = 0;
  int64_t last = -1;
  int seen = 0, wrong = 0;
  bool busy[SLOTS] = {false};
  for (int turn = 0; seen < PICTURES && turn < 600; turn++) {
    for (unsigned int i = 0; i < out->count; i++) {
      if (busy[i]) continue;
      picture_draw(out->buffers[i].pixels, out->pix.sizeimage, number);
      must(stream_queue(out, i, 1000000000ull * ++number), "producer's QBUF");
      busy[i] = true;
      break;
    }
    if (!(stream_poll(in, POLLIN, 2000) & POLLIN)) break;
    int got = stream_dequeue(in, NULL);
    must(got, "reader's DQBUF");
    int64_t shown = picture_check(in->buffers[got].pixels, in->pix.sizeimage);
    /* vivid plugs its cable in when it likes: what comes before the first picture is its own. */
    if (shown >= 0 && shown >= last) {
      seen += shown > last;
      last = shown;
    } else if (last >= 0) {
      wrong++;
    }
    if (same && shown >= 0) {
      out->buffers[got].pixels[77] = 0xabcdef01;
      if (in->buffers[got].pixels[77] != 0xabcdef01) wrong++;
    }
    must(stream_queue(in, (unsigned int)got, 0), "reader's QBUF");
    for (int done; (done = stream_dequeue(out, NULL)) >= 0;) busy[done] = false;
  }
  report(seen == PICTURES, "pictures came through, each word right", seen);
  report(!wrong, same ? "what the guest draws later is seen without a call; wrong" : "none was wrong or out of order", wrong);
}

int main(int argc, char **argv) {
  if (argc != 6) die("usage: camera OUTPUT CAPTURE WIDTH HEIGHT same|looped");
  struct stream out, in;
  int granted[SLOTS];
  bool same = !strcmp(argv[5], "same");
  device = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  if (device < 0) die("/dev/" GUESTCAM_GRANTS_NODE ": %s", strerror(errno));
  stream_open(&out, argv[1], O_NONBLOCK);
  stream_format(&out, V4L2_PIX_FMT_XBGR32, (unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4]), 0);
  must(stream_request(&out, V4L2_MEMORY_DMABUF, SLOTS), "producer's REQBUFS");
  for (unsigned int i = 0; i < out.count && i < SLOTS; i++) {
    granted[i] = buffer_granted(&out.buffers[i], out.pix.sizeimage);
    must(stream_prepare(&out, i), "producer's PREPARE_BUF");
  }
  report(grants_info(device).mapped > 0, "the output took what was granted; pages", (long)grants_info(device).mapped);
  must(stream_on(&out), "producer's STREAMON");
  stream_open(&in, argv[2], O_NONBLOCK);
  if (same)
    stream_get_format(&in);
  else
    stream_format(&in, V4L2_PIX_FMT_XBGR32, out.pix.width, out.pix.height, 0);
  must(stream_request(&in, V4L2_MEMORY_MMAP, SLOTS), "reader's REQBUFS");
  start(&in);
  run(&out, &in, same);

  /* Everybody goes; the reader's mappings last. */
  for (unsigned int i = 0; i < out.count; i++) {
    buffer_free(&out.buffers[i]);
    close(granted[i]);
  }
  stream_off(&out);
  stream_request(&out, V4L2_MEMORY_DMABUF, 0);
  stream_close(&out);
  stream_off(&in);
  if (same) report(grants_info(device).mapped > 0, "the reader's mapping keeps the pages", (long)grants_info(device).mapped);
  for (unsigned int i = 0; i < in.count; i++) buffer_free(&in.buffers[i]);
  stream_request(&in, V4L2_MEMORY_MMAP, 0);
  stream_close(&in);
  report(grants_await_all_gone(device), "and nothing is left of it; pages", (long)grants_info(device).mapped);
  return bad != 0;
}
