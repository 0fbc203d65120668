// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * check [DEATHS]: guestcam_grants in a domain that grants to itself, so that one
 * program sees both ends; on arm64 that is sound. Then how many checks were good and bad.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "grants.h"

/* 1080p at four bytes. */
#define PICTURE 2025u

static int good_count, bad_count, device;

static void report(bool good, const char *what, const char *format, ...) {
  va_list arguments;
  printf("%s - %s: ", good ? "ok" : "not ok", what);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
  if (good)
    good_count++;
  else
    bad_count++;
}

static int grant(uint32_t count, uint32_t flags, int event, uint32_t *refs, int *fd) {
  return grants_make(device, GUESTCAM_GRANTS_GRANT, 0, count, flags, event, -1, refs, fd);
}

static int map(uint32_t count, uint32_t flags, int event, uint32_t *refs, int *fd) {
  return grants_make(device, GUESTCAM_GRANTS_MAP, 0, count, flags, event, -1, refs, fd);
}

static uint32_t *pixels(int fd, uint32_t count, int protection) {
  void *address = mmap(NULL, count * PAGE, protection, MAP_SHARED, fd, 0);
  return address == MAP_FAILED ? NULL : address;
}

static struct guestcam_grants_info info(void) { return grants_info(device); }

/* A picture of pseudo-random words, different for each seed. */
static void draw(uint32_t *words, uint32_t count, uint32_t seed) {
  for (unsigned long i = 0; i < count * PAGE / 4; i++) words[i] = (uint32_t)(i * 2654435761u) ^ seed;
}

static unsigned long wrong_words(const uint32_t *words, uint32_t count, uint32_t seed) {
  unsigned long wrong = 0;
  for (unsigned long i = 0; i < count * PAGE / 4; i++) wrong += words[i] != ((uint32_t)(i * 2654435761u) ^ seed);
  return wrong;
}

static void check_identity(uint32_t count) {
  uint32_t *refs = calloc(count, 4);
  int granted = -1, mapped = -1, granted_end = eventfd(0, 0), mapped_end = eventfd(0, 0);
  int r = grant(count, 0, granted_end, refs, &granted);
  report(!r, "pages become references", "%u pages: %s", count, strerror(r));
  r = map(count, 0, mapped_end, refs, &mapped);
  report(!r, "references become a dma-buf", "%u pages: %s", count, strerror(r));
  uint32_t *ours = pixels(granted, count, PROT_READ | PROT_WRITE), *theirs = pixels(mapped, count, PROT_READ | PROT_WRITE);
  if (!ours || !theirs) {
    report(false, "both can be mapped", "%p %p", (void *)ours, (void *)theirs);
    return;
  }
  report(lseek(mapped, 0, SEEK_END) == (off_t)(count * PAGE), "the dma-buf is as large as its pages", "%u pages", count);
  bool zero = true;
  for (unsigned long i = 0; i < count * PAGE / 4; i++) zero &= !ours[i];
  report(zero, "new pages are zero", "%u pages", count);
  draw(ours, count, 1);
  report(!wrong_words(theirs, count, 1), "what the granting side draws is seen, without a call", "%lu words wrong",
         wrong_words(theirs, count, 1));
  draw(theirs, count, 2);
  report(!wrong_words(ours, count, 2), "and the other way", "%lu words wrong", wrong_words(ours, count, 2));

  close(granted);
  munmap(ours, count * PAGE);
  report(!grants_signalled(granted_end, 300), "no end while the other side maps", "ending: %llu pages", info().ending);
  report(!wrong_words(theirs, count, 2), "the pages stay as they were", "%lu words wrong", wrong_words(theirs, count, 2));
  close(mapped);
  report(!grants_signalled(mapped_end, 100), "no end while user space maps the dma-buf", "mapped: %llu pages", info().mapped);
  munmap(theirs, count * PAGE);
  report(grants_signalled(mapped_end, 10000), "the mapping's end is told", "mapped: %llu pages", info().mapped);
  report(grants_signalled(granted_end, 10000), "then the grant's", "granted: %llu pages", info().granted);
  report(grants_await_all_gone(device), "nothing is left", "%llu mapped, %llu granted", info().mapped, info().granted);
  close(granted_end);
  close(mapped_end);
  free(refs);
}

