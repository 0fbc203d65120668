// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * dma: a DMA engine (QEMU's edu, by the module edu_dma) reads and writes pages that were granted, through guestcam_grants'
 * dma-buf of them; the granting side (the same domain here) sees every byte of it, at once and without a call. Scattered pages,
 * then contiguous ones: a huge page.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "edu/edu_dma.h"
#include "grants.h"

#define PAGES 512u /* of 2 MiB */
#define COPIES 12

static int device, bad;

static void report(bool good, const char *layout, const char *what, long number) {
  printf("%s - DMA, %s pages: %s (%ld)\n", good ? "ok" : "not ok", layout, what, number);
  fflush(stdout);
  bad += !good;
}

static void die(const char *what) {
  printf("not ok - DMA: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* A huge page as a dma-buf. */
static int huge_page(void) {
  int memfd = memfd_create("huge", MFD_HUGETLB | MFD_HUGE_2MB | MFD_ALLOW_SEALING), udmabuf = open("/dev/udmabuf", O_RDWR), fd;
  struct udmabuf_create create = {.memfd = (uint32_t)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = PAGES * PAGE};
  if (memfd < 0 || ftruncate(memfd, PAGES * PAGE) || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) die("a huge page");
  if (udmabuf < 0 || (fd = ioctl(udmabuf, UDMABUF_CREATE, &create)) < 0) die("udmabuf of a huge page");
  close(udmabuf);
  close(memfd);
  return fd;
}

/* Copies between places that go through all pages; each place is looked at by the granting side. */
static void run(const char *layout, int source, bool contiguous) {
  uint32_t refs[PAGES];
  int granted = -1, mapped = -1, edu = open("/dev/edu-dma", O_RDWR | O_CLOEXEC);
  long wrong = 0, neighbours = 0;
  if (edu < 0) die("/dev/edu-dma");
  errno = grants_make(device, GUESTCAM_GRANTS_GRANT, 0, PAGES, 0, -1, source, refs, &granted);
  if (errno) die("GRANT");
  errno = grants_make(device, GUESTCAM_GRANTS_MAP, 0, PAGES, 0, -1, -1, refs, &mapped);
  if (errno) die("MAP");
  uint8_t *guest = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, granted, 0);
  if (guest == MAP_FAILED) die("mmap of what was granted");
  if (ioctl(edu, EDU_DMA_ATTACH, mapped)) die("the device's import");
  for (unsigned int i = 0; i < COPIES; i++) {
    /* The last copy is from a page to its neighbour; others are far apart, and begin and end within pages. */
    uint64_t from = i * (PAGES / COPIES) * PAGE, to = (from + (PAGES / 2 + 7) * PAGE) % (PAGES * PAGE), bytes = PAGE;
    if (i % 3 == 1) from += 12, to += 512, bytes = 1500;
    if (i == COPIES - 1) to = from + PAGE;
    struct edu_dma_copy copy = {.from = from, .to = to, .bytes = bytes};
    /* Drawn after the import: a copy of the memory, made then, would show itself. */
    for (uint64_t b = 0; b < bytes; b++) guest[from + b] = (uint8_t)(b * 37 + b / 256 + i * 11 + 1);
    memset(guest + to / PAGE * PAGE, 0xee, PAGE);
    if (ioctl(edu, EDU_DMA_COPY, &copy)) die("the device's copy");
    uint64_t page = to / PAGE * PAGE;
    for (uint64_t b = page; b < page + PAGE; b++) {
      uint8_t right = b >= to && b < to + bytes ? guest[from + b - to] : 0xee;
      wrong += guest[b] != right;
    }
    if (i == COPIES - 1) neighbours = copy.to_address == copy.from_address + PAGE;
  }
  report(!wrong, layout, "the device read and wrote the granting side's own memory; wrong bytes", wrong);
  if (contiguous) report(neighbours, layout, "neighbours are neighbours for the device", neighbours);
  close(edu);
  close(mapped);
  munmap(guest, PAGES * PAGE);
  close(granted);
  report(grants_await_all_gone(device), layout, "no page stays mapped or granted", (long)grants_info(device).mapped);
}

int main(void) {
  device = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  if (device < 0) die("/dev/" GUESTCAM_GRANTS_NODE);
  run("scattered", -1, false);
  int huge = huge_page();
  run("contiguous", huge, true);
  close(huge);
  return bad != 0;
}
