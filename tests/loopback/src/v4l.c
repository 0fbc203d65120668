// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
#define _GNU_SOURCE
#include "v4l.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

int call(int fd, unsigned long request, void *argument) {
  int r;
  do {
    r = ioctl(fd, request, argument);
  } while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : 0;
}

enum kind kind_of(const char *name) {
  static const char *const names[] = {"dmabuf", "mmap", "userptr", "write"};
  for (int i = 0; i < 4; i++)
    if (!strcmp(name, names[i])) return i;
  die("no such kind of memory: %s", name);
}

uint32_t fourcc_of(const char *name) {
  char four[4] = "    ";
  memcpy(four, name, strnlen(name, 4));
  return v4l2_fourcc(four[0], four[1], four[2], four[3]);
}

static bool planar(const struct stream *stream) { return V4L2_TYPE_IS_MULTIPLANAR(stream->type); }

void stream_open(struct stream *stream, const char *path, int flags) {
  struct v4l2_capability cap = {0};
  memset(stream, 0, sizeof(*stream));
  stream->fd = open(path, O_RDWR | O_CLOEXEC | flags);
  if (stream->fd < 0) die("%s: %s", path, strerror(errno));
  if (call(stream->fd, VIDIOC_QUERYCAP, &cap)) die("%s: no V4L2 device", path);
  stream->type = cap.device_caps & V4L2_CAP_VIDEO_OUTPUT          ? V4L2_BUF_TYPE_VIDEO_OUTPUT
                 : cap.device_caps & V4L2_CAP_VIDEO_OUTPUT_MPLANE ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
                                                                  : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

void stream_close(struct stream *stream) {
  for (unsigned int i = 0; i < stream->count; i++) buffer_free(&stream->buffers[i]);
  stream->count = 0;
  close(stream->fd);
}

static void take_format(struct stream *stream, const struct v4l2_format *format) {
  if (planar(stream)) {
    const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
    stream->pix = (struct v4l2_pix_format){
        .width = mp->width,
        .height = mp->height,
        .pixelformat = mp->pixelformat,
        .bytesperline = mp->plane_fmt[0].bytesperline,
        .sizeimage = mp->plane_fmt[0].sizeimage,
    };
  } else {
    stream->pix = format->fmt.pix;
  }
}

void stream_get_format(struct stream *stream) {
  struct v4l2_format format = {.type = stream->type};
  if (call(stream->fd, VIDIOC_G_FMT, &format)) die("G_FMT failed");
  take_format(stream, &format);
}

void stream_format(struct stream *stream, uint32_t fourcc, unsigned int width, unsigned int height, unsigned int stride) {
  struct v4l2_format format = {.type = stream->type};
  if (planar(stream)) {
    struct v4l2_pix_format_mplane *mp = &format.fmt.pix_mp;
    mp->width = width;
    mp->height = height;
    mp->pixelformat = fourcc;
    mp->num_planes = 1;
    mp->plane_fmt[0].bytesperline = stride;
  } else {
    format.fmt.pix = (struct v4l2_pix_format){
        .width = width, .height = height, .pixelformat = fourcc, .bytesperline = stride};
  }
  int r = call(stream->fd, VIDIOC_S_FMT, &format);
  if (r) die("S_FMT: %s", strerror(-r));
  take_format(stream, &format);
}

void stream_rate(struct stream *stream, unsigned int fps) {
  struct v4l2_streamparm parm = {.type = stream->type};
  parm.parm.output.timeperframe = (struct v4l2_fract){1, fps};
  call(stream->fd, VIDIOC_S_PARM, &parm);
}

int stream_request(struct stream *stream, enum v4l2_memory memory, unsigned int count) {
  struct v4l2_requestbuffers request = {.type = stream->type, .memory = memory, .count = count};
  int r = call(stream->fd, VIDIOC_REQBUFS, &request);
  if (r) return r;
  for (unsigned int i = 0; i < stream->count; i++) buffer_free(&stream->buffers[i]);
  stream->memory = memory;
  stream->count = request.count;
  for (unsigned int i = 0; i < stream->count; i++) stream->buffers[i] = (struct buffer){.fd = -1, .memfd = -1};
  return 0;
}

static void describe(struct stream *stream, unsigned int index, struct v4l2_buffer *buffer, struct v4l2_plane *plane) {
  memset(buffer, 0, sizeof(*buffer));
  memset(plane, 0, sizeof(*plane));
  buffer->index = index;
  buffer->type = stream->type;
  buffer->memory = stream->memory;
  if (planar(stream)) {
    buffer->m.planes = plane;
    buffer->length = 1;
  }
}

int stream_map(struct stream *stream, unsigned int index) {
  struct v4l2_buffer buffer;
  struct v4l2_plane plane;
  describe(stream, index, &buffer, &plane);
  int r = call(stream->fd, VIDIOC_QUERYBUF, &buffer);
  if (r) return r;
  size_t length = planar(stream) ? plane.length : buffer.length;
  off_t offset = planar(stream) ? plane.m.mem_offset : buffer.m.offset;
  void *pixels = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, stream->fd, offset);
  if (pixels == MAP_FAILED) return -errno;
  stream->buffers[index].pixels = pixels;
  stream->buffers[index].length = length;
  return 0;
}

int stream_export(struct stream *stream, unsigned int index) {
  struct v4l2_exportbuffer export = {.type = stream->type, .index = index, .flags = O_RDWR | O_CLOEXEC};
  int r = call(stream->fd, VIDIOC_EXPBUF, &export);
  return r ? r : export.fd;
}

