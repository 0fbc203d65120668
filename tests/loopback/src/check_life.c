// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/* Beginnings and ends, formats, the paths that copy, and limits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../loopback-module/uapi/guestcam_loopback.h"
#include "check.h"

static unsigned int input_status(int fd) {
  struct v4l2_input input = {.index = 0};
  return call(fd, VIDIOC_ENUMINPUT, &input) ? ~0u : input.status;
}

/* Until it says EIO; the error. */
static int read_to_the_end(struct stream *reader, unsigned int *frames) {
  *frames = 0;
  for (;;) {
    if (!stream_poll(reader, POLLIN, 1000)) return 0;
    int index = stream_dequeue(reader, NULL);
    if (index < 0) return index;
    (*frames)++;
  }
}

void check_ends(const struct camera *camera) {
  struct stream producer, reader, late;
  unsigned int frames;
  struct v4l2_event event;
  struct v4l2_event_subscription change = {.type = V4L2_EVENT_SOURCE_CHANGE}, eos = {.type = V4L2_EVENT_EOS};

  /* The producer ends in good order. */
  producer_start(&producer, camera, DMABUF, 4, 320, 240);
  reader_start(&reader, camera);
  call(reader.fd, VIDIOC_SUBSCRIBE_EVENT, &change);
  call(reader.fd, VIDIOC_SUBSCRIBE_EVENT, &eos);
  unsigned int with = input_status(reader.fd);
  producer_show(&producer, 0, 0);
  producer_show(&producer, 1, 1);
  producer_stop(&producer);
  unsigned int without = input_status(reader.fd);
  int error = read_to_the_end(&reader, &frames);
  report(frames == 2 && error == -EIO, "a producer's end: the frames that came, then EIO", "%u frames, %s", frames,
         strerror(-error));
  unsigned int seen = 0;
  while (call(reader.fd, VIDIOC_DQEVENT, &event) == 0) seen |= 1u << event.type;
  report(seen == ((1u << V4L2_EVENT_EOS) | (1u << V4L2_EVENT_SOURCE_CHANGE)), "and the events EOS and SOURCE_CHANGE",
         "0x%x", seen);
  report(with == 0 && without == V4L2_IN_ST_NO_SIGNAL, "ENUMINPUT tells whether there is a signal", "%u, then %u", with,
         without);

  /* The same reader starts over with the next producer, which is killed. */
  stream_off(&reader);
  stream_close(&reader);
  int ready[2];
  if (pipe(ready)) die("pipe");
  pid_t child = fork();
  if (child == 0) {
    producer_start(&producer, camera, USERPTR, 4, 320, 240);
    for (unsigned int i = 0; i < 4; i++) producer_show(&producer, i, i);
    if (write(ready[1], "", 1) != 1) _exit(1);
    pause();
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) die("the child ended");
  reader_start(&reader, camera);
  error = stream_poll(&reader, POLLIN, 1000);
  int index = stream_dequeue(&reader, NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  error = read_to_the_end(&reader, &frames);
  report(index >= 0 && error == -EIO, "a killed producer ends the stream too", "index %d, then %s", index, strerror(-error));
  report(index >= 0 && picture_check(reader.buffers[index].pixels, reader.pix.sizeimage) == index,
         "its pinned pages are still what the reader maps", "number %d", index);
  stream_close(&reader);

  /* A reader that comes first waits, and is told to start over. */
  reader_start(&late, camera);
  call(late.fd, VIDIOC_SUBSCRIBE_EVENT, &change);
  report(stream_poll(&late, POLLIN, 200) == 0, "a reader without a producer waits", "no frame, no error");
  producer_start(&producer, camera, MMAP, 4, 320, 240);
  producer_show(&producer, 0, 9);
  int events = stream_poll(&late, POLLPRI, 1000);
  error = read_to_the_end(&late, &frames);
  report((events & POLLPRI) && error == -EIO, "when one comes, it hears of it, and its stream ends", "%s", strerror(-error));
  stream_close(&late);
  reader_start(&late, camera);
  index = stream_dequeue(&late, NULL);
  report(index >= 0 && picture_check(late.buffers[index].pixels, late.pix.sizeimage) == 9,
         "a reader that starts late gets the latest frame at once", "index %d", index);
  stream_close(&late);
  producer_stop(&producer);
}

void check_copies(const struct camera *camera) {
  struct stream producer, reader;
  stream_open(&producer, camera->output, 0);
  stream_format(&producer, V4L2_PIX_FMT_YUYV, 322, 241, 0);
  size_t bytes = producer.pix.sizeimage;
  uint32_t *picture = malloc(bytes + 64);
  int64_t copied = control(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED);
  unsigned int right = 0;
  for (uint32_t n = 0; n < 3; n++) {
    picture_draw(picture, bytes, n);
    if (write(producer.fd, picture, bytes) != (ssize_t)bytes) die("write: %s", strerror(errno));
  }
  reader_start(&reader, camera);
  for (uint32_t n = 2; n < 8; n++) {
    if (n > 2) {
      picture_draw(picture, bytes, n);
      if (write(producer.fd, picture, bytes) != (ssize_t)bytes) break;
    }
    if (!(stream_poll(&reader, POLLIN, 1000) & POLLIN)) break;
    int index = stream_dequeue(&reader, NULL);
    if (index < 0) break;
    right += picture_check(reader.buffers[index].pixels, bytes) == n;
    stream_queue(&reader, index, 0);
  }
  copied = control_wait(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED, copied + bytes * 8) - copied;
  report(right == 6 && copied == (int64_t)bytes * 8, "write(): exact, and counted", "%u of 6, %ld bytes copied", right,
         (long)copied);
  stream_close(&reader);
  stream_open(&reader, camera->capture, 0);
  copied = control(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED);
  ssize_t got = read(reader.fd, picture, bytes);
  copied = control_wait(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED, copied + bytes) - copied;
  report(got == (ssize_t)bytes && picture_check(picture, bytes) == 7 && copied >= (int64_t)bytes,
         "read(): exact, and counted", "%ld bytes, %ld copied", (long)got, (long)copied);
  stream_close(&reader);
  stream_close(&producer);

  /* Memory that does not begin at a page cannot be mapped by readers. */
  stream_open(&producer, camera->output, O_NONBLOCK);
  stream_format(&producer, V4L2_PIX_FMT_XBGR32, 320, 240, 0);
  bytes = producer.pix.sizeimage;
  stream_request(&producer, V4L2_MEMORY_USERPTR, 2);
  copied = control(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED);
  uint32_t *odd = aligned_alloc(4096, bytes + 8192);
  producer.buffers[0] = (struct buffer){.fd = -1, .memfd = -1, .pixels = odd + 4, .length = bytes};
  stream_on(&producer);
  producer_show(&producer, 0, 5);
  producer.buffers[0].pixels = NULL;
  reader_start(&reader, camera);
  int index = stream_dequeue(&reader, NULL);
  copied = control_wait(producer.fd, GUESTCAM_LOOPBACK_CID_COPIED, copied + bytes) - copied;
  report(index == 0 && picture_check(reader.buffers[0].pixels, bytes) == 5 && copied == (int64_t)bytes,
         "unaligned USERPTR: exact, and counted", "index %d, %ld bytes copied", index, (long)copied);
  free(odd);
  free(picture);
  stream_close(&reader);
  stream_close(&producer);
}

void check_formats(const struct camera *camera) {
  static const struct {
    const char *name;
    unsigned int width, height, stride, wanted_stride, size;
  } cases[] = {
      {"XR24", 640, 480, 0, 2560, 1228800},      {"XR24", 1366, 768, 5504, 5504, 4227072},
      {"YUYV", 1366, 768, 0, 2732, 2098176},     {"YUYV", 33, 3, 0, 68, 204},
      {"NV12", 1366, 768, 1408, 1408, 1622016},  {"NV12", 33, 3, 0, 34, 170},
      {"YU12", 33, 3, 0, 34, 170},               {"NV24", 33, 3, 0, 33, 297},
      {"422P", 34, 3, 0, 34, 204},               {"RGBP", 31, 2, 0, 62, 124},
      {"XR24", 3840, 2160, 0, 15360, 33177600},  {"GREY", 1, 1, 0, 1, 1},
  };
  struct stream producer, reader;
  unsigned int right = 0, seen = 0;
  stream_open(&producer, camera->output, 0);
  stream_open(&reader, camera->capture, 0);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    stream_format(&producer, fourcc_of(cases[i].name), cases[i].width, cases[i].height, cases[i].stride);
    stream_get_format(&reader);
    bool good = producer.pix.bytesperline == cases[i].wanted_stride && producer.pix.sizeimage == cases[i].size;
    if (!good)
      printf("# %s %ux%u: stride %u, %u bytes\n", cases[i].name, cases[i].width, cases[i].height,
             producer.pix.bytesperline, producer.pix.sizeimage);
    right += good;
    struct v4l2_fmtdesc description = {.type = reader.type};
    struct v4l2_frmsizeenum size = {.pixel_format = reader.pix.pixelformat};
    seen += !call(reader.fd, VIDIOC_ENUM_FMT, &description) && description.pixelformat == fourcc_of(cases[i].name) &&
            !call(reader.fd, VIDIOC_ENUM_FRAMESIZES, &size) && size.discrete.width == cases[i].width &&
            reader.pix.width == cases[i].width && reader.pix.height == cases[i].height &&
            reader.pix.bytesperline == producer.pix.bytesperline && reader.pix.sizeimage == producer.pix.sizeimage;
  }
  unsigned int all = sizeof(cases) / sizeof(cases[0]);
  report(right == all, "S_FMT keeps sizes and strides", "%u of %u", right, all);
  report(seen == all, "readers are told the same, and nothing else", "%u of %u", seen, all);
  struct v4l2_format colours = {.type = producer.type}, told = {.type = reader.type};
  call(producer.fd, VIDIOC_G_FMT, &colours);
  if (V4L2_TYPE_IS_MULTIPLANAR(producer.type)) {
    struct v4l2_pix_format_mplane *mp = &colours.fmt.pix_mp;
    mp->pixelformat = V4L2_PIX_FMT_YUYV;
    mp->colorspace = V4L2_COLORSPACE_BT2020;
    mp->ycbcr_enc = V4L2_YCBCR_ENC_BT2020;
    mp->quantization = V4L2_QUANTIZATION_FULL_RANGE;
    mp->xfer_func = V4L2_XFER_FUNC_SMPTE2084;
    mp->field = V4L2_FIELD_INTERLACED;
  } else {
    struct v4l2_pix_format *pix = &colours.fmt.pix;
    pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
    pix->pixelformat = V4L2_PIX_FMT_YUYV;
    pix->colorspace = V4L2_COLORSPACE_BT2020;
    pix->ycbcr_enc = V4L2_YCBCR_ENC_BT2020;
    pix->quantization = V4L2_QUANTIZATION_FULL_RANGE;
    pix->xfer_func = V4L2_XFER_FUNC_SMPTE2084;
    pix->field = V4L2_FIELD_INTERLACED;
  }
  call(producer.fd, VIDIOC_S_FMT, &colours);
  call(reader.fd, VIDIOC_G_FMT, &told);
  const struct v4l2_pix_format *pix = &told.fmt.pix;
  report(pix->colorspace == V4L2_COLORSPACE_BT2020 && pix->ycbcr_enc == V4L2_YCBCR_ENC_BT2020 &&
             pix->quantization == V4L2_QUANTIZATION_FULL_RANGE && pix->xfer_func == V4L2_XFER_FUNC_SMPTE2084 &&
             pix->field == V4L2_FIELD_INTERLACED,
         "and the colours and the field", "%u %u %u %u, field %u", pix->colorspace, pix->ycbcr_enc, pix->quantization,
         pix->xfer_func, pix->field);
  stream_rate(&producer, 25);
  struct v4l2_streamparm parm = {.type = reader.type};
  call(reader.fd, VIDIOC_G_PARM, &parm);
  report(parm.parm.capture.timeperframe.denominator == 25, "and the producer's rate", "%u/%u",
         parm.parm.capture.timeperframe.numerator, parm.parm.capture.timeperframe.denominator);
  stream_close(&reader);
  stream_close(&producer);
}

