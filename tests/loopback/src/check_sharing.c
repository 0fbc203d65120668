// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* That readers see the producer's own memory, whatever it is, and which frames they get of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../loopback-module/uapi/guestcam_loopback.h"
#include "check.h"

static const char *const kinds[] = {"DMABUF", "MMAP", "USERPTR"};

/* The producer writes a pixel; the reader looks, and no call to the kernel is made in between. */
static void identity_of(const struct camera *camera, enum kind kind) {
  struct stream producer, reader;
  char what[80];
  producer_start(&producer, camera, kind, 4, 640, 480);
  int64_t copied = control(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED);
  int64_t before = control(producer.fd, GUESTCAM_LOOPBACK_CID_FRAMES);
  reader_start(&reader, camera);
  snprintf(what, sizeof(what), "%s: as many buffers as slots", kinds[kind]);
  report(reader.count == producer.count, what, "%u slots, %u buffers", producer.count, reader.count);

  unsigned int same = 0, exported = 0, pages = producer.pix.sizeimage / 4096;
  for (unsigned int i = 0; i < reader.count; i++) {
    int fd = stream_export(&reader, i);
    uint32_t *again = fd < 0 ? MAP_FAILED : mmap(NULL, producer.pix.sizeimage, PROT_READ, MAP_SHARED, fd, 0);
    unsigned int here = 0, there = 0;
    for (unsigned int page = 0; page < pages; page++) {
      volatile uint32_t *mine = producer.buffers[i].pixels + page * 1024 + 7;
      volatile uint32_t *theirs = reader.buffers[i].pixels + page * 1024 + 7;
      *mine = 0xc0ffee00 + page * 32 + i;
      here += *theirs == *mine;
      if (again != MAP_FAILED) there += ((volatile uint32_t *)again)[page * 1024 + 7] == *mine;
    }
    same += here == pages;
    exported += there == pages;
    if (again != MAP_FAILED) munmap(again, producer.pix.sizeimage);
    if (fd >= 0) close(fd);
  }
  snprintf(what, sizeof(what), "%s: a pixel written by the producer is seen in each page by mmap", kinds[kind]);
  report(same == reader.count, what, "%u of %u buffers", same, reader.count);
  snprintf(what, sizeof(what), "%s: and by EXPBUF", kinds[kind]);
  report(exported == reader.count, what, "%u of %u buffers", exported, reader.count);

  struct v4l2_buffer got;
  unsigned int right = 0, shown = 0;
  for (unsigned int n = 0; n < 20; n++) {
    unsigned int slot = n % producer.count;
    if (n >= producer.count && stream_poll(&producer, POLLOUT, 1000)) stream_dequeue(&producer, NULL);
    producer_show(&producer, slot, n);
    shown++;
    if (!(stream_poll(&reader, POLLIN, 1000) & POLLIN)) break;
    int index = stream_dequeue(&reader, &got);
    if (index < 0) break;
    right += index == (int)slot && got.sequence == n && got.timestamp.tv_sec == (long)n + 1 &&
             picture_check(reader.buffers[index].pixels, got.bytesused) == n;
    stream_queue(&reader, index, 0);
  }
  snprintf(what, sizeof(what), "%s: frames come in their slot, with their number, time and pixels", kinds[kind]);
  report(right == 20, what, "%u of %u", right, shown);
  /* All counters are brought up to date at once. */
  int64_t frames = control_wait(reader.fd, GUESTCAM_LOOPBACK_CID_FRAMES, before + 20) - before;
  copied = control(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED) - copied;
  snprintf(what, sizeof(what), "%s: nothing was copied", kinds[kind]);
  report(copied == 0 && frames == 20, what, "%ld bytes, %ld frames", (long)copied, (long)frames);
  producer_stop(&producer);
  stream_close(&reader);
}

void check_identity(const struct camera *camera) {
  identity_of(camera, DMABUF);
  identity_of(camera, MMAP);
  identity_of(camera, USERPTR);
}

void check_holds(const struct camera *camera) {
  struct stream producer, slow, quick;
  producer_start(&producer, camera, DMABUF, 6, 320, 240);
  int64_t revoked = control(producer.fd, GUESTCAM_LOOPBACK_CID_REVOKED);
  reader_start(&slow, camera);
  reader_start(&quick, camera);

  /* The slow one dequeues nothing; the quick one gives all back. */
  unsigned int shown = 0, quick_got = 0, next = 0, in_order = 0;
  struct v4l2_buffer got;
  bool mine[VIDEO_MAX_FRAME];
  memset(mine, true, sizeof(mine));
  uint64_t begin = now_nanos();
  for (; shown < 30; shown++) {
    int slot = -1;
    for (unsigned int i = 0; i < producer.count; i++)
      if (mine[(next + i) % producer.count]) slot = slot < 0 ? (int)((next + i) % producer.count) : slot;
    if (slot < 0) break;
    next = slot + 1;
    mine[slot] = false;
    producer_show(&producer, slot, shown);
    int index = stream_dequeue(&quick, &got);
    if (index >= 0) {
      quick_got++;
      in_order += got.sequence == shown && picture_check(quick.buffers[index].pixels, got.bytesused) == shown;
      stream_queue(&quick, index, 0);
    }
    while ((index = stream_dequeue(&producer, NULL)) >= 0) mine[index] = true;
  }
  double seconds = (now_nanos() - begin) / 1e9;
  report(shown == 30 && in_order == 30, "a reader beside a stalled one misses nothing, the producer never waits",
         "%u shown, %u right, %.2f s", shown, in_order, seconds);
  int held = 0;
  for (unsigned int i = 0; i < producer.count; i++) held += !mine[i];
  report(held == 5, "a stalled reader holds n-2 slots (and one is the latest)", "%d of %u are not the producer's", held,
         producer.count);
  int stale = 0, index, first_gap = -1;
  unsigned int before = 0, had = 0;
  while ((index = stream_dequeue(&slow, &got)) >= 0) {
    if (had && got.sequence != before + 1 && first_gap < 0) first_gap = got.sequence;
    stale += picture_check(slow.buffers[index].pixels, got.bytesused) != (int64_t)got.sequence;
    before = got.sequence;
    had++;
    if (had == 4) stream_queue(&slow, index, 0);
  }
  report(had == 5 && stale == 0 && first_gap == 29,
         "when it wakes up, it has its frames unharmed, then the latest, with a gap in the numbers",
         "%u frames, %d wrong, gap before %d", had, stale, first_gap);

  /* It keeps the rest. A newer frame comes, and after the camera's second the producer has its slots back. */
  while ((index = stream_dequeue(&producer, NULL)) >= 0) mine[index] = true;
  for (unsigned int i = 0; i < producer.count; i++)
    if (mine[i]) {
      mine[i] = false;
      producer_show(&producer, i, 30);
      break;
    }
  int back = 0;
  while (back < 4 && (stream_poll(&producer, POLLOUT, 20000) & POLLOUT)) {
    back += drain(&producer);
    drain(&quick);
  }
  revoked = control_wait(producer.fd, GUESTCAM_LOOPBACK_CID_REVOKED, revoked + 4) - revoked;
  report(back == 4 && revoked == 4, "a reader that keeps frames for too long loses them", "%d slots back, %ld taken", back,
         (long)revoked);

  stream_close(&slow);
  stream_close(&quick);
  int rest = drain(&producer);
  report(rest <= 1, "readers that close leave only the latest frame in the device", "%d more came back", rest);
  producer_stop(&producer);
}
