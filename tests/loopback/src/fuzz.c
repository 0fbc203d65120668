// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * fuzz OUTPUT CAPTURE SECONDS [SEED]: random V4L2 calls with random arguments on both nodes, mmap, read, write, poll
 * and close, from several threads that share their descriptors. The kernel is what is judged: an oops, a
 * warning or a task that hangs fails the run; no call's result does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 6, BUFFERS = 4, THREADS = 4, LENGTH = 1 << 18 };

static const char *nodes[2];
static _Atomic int files[FILES];
static int dmabufs[BUFFERS];
static void *memory;
static unsigned int output_type; /* which of the two APIs OUTPUT speaks */
static _Atomic long calls, good;
static _Atomic bool stop;

static unsigned int pick(unsigned int *seed, unsigned int bound) { return rand_r(seed) % bound; }

/* Mostly sensible: nonsense alone never gets far. */
static unsigned int number(unsigned int *seed, unsigned int bound) {
  return pick(seed, 10) ? pick(seed, bound) : (unsigned int)rand_r(seed) * 3;
}

static unsigned int queue_type(unsigned int *seed, int file) {
  if (!pick(seed, 20)) return number(seed, 16);
  return file % 2 ? V4L2_BUF_TYPE_VIDEO_CAPTURE : output_type;
}

/* Memory for a buffer of that type: in it or, by the multi-planar API, in the planes that it then points to. */
static void fill_buffer(unsigned int *seed, struct v4l2_buffer *buffer, struct v4l2_plane *planes) {
  struct v4l2_plane plane = {.length = LENGTH, .bytesused = number(seed, LENGTH)};
  if (buffer->memory == V4L2_MEMORY_DMABUF)
    plane.m.fd = dmabufs[pick(seed, BUFFERS)];
  else if (buffer->memory == V4L2_MEMORY_USERPTR)
    plane.m.userptr = (unsigned long)memory + pick(seed, 4) * LENGTH + (pick(seed, 4) ? 0 : number(seed, 5000));
  buffer->bytesused = plane.bytesused;
  buffer->length = plane.length;
  if (!V4L2_TYPE_IS_MULTIPLANAR(buffer->type)) {
    buffer->m.userptr = plane.m.userptr; /* m.fd is in it */
    return;
  }
  if (!pick(seed, 9)) plane.data_offset = number(seed, 3);
  planes[0] = plane;
  buffer->m.planes = planes;
  buffer->length = pick(seed, 9) ? 1 : number(seed, VIDEO_MAX_PLANES);
}

static int one_ioctl(unsigned int *seed, int file) {
  static const unsigned long simple[] = {
      VIDIOC_QUERYCAP,  VIDIOC_ENUM_FMT, VIDIOC_ENUM_FRAMESIZES,  VIDIOC_ENUM_FRAMEINTERVALS, VIDIOC_G_PARM,
      VIDIOC_S_PARM,    VIDIOC_G_FMT,    VIDIOC_TRY_FMT,          VIDIOC_ENUMINPUT,           VIDIOC_ENUMOUTPUT,
      VIDIOC_DQEVENT,   VIDIOC_QUERYCTRL, VIDIOC_SUBSCRIBE_EVENT, VIDIOC_UNSUBSCRIBE_EVENT,   VIDIOC_G_PRIORITY,
  };
  static const unsigned int events[] = {V4L2_EVENT_SOURCE_CHANGE, V4L2_EVENT_EOS, V4L2_EVENT_CTRL, V4L2_EVENT_ALL};
  static const unsigned int fourccs[] = {V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};
  union {
    struct v4l2_requestbuffers request;
    struct v4l2_create_buffers create;
    struct v4l2_buffer buffer;
    struct v4l2_exportbuffer export;
    struct v4l2_format format;
    struct v4l2_event_subscription subscription;
    char bytes[512];
  } a;
  struct v4l2_plane planes[VIDEO_MAX_PLANES] = {0};
  int fd = files[file], r, type = queue_type(seed, file);
  memset(&a, 0, sizeof(a));
  switch (pick(seed, 12)) {
    case 0:
      a.request.type = type;
      a.request.memory = 1 + number(seed, 4);
      a.request.count = number(seed, 8);
      return ioctl(fd, VIDIOC_REQBUFS, &a);
    case 1:
      a.create.format.type = type;
      ioctl(fd, VIDIOC_G_FMT, &a.create.format);
      a.create.memory = 1 + number(seed, 4);
      a.create.count = number(seed, 4);
      if (!pick(seed, 4)) {
        unsigned int size = number(seed, LENGTH * 2);
        if (V4L2_TYPE_IS_MULTIPLANAR(type))
          a.create.format.fmt.pix_mp.plane_fmt[0].sizeimage = size;
        else
          a.create.format.fmt.pix.sizeimage = size;
      }
      return ioctl(fd, VIDIOC_CREATE_BUFS, &a);
    case 2:
    case 3:
    case 4: {
      static const unsigned long requests[] = {VIDIOC_QBUF, VIDIOC_QBUF, VIDIOC_PREPARE_BUF, VIDIOC_QUERYBUF};
      a.buffer.type = type;
      a.buffer.memory = file % 2 ? V4L2_MEMORY_MMAP : 1 + number(seed, 4);
      a.buffer.index = number(seed, 8);
      a.buffer.field = number(seed, 3);
      fill_buffer(seed, &a.buffer, planes);
      return ioctl(fd, requests[pick(seed, 4)], &a);
    }
    case 5:
    case 6:
      a.buffer.type = type;
      a.buffer.memory = file % 2 ? V4L2_MEMORY_MMAP : 1 + number(seed, 4);
      fill_buffer(seed, &a.buffer, planes);
      return ioctl(fd, VIDIOC_DQBUF, &a);
    case 7:
      a.export.type = type;
      a.export.index = number(seed, 8);
      a.export.flags = O_CLOEXEC | (pick(seed, 2) ? O_RDWR : 0);
      r = ioctl(fd, VIDIOC_EXPBUF, &a);
      if (r == 0) {
        void *p = mmap(NULL, 4096 * (1 + number(seed, 8)), PROT_READ | (pick(seed, 2) ? PROT_WRITE : 0), MAP_SHARED,
                       a.export.fd, 4096 * pick(seed, 3));
        close(a.export.fd);
        if (p != MAP_FAILED) munmap(p, 4096);
      }
      return r;
    case 8: return ioctl(fd, VIDIOC_STREAMON, &type);
    case 9: return pick(seed, 3) ? 0 : ioctl(fd, VIDIOC_STREAMOFF, &type);
    case 10:
      a.format.type = type;
      a.format.fmt.pix.width = number(seed, 200);
      a.format.fmt.pix.height = number(seed, 200);
      a.format.fmt.pix.pixelformat = pick(seed, 5) ? fourccs[pick(seed, 4)] : (unsigned int)rand_r(seed);
      if (V4L2_TYPE_IS_MULTIPLANAR(type))
        a.format.fmt.pix_mp.plane_fmt[0].bytesperline = number(seed, 1000);
      else
        a.format.fmt.pix.bytesperline = number(seed, 1000);
      return ioctl(fd, VIDIOC_S_FMT, &a);
    default:
      for (unsigned int i = 0; i < sizeof(a); i += 4) {
        unsigned int v = number(seed, 4);
        memcpy(a.bytes + i, &v, 4);
      }
      if (pick(seed, 2)) a.subscription.type = events[pick(seed, 4)];
      return ioctl(fd, simple[pick(seed, sizeof(simple) / sizeof(simple[0]))], &a);
  }
}