void check_limits(const struct camera *camera) {
  struct stream producer, other;
  stream_open(&producer, camera->output, O_NONBLOCK);
  stream_format(&producer, V4L2_PIX_FMT_XBGR32, 640, 480, 0);
  stream_request(&producer, V4L2_MEMORY_USERPTR, 4);
  stream_open(&other, camera->output, 0);
  int r = stream_request(&other, V4L2_MEMORY_MMAP, 2);
  report(r == -EBUSY, "there is one producer", "the second's REQBUFS: %s", strerror(-r));
  stream_close(&other);

  /* Pinned pages count as locked memory of an ordinary user. */
  pid_t child = fork();
  if (child == 0) {
    struct rlimit limit = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (setgid(65534) || setuid(65534)) _exit(2);
    buffer_anonymous(&producer.buffers[0], producer.pix.sizeimage);
    r = stream_queue(&producer, 0, 0);
    _exit(r == -ENOMEM ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  report(status == 0, "RLIMIT_MEMLOCK bounds what USERPTR pins", "1.2 MB with a limit of 1 MiB: %s",
         status == 0 ? "ENOMEM" : "not refused");
  stream_request(&producer, V4L2_MEMORY_DMABUF, 2);
  struct buffer small;
  buffer_udmabuf(&small, 4096);
  producer.buffers[0] = small;
  r = stream_queue(&producer, 0, 0);
  report(r == -EINVAL, "a dma-buf that is too small is refused", "%s", strerror(-r));
  stream_request(&producer, V4L2_MEMORY_USERPTR, 2);
  int file = open("/bin/true", O_RDONLY);
  void *foreign = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  stream_request(&producer, V4L2_MEMORY_USERPTR, 0);
  stream_format(&producer, V4L2_PIX_FMT_GREY, 64, 64, 0);
  stream_request(&producer, V4L2_MEMORY_USERPTR, 2);
  producer.buffers[0] = (struct buffer){.fd = -1, .memfd = -1, .pixels = foreign, .length = 4096};
  r = stream_queue(&producer, 0, 0);
  stream_on(&producer);
  struct stream reader;
  stream_open(&reader, camera->capture, O_NONBLOCK);
  stream_get_format(&reader);
  stream_request(&reader, V4L2_MEMORY_MMAP, 2);
  int fd = stream_export(&reader, 0);
  void *writable = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  report(r || writable == MAP_FAILED, "what the producer may only read, readers may not write by EXPBUF",
         "QBUF %s, mmap for writing %s", strerror(-r), writable == MAP_FAILED ? "refused" : "granted");
  /* Through the node it is mapped, but without the right to write: a write is a SIGSEGV. */
  if (!r) {
    child = fork();
    if (child == 0) {
      struct rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      if (stream_map(&reader, 0)) _exit(3);
      *(volatile uint32_t *)reader.buffers[0].pixels = 1;
      _exit(0);
    }
    waitpid(child, &status, 0);
    report(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "nor by mmap of the node", "status 0x%x", status);
  }
  stream_close(&reader);
  producer.buffers[0].pixels = NULL;
  munmap(foreign, 4096);
  close(file);
  stream_close(&producer);
}
