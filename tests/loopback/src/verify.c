// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* Checks a file of numbered pictures, as any reader wrote it: verify BYTES [FILE]. */
#include <stdio.h>
#include <stdlib.h>

#include "v4l.h"

int main(int argc, char **argv) {
  if (argc < 2) die("usage: verify BYTES_OF_A_PICTURE [FILE]");
  size_t bytes = strtoul(argv[1], NULL, 10), got;
  FILE *file = argc > 2 ? fopen(argv[2], "rb") : stdin;
  uint32_t *picture = malloc(bytes);
  long count = 0, gaps = 0, wrong = 0;
  int64_t first = -1, last = -1;
  if (!file) die("cannot open %s", argv[2]);
  while ((got = fread(picture, 1, bytes, file)) == bytes) {
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
         got ? ", and a piece" : "");
  return count == 0 || wrong || got;
}