static void check_read_only(void) {
  uint32_t refs[4];
  int granted = -1, mapped = -1, event = eventfd(0, 0), r;
  grant(4, GUESTCAM_GRANTS_READONLY, event, refs, &granted);
  r = map(4, 0, -1, refs, &mapped);
  report(r == EINVAL, "what is granted for reading is not mapped for writing", "%s", strerror(r));
  r = map(4, GUESTCAM_GRANTS_READONLY, -1, refs, &mapped);
  report(!r, "but for reading", "%s", strerror(r));
  report(!pixels(mapped, 4, PROT_READ | PROT_WRITE), "user space cannot map it for writing then", "%s", strerror(errno));
  uint32_t *theirs = pixels(mapped, 4, PROT_READ), *ours = pixels(granted, 4, PROT_READ | PROT_WRITE);
  report(theirs && ours, "and can for reading", "%s", strerror(errno));
  if (theirs && ours) {
    report(mprotect(theirs, PAGE, PROT_READ | PROT_WRITE), "nor make it writable later", "%s", strerror(errno));
    draw(ours, 4, 3);
    report(!wrong_words(theirs, 4, 3), "and sees it", "%lu words wrong", wrong_words(theirs, 4, 3));
    munmap(theirs, 4 * PAGE);
    munmap(ours, 4 * PAGE);
  }
  close(mapped);
  close(granted);
  report(grants_signalled(event, 10000) && grants_await_all_gone(device), "nothing is left of it", "%llu granted", info().granted);
  close(event);
}

static void check_refusals(void) {
  uint32_t refs[8] = {0};
  int fd = -1, pipe_ends[2], r;
  struct guestcam_grants_buffer reserved = {.refs = (uintptr_t)refs, .count = 1, .eventfd = -1, .source_fd = -1, .reserved = {0, 0, 0, 1}};
  r = map(1, 0, -1, (uint32_t[]){0xffffffffu}, &fd);
  report(r == EINVAL, "a reference that points nowhere", "%s", strerror(r));
  r = map(8, 0, -1, (uint32_t[]){8, 9, 10, 11, 12, 13, 14, 0x7fffffff}, &fd);
  report(r == EINVAL, "references that were not granted to us", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_MAP, 77, 1, 0, -1, -1, refs, &fd);
  report(r == EINVAL, "a domain that does not exist", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_MAP, 0x7ff0, 1, 0, -1, -1, refs, &fd);
  report(r == EINVAL, "DOMID_SELF", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0x10000, 1, 0, -1, -1, refs, &fd);
  report(r == EINVAL, "a domid of 17 bits", "%s", strerror(r));
  r = map(0, 0, -1, refs, &fd);
  report(r == EINVAL, "no pages", "%s", strerror(r));
  r = map(65537, 0, -1, refs, &fd);
  report(r == EINVAL, "too many pages for one call", "%s", strerror(r));
  r = map(1, 2, -1, refs, &fd);
  report(r == EINVAL, "an unknown flag", "%s", strerror(r));
  r = ioctl(device, GUESTCAM_GRANTS_MAP, &reserved) ? errno : 0;
  report(r == EINVAL, "a reserved word that is not zero", "%s", strerror(r));
  r = map(1, 0, -1, NULL, &fd);
  report(r == EFAULT, "references at address 0", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, 1, 0, -1, -1, (uint32_t *)8, &fd);
  report(r == EFAULT, "nowhere to write the references", "%s", strerror(r));
  if (pipe(pipe_ends)) perror("pipe");
  r = map(1, 0, pipe_ends[0], refs, &fd);
  report(r == EINVAL, "an eventfd that is a pipe", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, 1, 0, -1, pipe_ends[0], refs, &fd);
  report(r == EINVAL, "a source that is no dma-buf", "%s", strerror(r));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  r = ioctl(device, _IO('g', 0xdf), 0) ? errno : 0;
  report(r == ENOTTY, "an unknown call", "%s", strerror(r));

  int granted = -1;
  grant(2, 0, -1, refs, &granted);
  refs[1] = 0x7ffffff0;
  r = map(2, 0, -1, refs, &fd);
  report(r == EINVAL && !info().mapped, "one good and one bad reference: all or nothing", "%s, mapped %llu", strerror(r), info().mapped);
  refs[1] = refs[0];
  r = map(2, 0, -1, refs, &fd);
  report(!r, "the same reference twice", "%s", strerror(r));
  if (!r) close(fd);
  close(granted);
}