static void map_and_look(unsigned int *seed, int file) {
  struct v4l2_buffer buffer = {.type = queue_type(seed, file), .memory = V4L2_MEMORY_MMAP, .index = number(seed, 8)};
  struct v4l2_plane planes[VIDEO_MAX_PLANES] = {0};
  bool planar = V4L2_TYPE_IS_MULTIPLANAR(buffer.type);
  if (planar) {
    buffer.m.planes = planes;
    buffer.length = VIDEO_MAX_PLANES;
  }
  if (ioctl(files[file], VIDIOC_QUERYBUF, &buffer)) return;
  size_t whole = planar ? planes[0].length : buffer.length;
  off_t offset = planar ? planes[0].m.mem_offset : buffer.m.offset;
  size_t length = pick(seed, 3) ? whole : (size_t)number(seed, LENGTH) + 1;
  volatile char *p = mmap(NULL, length, PROT_READ | PROT_WRITE, pick(seed, 9) ? MAP_SHARED : MAP_PRIVATE, files[file],
                          offset + (pick(seed, 9) ? 0 : 4096));
  if (p == MAP_FAILED) return;
  volatile char sum = p[0] + p[length - 1];
  (void)sum;
  if (pick(seed, 2)) usleep(pick(seed, 300));
  munmap((void *)p, length);
}

static void *fuzz(void *argument) {
  unsigned int seed = (unsigned int)(unsigned long)argument;
  char small[5000];
  while (!stop) {
    int file = pick(&seed, FILES), r = 0;
    struct pollfd poller = {.fd = files[file], .events = pick(&seed, 2) ? POLLIN | POLLOUT : POLLPRI};
    switch (pick(&seed, 40)) {
      case 0: {
        /* The number may be another thread's file by now: that is part of it. */
        int fresh = open(nodes[file % 2], O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fresh >= 0) close(atomic_exchange(&files[file], fresh));
        break;
      }
      case 1: r = poll(&poller, 1, 1); break;
      case 2: r = read(files[file], small, number(&seed, sizeof(small)) % sizeof(small)); break;
      case 3: r = write(files[file], small, number(&seed, sizeof(small)) % sizeof(small)); break;
      case 4:
      case 5: map_and_look(&seed, file); break;
      default: r = one_ioctl(&seed, file);
    }
    calls++;
    good += r >= 0;
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  if (argc < 4) return 2;
  nodes[0] = argv[1];
  nodes[1] = argv[2];
  unsigned int seed = argc > 4 ? atoi(argv[4]) : time(NULL);
  memory = mmap(NULL, 5 * LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < BUFFERS; i++) {
    int device = open("/dev/udmabuf", O_RDWR);
    int memfd = memfd_create("fuzz", MFD_ALLOW_SEALING);
    struct udmabuf_create create = {.memfd = memfd, .size = LENGTH};
    if (ftruncate(memfd, LENGTH) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) return 2;
    dmabufs[i] = ioctl(device, UDMABUF_CREATE, &create);
    close(device);
    close(memfd);
  }
  for (int i = 0; i < FILES; i++) files[i] = open(nodes[i % 2], O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct v4l2_capability capability;
  if (ioctl(files[0], VIDIOC_QUERYCAP, &capability)) return 2;
  output_type = capability.device_caps & V4L2_CAP_VIDEO_OUTPUT_MPLANE ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
                                                                      : V4L2_BUF_TYPE_VIDEO_OUTPUT;
  for (long i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, fuzz, (void *)(seed + i * 7919ul));
  sleep(atoi(argv[3]));
  stop = true;
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("seed %u: %ld calls, %ld of them succeeded\n", seed, calls, good);
  return 0;
}
