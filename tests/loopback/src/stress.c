// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * stress OUTPUT CAPTURE N: kills N readers and N producers at random times, while one reader goes on and checks that
 * no frame is wrong and that numbers only grow; then the same with readers that are stopped instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "v4l.h"

/* What the processes tell each other. */
struct shared {
  _Atomic long frames, wrong, back, started;
  _Atomic bool stop;
};

static const char *output, *capture;
static struct shared *shared;

static void produce(unsigned int seed) {
  static const enum v4l2_memory memories[] = {V4L2_MEMORY_DMABUF, V4L2_MEMORY_MMAP, V4L2_MEMORY_USERPTR};
  enum kind kind = seed % 3;
  struct stream stream;
  stream_open(&stream, output, O_NONBLOCK);
  stream_format(&stream, V4L2_PIX_FMT_XBGR32, 160, 120, 0);
  if (stream_request(&stream, memories[kind], 4 + seed % 4)) _exit(1);
  for (unsigned int i = 0; i < stream.count; i++) {
    if (kind == DMABUF) buffer_udmabuf(&stream.buffers[i], stream.pix.sizeimage);
    if (kind == USERPTR) buffer_anonymous(&stream.buffers[i], stream.pix.sizeimage);
    if (kind == MMAP) stream_map(&stream, i);
  }
  if (stream_on(&stream)) _exit(1);
  for (uint32_t number = 0; !shared->stop; number++) {
    int slot = number;
    if (number >= stream.count) {
      if (!(stream_poll(&stream, POLLOUT, 1000) & POLLOUT)) continue;
      slot = stream_dequeue(&stream, NULL);
      if (slot < 0) _exit(1);
    }
    picture_draw(stream.buffers[slot].pixels, stream.pix.sizeimage, number);
    if (stream_queue(&stream, slot, now_nanos())) _exit(1);
    shared->started = 1;
    usleep(1000);
  }
  _exit(0);
}

/* Reads until it is told to stop, starting over whenever a stream ends. */
static void consume(bool judge) {
  while (!shared->stop) {
    struct stream stream;
    struct v4l2_buffer got;
    int64_t last = -1;
    stream_open(&stream, capture, O_NONBLOCK);
    stream_get_format(&stream);
    if (stream_request(&stream, V4L2_MEMORY_MMAP, 2)) {
      stream_close(&stream);
      continue;
    }
    for (unsigned int i = 0; i < stream.count; i++) {
      if (stream_map(&stream, i)) break;
      stream_queue(&stream, i, 0);
    }
    int r = stream_on(&stream);
    while (!r && !shared->stop) {
      int events = stream_poll(&stream, POLLIN, 200);
      if (!events) continue;
      int index = stream_dequeue(&stream, &got);
      if (index == -EAGAIN) continue;
      if (index < 0) break;
      if (judge) {
        /* A producer that dies may leave a picture half drawn only in a slot that it has not queued. */
        int64_t number = picture_check(stream.buffers[index].pixels, stream.pix.sizeimage);
        shared->frames++;
        shared->wrong += number < 0 && !(got.flags & V4L2_BUF_FLAG_ERROR);
        shared->back += number >= 0 && number <= last;
        if (number >= 0) last = number;
      }
      r = stream_queue(&stream, index, 0);
    }
    stream_close(&stream);
  }
  _exit(0);
}

static pid_t start(bool producer, unsigned int seed) {
  pid_t child = fork();
  if (child == 0) {
    if (producer) produce(seed);
    consume(false);
  }
  return child;
}

int main(int argc, char **argv) {
  if (argc < 4) die("usage: stress OUTPUT CAPTURE KILLS");
  output = argv[1];
  capture = argv[2];
  long kills = atol(argv[3]);
  shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t judge = fork();
  if (judge == 0) consume(true);

  srand(1);
  pid_t producer = start(true, 0), readers[4];
  for (int i = 0; i < 4; i++) readers[i] = start(false, 0);
  for (long n = 0; n < kills; n++) {
    usleep(rand() % 60000);
    int i = rand() % 4;
    /* Some are stopped first: they die with everything in their hands. */
    if (rand() % 3 == 0) kill(readers[i], SIGSTOP);
    kill(readers[i], SIGKILL);
    waitpid(readers[i], NULL, 0);
    readers[i] = start(false, 0);
    usleep(rand() % 60000);
    kill(producer, SIGKILL);
    waitpid(producer, NULL, 0);
    producer = start(true, rand());
  }
  long before = shared->frames;
  kill(readers[0], SIGSTOP);
  usleep(1500000);
  long beside = shared->frames - before;
  kill(readers[0], SIGCONT);
  shared->stop = true;
  kill(producer, SIGKILL);
  kill(judge, SIGCONT);
  for (int i = 0; i < 4; i++) kill(readers[i], SIGKILL);
  while (wait(NULL) > 0) {
  }
  printf("%s - %ld readers and %ld producers killed: the reader beside them: %ld frames, %ld wrong, %ld backwards\n",
         shared->frames > kills && !shared->wrong && !shared->back ? "ok" : "not ok", kills, kills, shared->frames,
         shared->wrong, shared->back);
  printf("%s - a stopped reader does not stop another: %ld frames in 1.5 s\n", beside > 20 ? "ok" : "not ok", beside);
  return !(shared->frames > kills && !shared->wrong && !shared->back && beside > 20);
}
