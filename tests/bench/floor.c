// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// The floor of the sink benchmark: the least that any program does to show pictures on a V4L2 output device.
// One thread, no frame source, no pacing but the device's own; per frame poll, DQBUF, QBUF and nothing else.
//
//   floor dmabuf|copy|paced|handover DEVICE WIDTH HEIGHT WARM FRAMES
//
// dmabuf: the pictures are udmabufs.
// copy: a memcpy of the whole picture into the device's own buffers.
// paced: as copy, at 10 Hz, for readers that must not be overtaken.
// handover: as dmabuf, but a second thread says when a picture is there, by an eventfd and at 60 Hz, as any source does
// that is not the sink itself; only the sink's thread is measured.
//
// Prints, over FRAMES frames after WARM others: "CPU-nanoseconds-per-frame p50 p99 frames-per-second". The CPU time is
// that of the median frame, without what reading the clock costs; the latencies are nanoseconds from before the copy or
// QBUF to behind DQBUF.
//
//   floor calls DEVICE 1 1 1 1
//
// prints nanoseconds of CPU time for one poll that is ready, one eventfd write and read, and one ioctl that fails.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH = 3 };

static const char *device_name;
static int device;
static uint64_t hertz = 60;
static enum v4l2_memory memory;
static uint32_t image_size;
static size_t buffer_size;
static int count;
static int dma_bufs[DEPTH];
static void *pictures[DEPTH];
static void *slots[DEPTH];
static uint64_t queued_at[DEPTH];

static void fail(const char *what) {
  fprintf(stderr, "floor: %s on %s: %s\n", what, device_name, strerror(errno));
  exit(1);
}

static uint64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void request(unsigned long number, void *argument, const char *name) {
  if (ioctl(device, number, argument) < 0) {
    fail(name);
  }
}

static void set_format(uint32_t width, uint32_t height) {
  struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
  format.fmt.pix.width = width;
  format.fmt.pix.height = height;
  format.fmt.pix.pixelformat = V4L2_PIX_FMT_BGR32;
  format.fmt.pix.field = V4L2_FIELD_NONE;
  format.fmt.pix.bytesperline = width * 4;
  format.fmt.pix.sizeimage = width * height * 4;
  request(VIDIOC_S_FMT, &format, "VIDIOC_S_FMT");
  if (format.fmt.pix.width != width || format.fmt.pix.height != height ||
      format.fmt.pix.bytesperline != width * 4) {
    fprintf(stderr, "floor: %s made %ux%u of %ux%u\n", device_name, format.fmt.pix.width, format.fmt.pix.height, width,
            height);
    exit(1);
  }
  image_size = format.fmt.pix.sizeimage;
  long page = sysconf(_SC_PAGESIZE);
  buffer_size = (image_size + (size_t)page - 1) / (size_t)page * (size_t)page;
}

