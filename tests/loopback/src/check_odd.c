// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* Memory that cannot be mapped, fences, and the options that change who waits for whom. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../module/guestcam_odd.h"
#include "check.h"

static int open_odd(void) {
  int fd = open("/dev/guestcam-odd", O_RDWR | O_CLOEXEC);
  if (fd < 0) die("/dev/guestcam-odd: %s", strerror(errno));
  return fd;
}

/* The next frame's number, or a negative errno; ETIME where none comes. */
static int64_t next_frame(struct stream *reader, int milliseconds) {
  if (!stream_poll(reader, POLLIN, milliseconds)) return -ETIME;
  int index = stream_dequeue(reader, NULL);
  if (index < 0) return index;
  int64_t number = picture_check(reader->buffers[index].pixels, reader->pix.sizeimage);
  stream_queue(reader, index, 0);
  return number;
}

/* Readers could not be shown it: it is refused when it is queued, with an errno of its own. */
void check_blind(const struct camera *camera) {
  struct stream producer;
  int odd = open_odd();
  stream_open(&producer, camera->output, O_NONBLOCK);
  stream_format(&producer, V4L2_PIX_FMT_XBGR32, 320, 240, 0);
  stream_request(&producer, V4L2_MEMORY_DMABUF, 4);
  uint64_t size = 320 * 240 * 4;
  producer.buffers[0] = (struct buffer){.fd = ioctl(odd, GUESTCAM_ODD_BLIND, &size), .memfd = -1, .length = size};
  if (producer.buffers[0].fd < 0) die("GUESTCAM_ODD_BLIND: %s", strerror(errno));
  int prepared = stream_prepare(&producer, 0), queued = stream_queue(&producer, 0, 0);
  report(prepared == -ENODEV && queued == -ENODEV, "a dma-buf that nobody can map is refused", "PREPARE_BUF %s, QBUF %s",
         strerror(-prepared), strerror(-queued));
  buffer_free(&producer.buffers[0]);
  buffer_udmabuf(&producer.buffers[0], size);
  queued = stream_queue(&producer, 0, 0);
  report(queued == 0, "the slot takes another one then", "%s", strerror(-queued));
  stream_close(&producer);
  close(odd);
}

/* From now on somebody writes into the slot's memory, until the returned descriptor is closed. */
static int begin_writing(struct stream *producer, unsigned int slot) {
  int odd = open_odd(), fence = ioctl(odd, GUESTCAM_ODD_FENCE);
  struct dma_buf_import_sync_file import = {.flags = DMA_BUF_SYNC_WRITE, .fd = fence};
  if (fence < 0 || ioctl(producer->buffers[slot].fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import))
    die("no fence: %s", strerror(errno));
  close(fence);
  return odd;
}

void check_fences(const struct camera *camera) {
  struct stream producer, reader;
  struct v4l2_buffer got;
  producer_start(&producer, camera, DMABUF, 5, 320, 240);
  reader_start(&reader, camera);
  producer_show(&producer, 0, 10);
  int64_t before = next_frame(&reader, 20000);
  int writer = begin_writing(&producer, 1);
  producer_show(&producer, 1, 11);
  producer_show(&producer, 2, 12);
  int64_t early = next_frame(&reader, 300);
  close(writer);
  int64_t first = next_frame(&reader, 20000), second = next_frame(&reader, 20000);
  report(before == 10 && early == -ETIME && first == 11 && second == 12,
         "a frame waits for its write fence, and later ones for it", "%ld, nothing, then %ld and %ld", (long)before,
         (long)first, (long)second);

  /* A driver that never signals: the frame comes back as an error, and the next one goes on. */
  while (stream_dequeue(&producer, NULL) >= 0) {
  }
  writer = begin_writing(&producer, 3);
  producer_show(&producer, 3, 13);
  producer_show(&producer, 4, 14);
  int index = -1;
  got.flags = 0;
  while (stream_poll(&producer, POLLOUT, 30000) & POLLOUT) {
    index = stream_dequeue(&producer, &got);
    if (index == 3) break;
  }
  first = next_frame(&reader, 20000);
  report(index == 3 && (got.flags & V4L2_BUF_FLAG_ERROR) && first == 14,
         "a fence that never signals costs its frame, and no other", "slot %d came back, flags 0x%x, then frame %ld", index,
         got.flags, (long)first);

  /* The producer ends while a frame waits. */
  producer_show(&producer, 3, 15);
  producer_stop(&producer);
  first = next_frame(&reader, 20000);
  report(first == -EIO, "a producer may end while a frame waits for a fence", "%s", strerror(-first));
  close(writer);
  stream_close(&reader);
}

/* Camera option: the producer waits for the slowest reader. */
void check_lossless(const struct camera *camera) {
  enum { FRAMES = 40 };
  struct stream producer, slow, quick;
  unsigned int sent = 0, slow_right = 0, quick_right = 0;
  producer_start(&producer, camera, DMABUF, 4, 320, 240);
  reader_start(&slow, camera);
  reader_start(&quick, camera);
  for (; sent < producer.count; sent++) producer_show(&producer, sent, sent);
  /* Only the quick one reads; the producer sends whatever it gets back. */
  int64_t number;
  while ((number = next_frame(&quick, 500)) >= 0) {
    quick_right += number == quick_right;
    int slot;
    while (sent < FRAMES && (slot = stream_dequeue(&producer, NULL)) >= 0) producer_show(&producer, slot, sent++);
  }
  unsigned int while_stalled = quick_right;
  report(while_stalled == producer.count && sent == producer.count, "lossless: a producer waits for a reader that stalls",
         "%u of %u slots' frames came, none after", while_stalled, producer.count);
  while (slow_right < FRAMES && (number = next_frame(&slow, 20000)) == slow_right) {
    slow_right++;
    if (next_frame(&quick, 0) == quick_right) quick_right++;
    int slot;
    while (sent < FRAMES && (slot = stream_dequeue(&producer, NULL)) >= 0) producer_show(&producer, slot, sent++);
  }
  while ((number = next_frame(&quick, 0)) == quick_right) quick_right++;
  report(slow_right == FRAMES && quick_right == FRAMES, "lossless: then no reader misses a frame", "%u and %u of %d",
         slow_right, quick_right, FRAMES);
  stream_close(&slow);
  stream_close(&quick);
  producer_stop(&producer);
}

/* Camera option: readers look, and cannot do more. */
void check_protected(const struct camera *camera) {
  struct stream producer, reader;
  int status;
  producer_start(&producer, camera, DMABUF, 4, 320, 240);
  reader_start(&reader, camera);
  producer_show(&producer, 0, 1);
  int64_t number = next_frame(&reader, 20000);
  int exported = stream_export(&reader, 0);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    *(volatile uint32_t *)reader.buffers[0].pixels = 1;
    _exit(0);
  }
  waitpid(child, &status, 0);
  report(number == 1, "protected: readers see frames", "number %ld", (long)number);
  report(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "protected: a reader's write is a SIGSEGV", "status 0x%x",
         status);
  report(exported == -EACCES, "protected: EXPBUF is refused", "%s", strerror(-exported));
  stream_close(&reader);
  producer_stop(&producer);
}