static void check_limits(void) {
  FILE *parameter = fopen("/sys/module/guestcam_grants/parameters/domain_pages", "w");
  uint32_t *refs = calloc(200, 4);
  int fd = -1, r;
  grants_await_all_gone(device); /* what the checks before closed may still be on its way out */
  if (!parameter || fputs("100", parameter) < 0 || fclose(parameter)) perror("domain_pages");
  r = grant(101, 0, -1, refs, &fd);
  report(r == ENOSPC, "more pages than a domain may have", "%s", strerror(r));
  r = grant(100, 0, -1, refs, &fd);
  report(!r, "as many as it may", "%s", strerror(r));
  int other = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC), more = -1;
  r = grants_make(other, GUESTCAM_GRANTS_MAP, 0, 1, 0, -1, -1, refs, &more);
  report(r == ENOSPC, "and not one more, by another file either", "%s", strerror(r));
  close(other);
  close(fd);
  parameter = fopen("/sys/module/guestcam_grants/parameters/domain_pages", "w");
  if (!parameter || fputs("131072", parameter) < 0 || fclose(parameter)) perror("domain_pages");

  /* In a child that is not root: CAP_IPC_LOCK would let it. The device is open already. */
  pid_t child = fork();
  if (!child) {
    struct rlimit limit = {50 * PAGE, 50 * PAGE};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(65534) || setuid(65534)) _exit(100);
    r = grant(51, 0, -1, refs, &fd);
    int within = grant(50, 0, -1, refs, &fd);
    _exit(r == ENOMEM && !within ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  report(!status, "RLIMIT_MEMLOCK holds", "status %#x", status);
  free(refs);
}

static void check_source(void) {
  uint32_t count = 64, *refs = calloc(count, 4);
  int memfd = memfd_create("picture", MFD_ALLOW_SEALING | MFD_CLOEXEC), udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
  if (udmabuf < 0) {
    printf("skip - a udmabuf's pages: this kernel has no udmabuf\n");
    return;
  }
  if (ftruncate(memfd, (off_t)(count * PAGE)) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) perror("memfd");
  struct udmabuf_create create = {.memfd = (uint32_t)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = count * PAGE};
  int source = ioctl(udmabuf, UDMABUF_CREATE, &create), granted = -1, mapped = -1, event = eventfd(0, 0);
  int r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, count, 0, event, source, refs, &granted);
  report(!r, "a udmabuf's pages can be granted", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, count - 1, 0, -1, source, refs, &mapped);
  report(r == EINVAL, "but not with another count", "%s", strerror(r));
  r = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, count, 0, -1, granted, refs, &mapped);
  report(r == EOPNOTSUPP, "nor those of another exporter", "%s", strerror(r));
  r = map(count, 0, -1, refs, &mapped);
  uint32_t *theirs = pixels(mapped, count, PROT_READ | PROT_WRITE), *ours = pixels(memfd, count, PROT_READ | PROT_WRITE);
  report(!r && theirs && ours, "the other side maps them", "%s", strerror(r));
  if (theirs && ours) {
    draw(theirs, count, 5);
    report(!wrong_words(ours, count, 5), "and draws into the memfd", "%lu words wrong", wrong_words(ours, count, 5));
    munmap(theirs, count * PAGE);
    munmap(ours, count * PAGE);
  }
  close(mapped);
  close(source);
  close(granted);
  report(grants_signalled(event, 10000), "the end is told", "granted %llu", info().granted);
  close(event);
  close(udmabuf);
  close(memfd);
  free(refs);
}

/* A program that dies with everything open, at any moment. */
static void check_deaths(int times) {
  uint32_t *refs = calloc(PICTURE, 4);
  int r = 0;
  for (int i = 0; i < times; i++) {
    int ready[2];
    if (pipe(ready)) perror("pipe");
    pid_t child = fork();
    if (!child) {
      for (;;) {
        int granted = -1, mapped = -1;
        uint32_t count = 1 + (uint32_t)(rand() % 500);
        if (write(ready[1], "", 1) != 1 || grant(count, 0, -1, refs, &granted) || map(count, 0, -1, refs, &mapped)) _exit(1);
        uint32_t *words = pixels(mapped, count, PROT_READ | PROT_WRITE);
        if (!words) _exit(2);
        draw(words, count, (uint32_t)i);
        close(granted);
        close(mapped);
        munmap(words, count * PAGE);
      }
    }
    char byte;
    for (int j = 0; j < 1 + i % 4; j++) r |= read(ready[0], &byte, 1) != 1;
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    r |= !WIFSIGNALED(status);
    close(ready[0]);
    close(ready[1]);
  }
  report(!r, "programs were killed with buffers mapped", "%d of them", times);
  report(grants_await_all_gone(device), "and nothing is left of them", "%llu mapped, %llu granted, %llu ending", info().mapped, info().granted, info().ending);
  free(refs);
}

int main(int argc, char **argv) {
  int deaths = argc > 1 ? atoi(argv[1]) : 20;
  device = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  if (device < 0) {
    perror("/dev/" GUESTCAM_GRANTS_NODE);
    return 1;
  }
  check_identity(1);
  check_identity(PICTURE);
  check_read_only();
  check_refusals();
  check_limits();
  check_source();
  check_deaths(deaths);
  close(device);
  printf("check: %d good, %d bad\n", good_count, bad_count);
  return bad_count != 0;
}
