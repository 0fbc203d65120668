// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * Checks a file of numbered pictures, as any reader wrote it: verify BYTES FILE [FORM]... FORM is what the reader does to
 * pictures when it writes them down:
 *   plus N           N bytes follow each, which mean nothing
 *   bgr              each fourth byte is left out
 *   holes ROW STEP   of each STEP bytes (of what bgr left) the first ROW are there; as many bytes more, of no meaning, are
 *                    at the end
 * What is there must be right, whatever the form.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v4l.h"

static size_t row, step, extra;
static bool bgr;

/* What is not in the file is as it would be if the rest is right. */
static void spread(const unsigned char *data, size_t length, unsigned char *picture, size_t bytes) {
  uint32_t number = 0;
  memcpy(&number, data, bgr ? 3 : 4);
  for (size_t i = 0; i < bytes / 4; i++) {
    uint32_t word = i ? picture_word(number, i) : number;
    memcpy(picture + 4 * i, &word, 4);
  }
  for (size_t from = 0; from < length; from++) {
    size_t to = row ? from / row * step + from % row : from;
    if (bgr) to = to / 3 * 4 + to % 3;
    if (to < bytes) picture[to] = data[from];
  }
}

/* The next picture; false at the end. */
static bool read_picture(FILE *file, unsigned char *picture, size_t bytes, bool *piece) {
  size_t length = bgr ? bytes / 4 * 3 : bytes;
  static unsigned char *data;
  if (!data) data = malloc(length + extra);
  size_t got = fread(data, 1, length + extra, file);
  *piece = got > 0 && got < length + extra;
  if (got < length + extra) return false;
  if (bgr || row)
    spread(data, length, picture, bytes);
  else
    memcpy(picture, data, bytes);
  return true;
}

int main(int argc, char **argv) {
  if (argc < 3) die("usage: verify BYTES_OF_A_PICTURE FILE [plus N | bgr | holes ROW STEP]...");
  size_t bytes = strtoul(argv[1], NULL, 10);
  for (int i = 3; i < argc; i++) {
    if (!strcmp(argv[i], "bgr")) {
      bgr = true;
    } else if (!strcmp(argv[i], "plus") && i + 1 < argc) {
      extra = strtoul(argv[++i], NULL, 10);
    } else if (!strcmp(argv[i], "holes") && i + 2 < argc) {
      row = strtoul(argv[++i], NULL, 10);
      step = strtoul(argv[++i], NULL, 10);
      if (!row || row > step) die("verify: %zu bytes of %zu", row, step);
    } else {
      die("verify: no form %s", argv[i]);
    }
  }
  FILE *file = fopen(argv[2], "rb");
  uint32_t *picture = malloc(bytes);
  long count = 0, gaps = 0, wrong = 0;
  int64_t first = -1, last = -1;
  bool piece;
  if (!file) die("cannot open %s", argv[2]);
  while (read_picture(file, (unsigned char *)picture, bytes, &piece)) {
    int64_t number = picture_check(picture, bytes);
    count++;
    if (number < 0 || (last >= 0 && number <= last)) {
      wrong++;
      continue;
    }
    if (last >= 0) gaps += number - last - 1;
    if (first < 0) first = number;
    last = number;
  }
  printf("%ld pictures, numbers %ld to %ld, %ld missed, %ld wrong%s\n", count, (long)first, (long)last, gaps, wrong,
         piece ? ", and a piece" : "");
  return count == 0 || wrong || piece;
}
