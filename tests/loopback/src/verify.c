// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * Checks a file of numbered pictures, as any reader wrote it: verify BYTES FILE [FORM]. FORM is what the reader does to
 * pictures when it writes them down:
 *   plus N           N bytes follow each, which mean nothing
 *   bgr              each fourth byte is left out
 *   holes ROW STEP   of each STEP bytes the first ROW are there; as many bytes more, of no meaning, are behind
 * What is there must be right, whatever the form.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v4l.h"

/* Of each `step` bytes of a picture, the first `kept` are in the file; then `extra` others. */
static size_t kept = 1, step = 1, extra;

/* The next picture, with what is not in the file as it would be if the rest is right; false at the end. */
static bool read_picture(FILE *file, unsigned char *picture, size_t bytes, bool *piece) {
  size_t in_file = (bytes + step - 1) / step * kept + extra, got;
  static unsigned char *data;
  if (!data) data = malloc(in_file);
  got = fread(data, 1, in_file, file);
  *piece = got > 0 && got < in_file;
  if (got < in_file) return false;
  uint32_t number = 0;
  memcpy(&number, data, kept < 4 ? kept : 4);
  for (size_t i = 0; i < bytes / 4; i++) {
    uint32_t word = i ? picture_word(number, i) : number;
    memcpy(picture + 4 * i, &word, 4);
  }
  for (size_t from = 0, to = 0; to < bytes; from += kept, to += step)
    memcpy(picture + to, data + from, to + kept > bytes ? bytes - to : kept);
  return true;
}

int main(int argc, char **argv) {
  if (argc < 3) die("usage: verify BYTES_OF_A_PICTURE FILE [plus N | bgr | holes ROW STEP]");
  const char *form = argc > 3 ? argv[3] : "";
  size_t bytes = strtoul(argv[1], NULL, 10);
  if (!strcmp(form, "plus") && argc == 5) {
    extra = strtoul(argv[4], NULL, 10);
  } else if (!strcmp(form, "bgr") && argc == 4) {
    kept = 3, step = 4;
  } else if (!strcmp(form, "holes") && argc == 6) {
    kept = strtoul(argv[4], NULL, 10), step = strtoul(argv[5], NULL, 10);
    if (!kept || kept > step) die("verify: %zu bytes of %zu", kept, step);
    extra = bytes - (bytes + step - 1) / step * kept;
  } else if (argc > 3) {
    die("verify: no form %s", form);
  }
  /* All at once, where there are no holes: a byte at a time would take minutes. */
  if (step == 1) kept = step = bytes;
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
