// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// What a loopback costs, producer, kernel and reader together: one thread queues a picture, takes it as a reader, gives it
// back, and takes the slot back, over and over.
//
//   loopback dmabuf|write|copy OUTPUT CAPTURE WIDTH HEIGHT WARM FRAMES
//   loopback read CAPTURE WIDTH HEIGHT WARM FRAMES
//
// dmabuf: the pictures are udmabufs. write: write(2). copy: a memcpy into the device's own buffers. read: only the reader,
// of another program's pictures; it waits until there is one that produces them.
//
// Prints "UNTOUCHED TOUCHED LATENCY": nanoseconds of CPU time of the median frame where the reader only dequeues and queues, and
// where it also reads one pixel of each page; then nanoseconds from before the producer's call to behind the reader's DQBUF,
// of the median frame (read: from the time that the producer gave its frame).

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 4, PAGE = 4096 };

// A queue of one of the two nodes.
struct queue {
  const char *name;
  int fd;
  enum v4l2_buf_type type;
  enum v4l2_memory memory;
  uint32_t size, count;
  void *slots[VIDEO_MAX_FRAME];
  int dma_bufs[VIDEO_MAX_FRAME];
};

static volatile uint32_t sink;

static void fail(const struct queue *queue, const char *what) {
  fprintf(stderr, "loopback: %s on %s: %s\n", what, queue->name, strerror(errno));
  exit(1);
}

static void must(struct queue *queue, unsigned long request, void *argument, const char *what) {
  if (ioctl(queue->fd, request, argument) < 0) fail(queue, what);
}

static uint64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_queue(struct queue *queue, const char *name, enum v4l2_buf_type type) {
  *queue = (struct queue){.name = name, .fd = open(name, O_RDWR), .type = type};
  if (queue->fd < 0) fail(queue, "open");
}

static void request(struct queue *queue, enum v4l2_memory memory) {
  struct v4l2_requestbuffers wanted = {.count = SLOTS, .type = queue->type, .memory = memory};
  must(queue, VIDIOC_REQBUFS, &wanted, "REQBUFS");
  queue->memory = memory;
  queue->count = wanted.count;
  for (uint32_t i = 0; i < queue->count && memory == V4L2_MEMORY_MMAP; i++) {
    struct v4l2_buffer buffer = {.index = i, .type = queue->type, .memory = memory};
    must(queue, VIDIOC_QUERYBUF, &buffer, "QUERYBUF");
    queue->slots[i] = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, queue->fd, buffer.m.offset);
    if (queue->slots[i] == MAP_FAILED) fail(queue, "mmap");
  }
}

static void hand(struct queue *queue, uint32_t index, unsigned long how) {
  struct v4l2_buffer buffer = {.index = index, .type = queue->type, .memory = queue->memory, .field = V4L2_FIELD_NONE};
  if (queue->type == V4L2_BUF_TYPE_VIDEO_OUTPUT) buffer.bytesused = queue->size;
  if (queue->memory == V4L2_MEMORY_DMABUF) buffer.m.fd = queue->dma_bufs[index];
  must(queue, how, &buffer, how == VIDIOC_QBUF ? "QBUF" : "PREPARE_BUF");
}

static struct v4l2_buffer take_buffer(struct queue *queue) {
  struct v4l2_buffer buffer = {.type = queue->type, .memory = queue->memory};
  must(queue, VIDIOC_DQBUF, &buffer, "DQBUF");
  return buffer;
}

static uint32_t take(struct queue *queue) { return take_buffer(queue).index; }

static void touch(const struct queue *queue, uint32_t index) {
  for (uint32_t at = 0; at < queue->size; at += PAGE) sink += ((volatile uint8_t *)queue->slots[index])[at];
}

static void make_dma_bufs(struct queue *queue) {
  int device = open("/dev/udmabuf", O_RDWR);
  uint64_t size = (queue->size + PAGE - 1) / PAGE * PAGE;
  for (uint32_t i = 0; i < queue->count; i++) {
    int memfd = memfd_create("picture", MFD_ALLOW_SEALING);
    struct udmabuf_create create = {.memfd = memfd, .size = size};
    if (ftruncate(memfd, size) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) fail(queue, "memfd");
    queue->dma_bufs[i] = ioctl(device, UDMABUF_CREATE, &create);
    if (queue->dma_bufs[i] < 0) fail(queue, "UDMABUF_CREATE");
    close(memfd);
    hand(queue, i, VIDIOC_PREPARE_BUF);
  }
  close(device);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, int count) {
  qsort(values, count, sizeof(values[0]), by_value);
  return values[count / 2];
}

static uint64_t clock_cost(void) {
  uint64_t cost = 1000000;
  for (int i = 0; i < 100; i++) {
    uint64_t begin = now(CLOCK_THREAD_CPUTIME_ID), end = now(CLOCK_THREAD_CPUTIME_ID);
    if (end - begin < cost) cost = end - begin;
  }
  return cost;
}

// What was measured: untouched, touched; latencies of the untouched.
struct figures {
  uint64_t *costs[2], *latencies;
  int frames;
};

static struct figures figures_of(int frames) {
  struct figures figures = {.frames = frames, .latencies = calloc(frames, sizeof(uint64_t))};
  for (int i = 0; i < 2; i++) figures.costs[i] = calloc(frames, sizeof(uint64_t));
  return figures;
}

static void print(const struct figures *figures) {
  printf("%lu %lu %lu\n", median(figures->costs[0], figures->frames), median(figures->costs[1], figures->frames),
         median(figures->latencies, figures->frames));
}