static void make_pictures(void) {
  int maker = memory == V4L2_MEMORY_DMABUF ? open("/dev/udmabuf", O_RDWR | O_CLOEXEC) : -1;
  for (int i = 0; i < DEPTH; i++) {
    int memfd = memfd_create("floor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0 || ftruncate(memfd, (off_t)buffer_size) < 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
      fail("memfd");
    }
    if (memory == V4L2_MEMORY_DMABUF) {
      struct udmabuf_create create = {
          .memfd = (uint32_t)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .offset = 0, .size = buffer_size};
      dma_bufs[i] = ioctl(maker, UDMABUF_CREATE, &create);
      if (dma_bufs[i] < 0) {
        fail("UDMABUF_CREATE");
      }
    } else {
      pictures[i] = mmap(NULL, buffer_size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
      if (pictures[i] == MAP_FAILED) {
        fail("mmap of a picture");
      }
      memset(pictures[i], 0x55 + i, buffer_size);
    }
    close(memfd);
  }
}

static void make_slots(void) {
  struct v4l2_requestbuffers wanted = {.count = DEPTH, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = memory};
  request(VIDIOC_REQBUFS, &wanted, "VIDIOC_REQBUFS");
  count = wanted.count < DEPTH ? (int)wanted.count : DEPTH;
  for (int i = 0; i < count && memory == V4L2_MEMORY_MMAP; i++) {
    struct v4l2_buffer slot = {.index = (uint32_t)i, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = memory};
    request(VIDIOC_QUERYBUF, &slot, "VIDIOC_QUERYBUF");
    slots[i] = mmap(NULL, slot.length, PROT_READ | PROT_WRITE, MAP_SHARED, device, slot.m.offset);
    if (slots[i] == MAP_FAILED) {
      fail("mmap of a slot");
    }
  }
}

static void queue(int i) {
  struct v4l2_buffer slot = {.index = (uint32_t)i,
                             .type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
                             .memory = memory,
                             .field = V4L2_FIELD_NONE,
                             .flags = V4L2_BUF_FLAG_TIMESTAMP_COPY,
                             .bytesused = image_size};
  queued_at[i] = now(CLOCK_MONOTONIC);
  if (memory == V4L2_MEMORY_MMAP) {
    memcpy(slots[i], pictures[i], image_size);
  } else {
    slot.m.fd = dma_bufs[i];
    slot.length = (uint32_t)buffer_size;
  }
  request(VIDIOC_QBUF, &slot, "VIDIOC_QBUF");
}

// The index of a slot that is done, or -1 where there is none.
static int dequeue(void) {
  struct v4l2_buffer slot = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = memory};
  if (ioctl(device, VIDIOC_DQBUF, &slot) < 0) {
    if (errno == EAGAIN) {
      return -1;
    }
    fail("VIDIOC_DQBUF");
  }
  return slot.index < (uint32_t)count ? (int)slot.index : -1;
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *values, int length) {
  qsort(values, (size_t)length, sizeof *values, by_size);
  return values[length / 2];
}

// What it costs to read the clock of CPU time.
static uint64_t clock_cost(void) {
  enum { READS = 501 };
  static uint64_t costs[READS];
  uint64_t before = now(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < READS; i++) {
    uint64_t after = now(CLOCK_THREAD_CPUTIME_ID);
    costs[i] = after - before;
    before = after;
  }
  return median(costs, READS);
}

static void print_calls(void) {
  enum { ROUNDS = 301, CALLS = 50 };
  static uint64_t costs[3][ROUNDS];
  int event = eventfd(1, EFD_NONBLOCK);
  struct pollfd wait[2] = {{.fd = device, .events = 0}, {.fd = event, .events = POLLIN}};
  struct v4l2_buffer slot = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .memory = V4L2_MEMORY_DMABUF};
  uint64_t number = 1;
  int bad = 0;
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t t0 = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < CALLS; i++) {
      bad += poll(wait, 2, 1000) < 1;
    }
    uint64_t t1 = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < CALLS; i++) {
      bad += write(event, &number, 8) != 8 || read(event, &number, 8) != 8;
    }
    number = 1;
    bad += write(event, &number, 8) != 8;
    uint64_t t2 = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < CALLS; i++) {
      bad += ioctl(device, VIDIOC_DQBUF, &slot) == 0;
    }
    uint64_t t3 = now(CLOCK_THREAD_CPUTIME_ID);
    costs[0][round] = t1 - t0;
    costs[1][round] = t2 - t1;
    costs[2][round] = t3 - t2;
  }
  if (bad != 0) {
    fprintf(stderr, "floor: %d calls did not do what they should\n", bad);
    exit(1);
  }
  printf("%.0f %.0f %.0f\n", (double)median(costs[0], ROUNDS) / CALLS, (double)median(costs[1], ROUNDS) / CALLS,
         (double)median(costs[2], ROUNDS) / CALLS);
}

