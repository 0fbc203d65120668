// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* The control node on the command line: camera add NAME [FLAGS [IDLE [MAX_READERS]]] | remove ID | list. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../../loopback-module/uapi/guestcam_loopback.h"
#include "v4l.h"

static void print(const struct guestcam_loopback_camera *camera) {
  printf("%u output=%d capture=%d flags=%u idle=%u readers=%u timeout=%u max=%ux%u users=%u name=%s\n", camera->id,
         camera->output_nr, camera->capture_nr, camera->flags, camera->idle, camera->max_readers,
         camera->reader_timeout_ms, camera->max_width, camera->max_height, camera->users, (const char *)camera->name);
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "list";
  struct guestcam_loopback_camera camera = {.output_nr = -1, .capture_nr = -1, .reader_timeout_ms = ~0u};
  int fd = open("/dev/" GUESTCAM_LOOPBACK_CONTROL, O_RDWR), r = 0;
  if (fd < 0) die("no control node: %s", strerror(errno));
  if (!strcmp(verb, "add")) {
    if (argc > 2) memcpy(camera.name, argv[2], strnlen(argv[2], sizeof(camera.name)));
    if (argc > 3) camera.flags = atoi(argv[3]);
    if (argc > 4) camera.idle = atoi(argv[4]);
    if (argc > 5) camera.max_readers = atoi(argv[5]);
    r = call(fd, GUESTCAM_LOOPBACK_CREATE, &camera);
    if (!r) print(&camera);
  } else if (!strcmp(verb, "remove")) {
    uint32_t id = argc > 2 ? atoi(argv[2]) : 0;
    r = call(fd, GUESTCAM_LOOPBACK_REMOVE, &id);
  } else {
    for (camera.id = 0; (r = call(fd, GUESTCAM_LOOPBACK_NEXT, &camera)) == 0; camera.id++) print(&camera);
    if (r == -ENOENT) r = 0;
  }
  if (r) fprintf(stderr, "%s: %s\n", verb, strerror(-r));
  return -r;
}
