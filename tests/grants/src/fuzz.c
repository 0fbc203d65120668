// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * fuzz SECONDS [SEED [DOMAIN REF...]]: /dev/guestcam-grants from several threads: every call with sense and without, on
 * dma-bufs that other threads map, write to and close meanwhile. DOMAIN (this one) granted those REFs. What it must not find is the
 * kernel's to tell.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "grants.h"

#define THREADS 4
#define SLOTS 16

/* Shared by the threads without a lock: that one closes what another uses is the point. */
static _Atomic int files[SLOTS];
static _Atomic uint32_t known_refs[256];
static atomic_bool over;
static atomic_ulong calls, made;
static uint32_t domain;

struct state {
  uint64_t random;
};

static uint32_t next(struct state *state, uint32_t bound) {
  state->random ^= state->random << 13;
  state->random ^= state->random >> 7;
  state->random ^= state->random << 17;
  return (uint32_t)(state->random >> 32) % bound;
}

static void keep(struct state *state, int fd) {
  int before = atomic_exchange(&files[next(state, SLOTS)], fd);
  if (before > 0) close(before);
}

static void make(struct state *state) {
  uint32_t refs[64];
  bool granting = next(state, 2);
  for (int i = 0; i < 64; i++) refs[i] = next(state, 8) ? known_refs[next(state, 256)] : next(state, 1 << 16);
  struct guestcam_grants_buffer buffer = {
      .refs = next(state, 50) ? (uintptr_t)refs : (uintptr_t)state->random,
      .domid = next(state, 20) ? domain : next(state, 1 << 17),
      .count = next(state, 20) ? 1 + next(state, 64) : (uint32_t)state->random,
      .flags = next(state, 10) ? next(state, 2) : (uint32_t)state->random,
      .eventfd = next(state, 5) ? -1 : files[next(state, SLOTS)],
      .source_fd = next(state, 5) ? -1 : files[next(state, SLOTS)],
      .reserved = {next(state, 50) ? 0 : 1},
  };
  /* The stack holds 64: a large count with a good address would be our own fault, not the module's. */
  if (buffer.count > 64 && buffer.refs == (uintptr_t)refs) buffer.refs = 8;
  int device = files[0];
  if (ioctl(device, granting ? GUESTCAM_GRANTS_GRANT : GUESTCAM_GRANTS_MAP, &buffer)) return;
  atomic_fetch_add(&made, 1);
  if (granting)
    for (uint32_t i = 0; i < buffer.count; i++) known_refs[next(state, 256)] = refs[i];
  keep(state, buffer.dmabuf_fd);
}

static void use(struct state *state) {
  int fd = files[next(state, SLOTS)];
  size_t length = (1 + next(state, 80)) * PAGE;
  int protection = next(state, 2) ? PROT_READ : PROT_READ | PROT_WRITE;
  volatile char *bytes = mmap(NULL, length, protection, next(state, 10) ? MAP_SHARED : MAP_PRIVATE, fd, next(state, 10) ? 0 : PAGE);
  if (bytes == MAP_FAILED) return;
  size_t at = next(state, (uint32_t)length);
  char byte = bytes[at]; /* past a short one: SIGBUS, which is caught */
  if (protection & PROT_WRITE) bytes[at] = (char)(byte + 1);
  if (next(state, 20)) munmap((void *)bytes, length);
}

static void sync_cpu(struct state *state) {
  struct dma_buf_sync sync = {.flags = next(state, 8)};
  ioctl(files[next(state, SLOTS)], DMA_BUF_IOCTL_SYNC, &sync);
}

static void reopen(struct state *state) {
  int fd = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  int before = atomic_exchange(&files[0], fd);
  if (before > 0) close(before);
  keep(state, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void strange(struct state *state) {
  struct guestcam_grants_info info;
  ioctl(files[0], GUESTCAM_GRANTS_INFO, next(state, 4) ? &info : (void *)8);
  ioctl(files[next(state, SLOTS)], _IOC(next(state, 4), 'g', 0xd0 + next(state, 6), next(state, 128)), next(state, 2) ? (void *)&info : NULL);
}

static void *work(void *argument) {
  struct state *state = argument;
  while (!over) {
    switch (next(state, 12)) {
      case 0: reopen(state); break;
      case 1: strange(state); break;
      case 2: sync_cpu(state); break;
      case 3: keep(state, -1); break;
      case 4: case 5: case 6: use(state); break;
      default: make(state); break;
    }
    atomic_fetch_add(&calls, 1);
  }
  return NULL;
}

/* A fault past the end of a dma-buf skips nothing: the page is replaced by an empty one, and the access goes on. */
static void fault(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  void *page = (void *)((uintptr_t)info->si_addr & ~(PAGE - 1));
  if (mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) _exit(3);
}

static int fuzz(unsigned int seconds, uint64_t seed) {
  struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
  struct rlimit many = {256, 256};
  pthread_t threads[THREADS];
  struct state states[THREADS];
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  setrlimit(RLIMIT_NOFILE, &many);
  files[0] = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  for (int i = 0; i < THREADS; i++) {
    states[i].random = seed * 6364136223846793005ull + (uint64_t)i + 1;
    if (pthread_create(&threads[i], NULL, work, &states[i])) return 1;
  }
  sleep(seconds); /* its length is what was asked for */
  over = true;
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("%s - fuzzed: %lu calls, %lu buffers\n", made > 10 ? "ok" : "not ok", calls, made);
  return made <= 10;
}

int main(int argc, char **argv) {
  unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 10;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
  if (argc > 3) domain = (uint32_t)atoi(argv[3]);
  for (int i = 0; argc > 4 && i < 256; i++) known_refs[i] = (uint32_t)atoi(argv[4 + i % (argc - 4)]);
  int device = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC), status = 1;
  if (device < 0) {
    perror("/dev/" GUESTCAM_GRANTS_NODE);
    return 1;
  }
  printf("fuzz: seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  /* In a child, so that its end closes whatever it has left. */
  pid_t child = fork();
  if (!child) {
    close(device);
    exit(fuzz(seconds, seed));
  }
  waitpid(child, &status, 0);
  bool gone = grants_await_all_gone(device);
  struct guestcam_grants_info left = grants_info(device);
  printf("%s - nothing is left of it: %llu mapped, %llu granted\n", gone ? "ok" : "not ok", left.mapped, left.granted);
  return status || !gone;
}