static void start_reading(struct queue *capture, uint32_t size) {
  capture->size = size;
  request(capture, V4L2_MEMORY_MMAP);
  for (uint32_t i = 0; i < capture->count; i++) hand(capture, i, VIDIOC_QBUF);
  must(capture, VIDIOC_STREAMON, &capture->type, "STREAMON");
}

// Until somebody produces pictures of that size; half a minute at most.
static uint32_t await_producer(struct queue *capture, uint32_t width, uint32_t height) {
  for (int i = 0; i < 30000; i++) {
    struct v4l2_input input = {.index = 0};
    struct v4l2_format format = {.type = capture->type};
    must(capture, VIDIOC_ENUMINPUT, &input, "ENUMINPUT");
    if (!(input.status & V4L2_IN_ST_NO_SIGNAL) && ioctl(capture->fd, VIDIOC_G_FMT, &format) == 0 &&
        format.fmt.pix.width == width && format.fmt.pix.height == height)
      return format.fmt.pix.sizeimage;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  errno = ETIMEDOUT;
  fail(capture, "waiting for a producer");
  return 0;
}

static int read_only(char **argv) {
  int warm = atoi(argv[4]), frames = atoi(argv[5]);
  struct figures figures = figures_of(frames);
  uint64_t clock = clock_cost();
  struct queue capture;
  open_queue(&capture, argv[1], V4L2_BUF_TYPE_VIDEO_CAPTURE);
  start_reading(&capture, await_producer(&capture, atoi(argv[2]), atoi(argv[3])));
  for (int n = -warm; n < 2 * frames; n++) {
    uint64_t begin = now(CLOCK_THREAD_CPUTIME_ID);
    struct v4l2_buffer got = take_buffer(&capture);
    uint64_t at = now(CLOCK_MONOTONIC);
    if (n >= frames) touch(&capture, got.index);
    hand(&capture, got.index, VIDIOC_QBUF);
    uint64_t cost = now(CLOCK_THREAD_CPUTIME_ID) - begin - clock;
    if (n < 0) continue;
    figures.costs[n / frames][n % frames] = cost;
    if (n < frames) figures.latencies[n] = at - (got.timestamp.tv_sec * 1000000000ull + got.timestamp.tv_usec * 1000ull);
  }
  print(&figures);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 7 && !strcmp(argv[1], "read")) return read_only(argv + 1);
  if (argc != 8) {
    fprintf(stderr, "usage: loopback dmabuf|write|copy OUTPUT CAPTURE WIDTH HEIGHT WARM FRAMES\n"
                    "       loopback read CAPTURE WIDTH HEIGHT WARM FRAMES\n");
    return 2;
  }
  bool dmabuf = !strcmp(argv[1], "dmabuf"), written = !strcmp(argv[1], "write");
  int warm = atoi(argv[6]), frames = atoi(argv[7]);
  struct queue output, capture;
  open_queue(&output, argv[2], V4L2_BUF_TYPE_VIDEO_OUTPUT);
  struct v4l2_format format = {.type = output.type};
  format.fmt.pix.width = atoi(argv[4]);
  format.fmt.pix.height = atoi(argv[5]);
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_BGR32; // v4l2loopback cannot list XR24; the bytes are the same
  format.fmt.pix.field = V4L2_FIELD_NONE;
  must(&output, VIDIOC_S_FMT, &format, "S_FMT");
  output.size = format.fmt.pix.sizeimage;
  char *picture = malloc(output.size);
  memset(picture, 1, output.size);

  uint32_t slot = 0;
  if (written) {
    if (write(output.fd, picture, output.size) < 0) fail(&output, "write");
  } else {
    request(&output, dmabuf ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP);
    if (dmabuf) make_dma_bufs(&output);
    must(&output, VIDIOC_STREAMON, &output.type, "STREAMON");
  }
  open_queue(&capture, argv[3], V4L2_BUF_TYPE_VIDEO_CAPTURE);
  start_reading(&capture, output.size);
  /* Before the first picture it might wait for one; after a write it has that one. */
  if (written) hand(&capture, take(&capture), VIDIOC_QBUF);

  struct figures figures = figures_of(frames);
  uint64_t clock = clock_cost();
  int waits = 0; /* slots that the producer has not got back: the device keeps the latest */
  for (int touched = 0; touched < 2; touched++) {
    for (int n = -warm; n < frames; n++) {
      uint64_t begin = now(CLOCK_THREAD_CPUTIME_ID);
      uint64_t wall = now(CLOCK_MONOTONIC);
      if (written) {
        if (write(output.fd, picture, output.size) < 0) fail(&output, "write");
      } else {
        if (!dmabuf) memcpy(output.slots[slot], picture, output.size);
        hand(&output, slot, VIDIOC_QBUF);
        waits++;
      }
      uint32_t got = take(&capture);
      wall = now(CLOCK_MONOTONIC) - wall;
      if (touched) touch(&capture, got);
      hand(&capture, got, VIDIOC_QBUF);
      if (!written) {
        slot = waits < 2 ? (slot + 1) % output.count : take(&output);
        if (waits >= 2) waits--;
      }
      uint64_t cost = now(CLOCK_THREAD_CPUTIME_ID) - begin - clock;
      if (n < 0) continue;
      figures.costs[touched][n] = cost;
      if (!touched) figures.latencies[n] = wall;
    }
  }
  print(&figures);
  return 0;
}