int stream_on(struct stream *stream) { return call(stream->fd, VIDIOC_STREAMON, &stream->type); }
int stream_off(struct stream *stream) { return call(stream->fd, VIDIOC_STREAMOFF, &stream->type); }

static int hand_over(struct stream *stream, unsigned int index, uint64_t nanos, unsigned long request) {
  struct v4l2_buffer buffer;
  struct v4l2_plane plane;
  const struct buffer *mine = &stream->buffers[index];
  describe(stream, index, &buffer, &plane);
  buffer.timestamp.tv_sec = nanos / 1000000000;
  buffer.timestamp.tv_usec = nanos % 1000000000 / 1000;
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
  buffer.field = V4L2_FIELD_NONE;
  if (planar(stream)) {
    plane.bytesused = stream->pix.sizeimage;
    if (stream->memory == V4L2_MEMORY_DMABUF) plane.m.fd = mine->fd;
    if (stream->memory == V4L2_MEMORY_USERPTR) plane.m.userptr = (unsigned long)mine->pixels;
    plane.length = mine->length;
  } else {
    buffer.bytesused = V4L2_TYPE_IS_OUTPUT(stream->type) ? stream->pix.sizeimage : 0;
    if (stream->memory == V4L2_MEMORY_DMABUF) buffer.m.fd = mine->fd;
    if (stream->memory == V4L2_MEMORY_USERPTR) buffer.m.userptr = (unsigned long)mine->pixels;
    buffer.length = mine->length;
  }
  return call(stream->fd, request, &buffer);
}

int stream_queue(struct stream *stream, unsigned int index, uint64_t nanos) {
  return hand_over(stream, index, nanos, VIDIOC_QBUF);
}

int stream_prepare(struct stream *stream, unsigned int index) {
  return hand_over(stream, index, 0, VIDIOC_PREPARE_BUF);
}

int stream_dequeue(struct stream *stream, struct v4l2_buffer *result) {
  struct v4l2_buffer buffer;
  struct v4l2_plane plane;
  describe(stream, 0, &buffer, &plane);
  int r = call(stream->fd, VIDIOC_DQBUF, &buffer);
  if (r) return r;
  if (result) *result = buffer;
  return buffer.index;
}

int stream_poll(struct stream *stream, int events, int milliseconds) {
  struct pollfd poller = {.fd = stream->fd, .events = events};
  int r;
  do {
    r = poll(&poller, 1, milliseconds);
  } while (r < 0 && errno == EINTR);
  return r > 0 ? poller.revents : 0;
}

void buffer_udmabuf(struct buffer *buffer, size_t length) {
  long page = sysconf(_SC_PAGESIZE);
  length = (length + page - 1) / page * page;
  int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
  int memfd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  if (device < 0 || memfd < 0 || ftruncate(memfd, length) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
    die("no udmabuf: %s", strerror(errno));
  struct udmabuf_create create = {.memfd = memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = length};
  buffer->fd = ioctl(device, UDMABUF_CREATE, &create);
  if (buffer->fd < 0) die("UDMABUF_CREATE: %s", strerror(errno));
  close(device);
  buffer->memfd = memfd;
  buffer->length = length;
  buffer->pixels = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (buffer->pixels == MAP_FAILED) die("mmap of a memfd: %s", strerror(errno));
}

void buffer_anonymous(struct buffer *buffer, size_t length) {
  buffer->fd = buffer->memfd = -1;
  buffer->length = length;
  buffer->pixels = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer->pixels == MAP_FAILED) die("mmap: %s", strerror(errno));
}

void buffer_free(struct buffer *buffer) {
  if (buffer->pixels) munmap(buffer->pixels, buffer->length);
  if (buffer->fd >= 0) close(buffer->fd);
  if (buffer->memfd >= 0) close(buffer->memfd);
  *buffer = (struct buffer){.fd = -1, .memfd = -1};
}

int64_t control(int fd, uint32_t id) {
  struct v4l2_ext_control one = {.id = id};
  struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &one};
  struct v4l2_queryctrl query = {.id = id};
  if (call(fd, VIDIOC_QUERYCTRL, &query) || call(fd, VIDIOC_G_EXT_CTRLS, &all)) return -1;
  return query.type == V4L2_CTRL_TYPE_INTEGER64 ? one.value64 : one.value;
}

int64_t control_wait(int fd, uint32_t id, int64_t least) {
  struct v4l2_event_subscription changes = {.type = V4L2_EVENT_CTRL, .id = id};
  struct pollfd poller = {.fd = fd, .events = POLLPRI};
  int64_t value;
  call(fd, VIDIOC_SUBSCRIBE_EVENT, &changes);
  while ((value = control(fd, id)) < least && poll(&poller, 1, 20000) > 0) {
    struct v4l2_event event;
    /* The next one; those of other kinds are their owner's loss. */
    if (ioctl(fd, VIDIOC_DQEVENT, &event)) break;
  }
  call(fd, VIDIOC_UNSUBSCRIBE_EVENT, &changes);
  return value;
}

uint64_t now_nanos(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

uint32_t picture_word(uint32_t number, uint32_t place) { return number * 2654435761u ^ place * 40503u; }

void picture_draw(uint32_t *pixels, size_t bytes, uint32_t number) {
  for (uint32_t i = 1; i < bytes / 4; i++) pixels[i] = picture_word(number, i);
  pixels[0] = number;
}

int64_t picture_check(const uint32_t *pixels, size_t bytes) {
  uint32_t number = pixels[0];
  for (uint32_t i = 1; i < bytes / 4; i++)
    if (pixels[i] != picture_word(number, i)) return -1;
  return number;
}
