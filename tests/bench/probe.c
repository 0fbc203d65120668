// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// Measures an unmodified program that shows pictures on a V4L2 output device, from inside: preloaded (LD_PRELOAD), it
// passes ioctl(2) on and looks at QBUF and DQBUF. So the program's start is not in the numbers, and each frame's
// latency is. The CPU time is that of all of the program's threads, of the median frame. A frame's time, which readers
// get, is when the program had done with the one before.
//
//   BENCH_WARM=30 BENCH_FRAMES=180 BENCH_OUT=FILE LD_PRELOAD=./probe.so PROGRAM...
//
// Writes into FILE what floor prints: "CPU-nanoseconds-per-frame p50 p99 frames-per-second".

#define _GNU_SOURCE
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES_MAX = 100000, SLOTS_MAX = 64 };

static uint64_t queued_at[SLOTS_MAX];
static uint64_t done_at; // with the frame before
static uint64_t latencies[FRAMES_MAX];
static uint64_t costs[FRAMES_MAX];
static int warm = -1, frames, done;
static uint64_t cpu, wall;

static uint64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static int setting(const char *name) {
  const char *text = getenv(name);
  int number = text != NULL ? atoi(text) : 0;
  return number < 1 || number > FRAMES_MAX ? 1 : number;
}

static void report(void) {
  wall = now(CLOCK_MONOTONIC) - wall;
  qsort(latencies, (size_t)frames, sizeof *latencies, by_size);
  qsort(costs, (size_t)frames, sizeof *costs, by_size);
  const char *name = getenv("BENCH_OUT");
  FILE *out = name != NULL ? fopen(name, "w") : NULL;
  if (out != NULL) {
    fprintf(out, "%llu %llu %llu %.2f\n", (unsigned long long)costs[frames / 2],
            (unsigned long long)latencies[frames / 2],
            (unsigned long long)latencies[(size_t)frames * 99 / 100], frames * 1e9 / (double)wall);
    fclose(out);
  }
}

static void dequeued(uint32_t index) {
  if (warm < 0) {
    warm = setting("BENCH_WARM");
    frames = setting("BENCH_FRAMES");
  }
  if (index >= SLOTS_MAX || queued_at[index] == 0) {
    return;
  }
  uint64_t at = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
  if (done >= warm && done < warm + frames) {
    latencies[done - warm] = at - queued_at[index];
    costs[done - warm] = used - cpu;
  } else if (done < warm) {
    wall = at;
  }
  cpu = used;
  if (++done == warm + frames) {
    report();
  }
}

int ioctl(int fd, unsigned long number, ...) {
  va_list rest;
  va_start(rest, number);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  struct v4l2_buffer *slot = argument;
  if (number == VIDIOC_QBUF && slot->type == V4L2_BUF_TYPE_VIDEO_OUTPUT && slot->index < SLOTS_MAX) {
    queued_at[slot->index] = now(CLOCK_MONOTONIC);
    uint64_t begun = done_at != 0 ? done_at : queued_at[slot->index];
    slot->timestamp.tv_sec = (time_t)(begun / 1000000000u);
    slot->timestamp.tv_usec = (suseconds_t)(begun % 1000000000u / 1000);
  }
  int r = (int)syscall(SYS_ioctl, fd, number, argument);
  if ((number == VIDIOC_QBUF || number == VIDIOC_DQBUF) && slot->type == V4L2_BUF_TYPE_VIDEO_OUTPUT) {
    done_at = now(CLOCK_MONOTONIC);
  }
  if (number == VIDIOC_DQBUF && r == 0 && slot->type == V4L2_BUF_TYPE_VIDEO_OUTPUT) {
    dequeued(slot->index);
  }
  return r;
}