static void *present(void *eventfd_number) {
  int wake = *(int *)eventfd_number;
  uint64_t at = now(CLOCK_MONOTONIC);
  for (;;) {
    at += 1000000000u / hertz;
    struct timespec when = {.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
    uint64_t one = 1;
    if (write(wake, &one, sizeof one) != sizeof one) {
      fail("write to an eventfd");
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: floor dmabuf|copy|paced|handover DEVICE WIDTH HEIGHT WARM FRAMES\n");
    return 2;
  }
  int paced = strcmp(argv[1], "paced") == 0;
  int handover = paced || strcmp(argv[1], "handover") == 0;
  memory = paced || strcmp(argv[1], "copy") == 0 ? V4L2_MEMORY_MMAP : V4L2_MEMORY_DMABUF;
  hertz = paced ? 10 : hertz;
  device_name = argv[2];
  int warm = atoi(argv[5]), frames = atoi(argv[6]);
  if (frames < 1 || warm < 1) {
    fprintf(stderr, "floor: WARM and FRAMES are at least 1\n");
    return 2;
  }
  device = open(device_name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) {
    fail("open");
  }
  if (strcmp(argv[1], "calls") == 0) {
    print_calls();
    return 0;
  }
  uint64_t *latencies = calloc((size_t)frames, sizeof *latencies);
  uint64_t *costs = calloc((size_t)frames, sizeof *costs);
  if (latencies == NULL || costs == NULL) {
    fail("calloc");
  }
  set_format((uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
  make_pictures();
  make_slots();
  int type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
  // In turn, as everybody queues them: v4l2loopback's readers get the writer's slot, be theirs queued or not.
  int free_slots[DEPTH], oldest = 0, free_count = 0;
  for (int i = 0; i < count; i++) {
    queue(i);
  }
  request(VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");

  struct pollfd waits[2] = {{.fd = device, .events = POLLOUT}, {.fd = -1, .events = POLLIN}};
  int wake = -1, pending = 0;
  if (handover) {
    pthread_t thread;
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    waits[1].fd = wake;
    if (wake < 0 || pthread_create(&thread, NULL, present, &wake) != 0) {
      fail("eventfd");
    }
  }
  uint64_t cpu = 0, wall = 0;
  for (int done = 0; done < warm + frames;) {
    int ready = poll(waits, handover ? 2 : 1, 10000);
    if (ready == 0 || (waits[0].revents & POLLERR && free_count < count)) {
      errno = ETIMEDOUT;
      fail("poll");
    }
    if (waits[0].revents & POLLOUT) {
      int i = dequeue();
      if (i >= 0) {
        uint64_t at = now(CLOCK_MONOTONIC), used = now(CLOCK_THREAD_CPUTIME_ID);
        if (done >= warm) {
          latencies[done - warm] = at - queued_at[i];
          costs[done - warm] = used - cpu;
        } else {
          wall = at;
        }
        cpu = used;
        done++;
        free_slots[(oldest + free_count++) % DEPTH] = i;
      }
    }
    if (waits[1].revents & POLLIN) {
      uint64_t number;
      if (read(wake, &number, sizeof number) == sizeof number) {
        pending = 1;
      }
    }
    while (free_count > 0 && (!handover || pending)) {
      queue(free_slots[oldest]);
      oldest = (oldest + 1) % DEPTH;
      free_count--;
      pending = 0;
    }
    waits[0].fd = free_count < count ? device : -1;  // with nothing queued poll says POLLERR at once
  }
  wall = now(CLOCK_MONOTONIC) - wall;
  uint64_t cost = median(costs, frames) - clock_cost(), p50 = median(latencies, frames);
  printf("%llu %llu %llu %.2f\n", (unsigned long long)cost, (unsigned long long)p50,
         (unsigned long long)latencies[(size_t)frames * 99 / 100], frames * 1e9 / (double)wall);
  return 0;
}
