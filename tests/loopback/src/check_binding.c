// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* What readers see of a producer that binds other memory to its slots while they look. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* Memory bound anew. */
void check_binding(const struct camera *camera) {
  struct stream producer, reader;
  struct v4l2_buffer got;
  producer_start(&producer, camera, DMABUF, 4, 320, 240);
  reader_start(&reader, camera);
  struct v4l2_event_subscription sub = {.type = V4L2_EVENT_SOURCE_CHANGE};
  call(reader.fd, VIDIOC_SUBSCRIBE_EVENT, &sub);

  /* Once round: a slot that is prepared keeps its memory, whatever QBUF says. The latest stays in the device. */
  for (unsigned int i = 0; i < producer.count; i++) {
    producer_show(&producer, i, i);
    int had = stream_dequeue(&reader, NULL);
    if (had >= 0) stream_queue(&reader, had, 0);
    drain(&producer);
  }

  /* The same dma-buf in another slot: the reader gets it in the buffer that shows it. */
  struct buffer first = producer.buffers[0], second = producer.buffers[1];
  producer.buffers[0] = second;
  producer.buffers[1] = first;
  producer_show(&producer, 0, 100);
  int index = stream_dequeue(&reader, &got);
  report(index == 1 && picture_check(reader.buffers[1].pixels, got.bytesused) == 100,
         "a dma-buf that changes its slot stays in the reader's buffer that shows it", "index %d", index);
  if (index >= 0) stream_queue(&reader, index, 0);

  /* New memory in a slot: never shown as the old one; the reader hears of it. */
  struct buffer old = producer.buffers[2];
  buffer_udmabuf(&producer.buffers[2], producer.pix.sizeimage);
  picture_draw(old.pixels, producer.pix.sizeimage, 7);
  producer_show(&producer, 2, 101);
  index = stream_dequeue(&reader, &got);
  int events = stream_poll(&reader, POLLPRI, 500);
  report(index == -EAGAIN && (events & POLLPRI), "a frame in memory that a reader does not map is not given to it",
         "DQBUF %d, SOURCE_CHANGE %s", index, events & POLLPRI ? "came" : "did not come");
  buffer_free(&old); /* the reader still maps it */
  report(picture_check(reader.buffers[2].pixels, producer.pix.sizeimage) == 7,
         "memory that the producer has let go of stays what it was", "the old picture is intact");
  drain(&producer);
  producer_show(&producer, 1, 102);
  index = stream_dequeue(&reader, &got);
  report(index >= 0 && picture_check(reader.buffers[index].pixels, got.bytesused) == 102,
         "the reader goes on with the buffers that are still the producer's", "index %d", index);

  stream_close(&reader);
  reader_start(&reader, camera);
  drain(&producer);
  producer_show(&producer, 2, 103);
  index = -EAGAIN;
  while (stream_poll(&reader, POLLIN, 500) & POLLIN) {
    index = stream_dequeue(&reader, &got);
    if (index < 0 || picture_check(reader.buffers[index].pixels, got.bytesused) == 103) break;
  }
  report(index == 2, "a reader that starts over gets the new memory", "index %d", index);
  stream_close(&reader);
  producer_stop(&producer);
}

/* How many dma-bufs of the producer's are still somebody's. */
static int udmabufs(void) {
  FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "r");
  char line[256];
  int count = 0;
  if (!file) die("no bufinfo in debugfs: %s", strerror(errno));
  while (fgets(line, sizeof(line), file)) count += strstr(line, "udmabuf") != NULL;
  fclose(file);
  return count;
}

/* Queues memory in whichever slot is free. */
static void show_in_any(struct stream *producer, const struct buffer *memory, uint32_t number) {
  if (number >= producer->count && !(stream_poll(producer, POLLOUT, 20000) & POLLOUT)) die("no slot came back");
  int slot = number < producer->count ? (int)number : stream_dequeue(producer, NULL);
  if (slot < 0) die("producer's DQBUF: %s", strerror(-slot));
  producer->buffers[slot] = *memory;
  producer_show(producer, slot, number);
}

/* More dma-bufs than slots, bound in turn, as GStreamer's v4l2sink does it. */
void check_turns(const struct camera *camera) {
  enum { SLOTS = 2, MEMORIES = 7, FRESH = 100 };
  struct stream producer, reader;
  struct buffer memories[MEMORIES], fresh;
  struct v4l2_buffer got;
  uint32_t number = 0;
  int before = udmabufs();
  stream_open(&producer, camera->output, O_NONBLOCK);
  stream_format(&producer, V4L2_PIX_FMT_XBGR32, 320, 240, 0);
  int r = stream_request(&producer, V4L2_MEMORY_DMABUF, SLOTS);
  if (!r) r = stream_on(&producer);
  if (r) die("producer: %s", strerror(-r));
  for (int i = 0; i < MEMORIES; i++) buffer_udmabuf(&memories[i], producer.pix.sizeimage);
  for (; number < 3 * MEMORIES; number++) show_in_any(&producer, &memories[number % MEMORIES], number);
  reader_start(&reader, camera);
  unsigned int count = reader.count, right = 0;
  for (; number < 6 * MEMORIES; number++) {
    if (!(stream_poll(&reader, POLLIN, 20000) & POLLIN)) break;
    int index = stream_dequeue(&reader, &got);
    if (index < 0) break;
    right += picture_check(reader.buffers[index].pixels, got.bytesused) == number - 1;
    stream_queue(&reader, index, 0);
    show_in_any(&producer, &memories[number % MEMORIES], number);
  }
  report(count == MEMORIES && right == 3 * MEMORIES, "dma-bufs that take turns in fewer slots: a reader gets each frame",
         "%u slots, %u dma-bufs, %u buffers; %u frames of %u", producer.count, MEMORIES, count, right, 3 * MEMORIES);

  /* Memory that never comes again is not kept. The reader knows none of it: its stream ends when nothing it has can come. */
  for (int i = 0; i < FRESH; i++, number++) {
    buffer_udmabuf(&fresh, producer.pix.sizeimage);
    show_in_any(&producer, &fresh, number);
    buffer_free(&fresh);
  }
  for (int i = 0; i < MEMORIES; i++) buffer_free(&memories[i]);
  int error = 0;
  while ((error = stream_dequeue(&reader, NULL)) >= 0) {
  }
  stream_close(&reader);
  int kept = udmabufs() - before;
  report(error == -EIO && kept == SLOTS, "memory that does not come again is not kept, and ends a reader of nothing else",
         "%s, %d dma-bufs of %d and %d", strerror(-error), kept, MEMORIES, FRESH);
  for (unsigned int i = 0; i < producer.count; i++) producer.buffers[i] = (struct buffer){.fd = -1, .memfd = -1};
  producer_stop(&producer);
  kept = udmabufs() - before;
  report(kept == 0, "and none when the producer has gone", "%d", kept);
}
