/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the guestcam authors */
/* What the loopback's tests share: V4L2 calls that die with a message, memory of each kind, numbered pictures. */
#ifndef LOOPBACK_TEST_V4L_H
#define LOOPBACK_TEST_V4L_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind { DMABUF, MMAP, USERPTR, WRITE };

/* A producer's or a reader's buffer. */
struct buffer {
  int fd;          /* its dma-buf, or -1 */
  int memfd;       /* what a udmabuf was made of, or -1 */
  uint32_t *pixels; /* as this process maps it */
  size_t length;
};

struct stream {
  int fd;
  enum v4l2_buf_type type;
  enum v4l2_memory memory;
  struct v4l2_pix_format pix; /* plane 0, whatever the API */
  unsigned int count;
  struct buffer buffers[VIDEO_MAX_FRAME];
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ioctl that starts again when interrupted; 0 or -errno. */
int call(int fd, unsigned long request, void *argument);

enum kind kind_of(const char *name);
uint32_t fourcc_of(const char *name);

/* Opens a node, and finds out which API its OUTPUT or CAPTURE queue speaks. */
void stream_open(struct stream *stream, const char *path, int flags);
void stream_close(struct stream *stream);

/* S_FMT, read back. stride 0: the least. */
void stream_format(struct stream *stream, uint32_t fourcc, unsigned int width, unsigned int height, unsigned int stride);
void stream_get_format(struct stream *stream);
void stream_rate(struct stream *stream, unsigned int fps);

/* REQBUFS; 0 or -errno. */
int stream_request(struct stream *stream, enum v4l2_memory memory, unsigned int count);
int stream_map(struct stream *stream, unsigned int index); /* MMAP memory */
int stream_export(struct stream *stream, unsigned int index); /* the descriptor, or -errno */
int stream_on(struct stream *stream);
int stream_off(struct stream *stream);

/* QBUF of what the buffer is; 0 or -errno. */
int stream_queue(struct stream *stream, unsigned int index, uint64_t nanos);
int stream_prepare(struct stream *stream, unsigned int index);
/* DQBUF: the index or -errno. buffer may be NULL. */
int stream_dequeue(struct stream *stream, struct v4l2_buffer *buffer);
/* poll for events; what came. */
int stream_poll(struct stream *stream, int events, int milliseconds);

/* Memory that a producer brings along. */
void buffer_udmabuf(struct buffer *buffer, size_t length);
void buffer_anonymous(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);

int64_t control(int fd, uint32_t id);
/* Waits, by the control's events, until it is at least that; what it is then (it may lag behind the truth). */
int64_t control_wait(int fd, uint32_t id, int64_t least);
uint64_t now_nanos(void);

/* A picture of which each word tells the frame's number and the word's place. */
uint32_t picture_word(uint32_t number, uint32_t place); /* place 0 holds the number itself instead */
void picture_draw(uint32_t *pixels, size_t bytes, uint32_t number);
/* The number, or -1 where any word is wrong. */
int64_t picture_check(const uint32_t *pixels, size_t bytes);

#endif
