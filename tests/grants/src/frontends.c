// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
/*
 * frontends DOMAIN ROUNDS OUTPUT CAPTURE PORT REF REF: in dom0. Again and again a frontend in that domain (frontend.c, which said
 * PORT and the REFs) grants a picture, and is killed; each round is one death in each state that its pages can be in here. The
 * picture is to stay as it was until it is let go of, and then nothing is to be left. OUTPUT and CAPTURE are guestcam_loopback's.
 * In the first round it is of 1080p, and a device reads and writes it by DMA; it is smaller then.
 * At the end one picture is held in every state at once, and nothing else of the domain: the caller destroys it, and what is held must be
 * readable still.
 *
 * Says "met", "killed DEATHS RACED" and "held", and waits for a line after each; then "released".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../loopback/src/v4l.h"
#include "edu/edu_dma.h"
#include "frontend.h"
#include "grants.h"

#define SLOTS 2
#define COPIES 12
#define PATIENCE 300000 /* ms: a busy machine's */

/* What dom0 has of a frontend's pages when that dies. */
enum way { MAPPED, MMAPPED, EXPORTED, QUEUED, SHOWN, RELEASED, KILLED_FIRST, RACED, WAYS };

static const char *const ways[] = {
    "only mapped", "mmapped",        "in another process",     "queued in guestcam_loopback", "shown to a reader",
    "released",    "not mapped yet", "while they were mapped",
};

/* A dma-buf of the frontend's pages. */
struct shared {
  int fd, end;
  uint32_t pages;
  uint32_t *pixels;
};

static struct frontend_talk *talk;
static int device, gntdev, channel, port, deaths, raced, turn; /* turn: of the rounds, which differ in details */
static unsigned int domain, width = 1920, height = 1080;
static uint32_t number;
static const char *state = "start", *output, *capture;

static void must(bool good, const char *what) {
  if (good) return;
  printf("picture %u, %s: %s\n", number, state, what);
  exit(1);
}

/* How many pages a picture has. */
static uint32_t picture(void) { return width * height * 4 / PAGE; }

/* The domain and what it grants to start with. */
static void meet(uint32_t remote_port, char **refs) {
  union {
    struct ioctl_gntdev_map_grant_ref call;
    char room[sizeof(struct ioctl_gntdev_map_grant_ref) + FRONTEND_TALK_PAGES * sizeof(struct ioctl_gntdev_grant_ref)];
  } map = {.call = {.count = FRONTEND_TALK_PAGES}};
  struct ioctl_evtchn_bind_interdomain bind = {.remote_domain = domain, .remote_port = remote_port};
  gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
  channel = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
  for (uint32_t i = 0; i < FRONTEND_TALK_PAGES; i++) map.call.refs[i] = (struct ioctl_gntdev_grant_ref){domain, (uint32_t)atoi(refs[i])};
  must(!ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map), "the talk's pages");
  talk = mmap(NULL, FRONTEND_TALK_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.call.index);
  must(talk != MAP_FAILED, "the talk's mmap");
  port = ioctl(channel, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
  must(port >= 0, "the talk's channel");
}

static void part(void) {
  must(!munmap(talk, FRONTEND_TALK_PAGES * PAGE) && !close(gntdev) && !close(channel), "the talk's end");
}

static void ask(enum frontend_verb verb, uint32_t pages) {
  talk->verb = verb;
  talk->number = number;
  talk->pages = pages;
  __atomic_store_n(&talk->asked, talk->asked + 1, __ATOMIC_RELEASE);
  must(frontend_notify(channel, (uint32_t)port), "notify");
}

static void answer(void) {
  while (__atomic_load_n(&talk->answered, __ATOMIC_ACQUIRE) != talk->asked) must(frontend_event(channel, PATIENCE), "the domain answers");
  must(!talk->error, strerror((int)talk->error));
}

static void start(uint32_t pages) {
  number++;
  ask(FRONTEND_START, pages);
  answer();
}

/* Another picture in the same pages. */
static void draw_again(void) {
  number++;
  ask(FRONTEND_DRAW, 0);
  answer();
}

static void kill_frontend(void) {
  ask(FRONTEND_KILL, 0);
  answer();
  deaths++;
}

static int map(struct shared *shared, uint32_t pages, uint32_t flags) {
  uint32_t refs[FRONTEND_PAGES];
  memcpy(refs, talk->refs, pages * sizeof *refs);
  *shared = (struct shared){.fd = -1, .end = eventfd(0, EFD_CLOEXEC), .pages = pages};
  return grants_make(device, GUESTCAM_GRANTS_MAP, domain, pages, flags, shared->end, -1, refs, &shared->fd);
}

static void show(struct shared *shared) {
  shared->pixels = mmap(NULL, shared->pages * PAGE, PROT_READ, MAP_SHARED, shared->fd, 0);
  must(shared->pixels != MAP_FAILED, "mmap of the dma-buf");
}

static void holds(const struct shared *shared, uint32_t picture) {
  must(picture_check(shared->pixels, shared->pages * PAGE) == picture, "the picture is what the frontend drew");
}

static void let_go(struct shared *shared) {
  if (shared->pixels) munmap(shared->pixels, shared->pages * PAGE);
  shared->pixels = NULL;
  close(shared->fd);
}

static void await_end(struct shared *shared) {
  must(grants_signalled(shared->end, PATIENCE), "the end of the grants is told");
  close(shared->end);
}

static void nothing_left(void) { must(grants_all_gone(device), "nothing is left"); }

/* Another process has the dma-buf; on a byte it looks at it, and says so by its end. */
struct keeper {
  pid_t process;
  int go;
};

static struct keeper keep(struct shared *shared) {
  int go[2];
  must(!pipe2(go, O_CLOEXEC), "pipe");
  struct keeper keeper = {.process = fork(), .go = go[1]};
  must(keeper.process >= 0, "fork");
  if (!keeper.process) {
    char byte;
    uint32_t *pixels = mmap(NULL, shared->pages * PAGE, PROT_READ, MAP_SHARED, shared->fd, 0);
    if (pixels == MAP_FAILED || read(go[0], &byte, 1) != 1) _exit(1);
    _exit(picture_check(pixels, shared->pages * PAGE) != number);
  }
  close(go[0]);
  let_go(shared);
  return keeper;
}

static void keeper_looks(struct keeper *keeper) {
  int status = -1;
  must(write(keeper->go, "", 1) == 1, "the other process lives");
  waitpid(keeper->process, &status, 0);
  must(!status, "the picture is what the frontend drew, for another process");
  close(keeper->go);
}

/* The slots' dma-bufs belong to the stream; in each is the same picture. */
static void produce(struct stream *out, struct shared *slots) {
  stream_open(out, output, O_NONBLOCK);
  stream_format(out, V4L2_PIX_FMT_XBGR32, width, height, 0);
  must(!stream_request(out, V4L2_MEMORY_DMABUF, SLOTS) && out->count == SLOTS, "producer's REQBUFS");
  for (unsigned int i = 0; i < SLOTS; i++) {
    must(!map(&slots[i], picture(), 0), "MAP of a slot");
    out->buffers[i].fd = slots[i].fd;
    out->buffers[i].length = picture() * PAGE;
    must(!stream_prepare(out, i), "PREPARE_BUF");
  }
  must(!stream_on(out), "producer's STREAMON");
}

static void queue(struct stream *out, unsigned int slot) { must(!stream_queue(out, slot, now_nanos()), "producer's QBUF"); }

static void leave(struct stream *out) {
  if (turn & 1) must(!stream_off(out) && !stream_request(out, V4L2_MEMORY_DMABUF, 0), "producer's end");
  stream_close(out);
}

static void read_camera(struct stream *in) {
  stream_open(in, capture, O_NONBLOCK);
  stream_get_format(in);
  must(!stream_request(in, V4L2_MEMORY_MMAP, SLOTS) && in->count == SLOTS, "reader's REQBUFS");
  for (unsigned int i = 0; i < in->count; i++) must(!stream_map(in, i) && !stream_queue(in, i, 0), "reader's mmap and QBUF");
  must(!stream_on(in), "reader's STREAMON");
}

static void is_shown(const struct stream *in, int slot) {
  must(picture_check(in->buffers[slot].pixels, picture() * PAGE) == number, "the reader's picture is what the frontend drew");
}

static void see(struct stream *in, int slot) {
  must(stream_poll(in, POLLIN, PATIENCE) & POLLIN, slot ? "the reader gets another picture" : "the reader gets a picture");
  must(stream_dequeue(in, NULL) == slot, "the reader's DQBUF");
  is_shown(in, slot);
}

/* The picture that the reader has stays, and another can be queued and shown. Of two slots a reader may hold one. */
static void goes_on(struct stream *out, struct stream *in) {
  is_shown(in, 0);
  must(!stream_queue(in, 0, 0), "reader's QBUF");
  queue(out, 1);
  see(in, 1);
}

static void leave_both(struct stream *out, struct stream *in) {
  if (turn & 2) {
    leave(out);
    is_shown(in, 0);
    is_shown(in, 1);
    stream_close(in);
  } else {
    stream_close(in);
    leave(out);
  }
}

static void die_queued(bool shown) {
  struct stream out, in;
  struct shared slots[SLOTS];
  start(picture());
  produce(&out, slots);
  if (shown) read_camera(&in);
  queue(&out, 0);
  if (shown) {
    see(&in, 0);
    /* The reader's mapping is the frontend's memory. */
    draw_again();
    is_shown(&in, 0);
  } else {
    queue(&out, 1);
  }
  kill_frontend();
  if (shown) {
    goes_on(&out, &in);
    leave_both(&out, &in);
  } else {
    show(&slots[0]);
    holds(&slots[0], number);
    munmap(slots[0].pixels, picture() * PAGE);
    leave(&out);
  }
  for (int i = 0; i < SLOTS; i++) await_end(&slots[i]);
}

/* The frontend's death where its pages are looked at by this process alone. */
static void die_mapped(enum way way) {
  struct shared shared, again;
  uint32_t pages = 1 + (number * 2654435761u >> 8) % picture(), flags = turn & 1 ? GUESTCAM_GRANTS_READONLY : 0;
  start(pages);
  must(!map(&shared, pages, flags), "MAP");
  if (way == MMAPPED) {
    show(&shared);
    holds(&shared, number);
    must(!map(&again, pages, 0), "MAP of the same");
    kill_frontend();
    holds(&shared, number);
    let_go(&shared);
    await_end(&shared);
    show(&again);
    holds(&again, number);
    let_go(&again);
    await_end(&again);
  } else if (way == EXPORTED) {
    struct keeper keeper = keep(&shared);
    kill_frontend();
    keeper_looks(&keeper);
    await_end(&shared);
  } else if (way == RELEASED) {
    show(&shared);
    holds(&shared, number);
    let_go(&shared);
    await_end(&shared);
    kill_frontend();
  } else {
    /* The next frontend draws elsewhere, and not into the dead one's pages. */
    kill_frontend();
    start(pages);
    show(&shared);
    holds(&shared, number - 1);
    let_go(&shared);
    await_end(&shared);
    kill_frontend();
  }
}

static void die_early(bool race) {
  struct shared shared;
  int r;
  start(picture());
  ask(FRONTEND_KILL, 0);
  if (!race) answer();
  r = map(&shared, picture(), 0);
  if (race) answer();
  deaths++;
  must(!r || r == EINVAL, strerror(r));
  must(r || race, "references of a dead frontend are refused");
  if (r) {
    close(shared.end);
    return;
  }
  raced++;
  show(&shared);
  holds(&shared, number);
  let_go(&shared);
  await_end(&shared);
}

static void device_copies(int edu, uint64_t from, uint64_t to, uint64_t bytes) {
  struct edu_dma_copy copy = {.from = from, .to = to, .bytes = bytes};
  must(!ioctl(edu, EDU_DMA_COPY, &copy), "the device's copy");
}

/*
 * QEMU's edu, a DMA engine, reads what the frontend draws and writes between its pages; the frontend looks at what that wrote. The device
 * imports before the pictures are drawn: a copy of the memory, made then, would show itself. It goes on when the frontend is dead.
 */
static void die_in_device(void) {
  struct shared shared;
  int edu = open("/dev/edu-dma", O_RDWR | O_CLOEXEC);
  uint32_t pages = picture();
  state = "in a device";
  must(edu >= 0, "/dev/edu-dma");
  start(pages);
  must(!map(&shared, pages, 0), "MAP");
  must(!ioctl(edu, EDU_DMA_ATTACH, shared.fd), "the device's import");
  for (uint32_t i = 0; i < COPIES; i++) {
    /* Each third copy is between neighbours, each third begins and ends within pages. */
    uint32_t from = i * (pages / COPIES), to = i % 3 == 1 ? from + 1 : (from + pages / 2 + 7) % pages;
    uint32_t first = i % 3 == 2 ? 128 : 0, words = i % 3 == 2 ? 375 : PAGE_WORDS, skip = i % 3 == 2 ? 3 : 0;
    draw_again();
    device_copies(edu, from * PAGE + skip * 4, to * PAGE + first * 4, words * 4);
    talk->page = to;
    ask(FRONTEND_LOOK, 0);
    answer();
    for (uint32_t word = 0; word < PAGE_WORDS; word++) {
      bool copied = word >= first && word < first + words;
      uint32_t place = copied ? from * PAGE_WORDS + skip + word - first : to * PAGE_WORDS + word;
      must(talk->words[word] == (place ? picture_word(number, place) : number), "the frontend sees what the device copied, and nothing else");
    }
  }
  draw_again();
  kill_frontend();
  show(&shared);
  holds(&shared, number);
  device_copies(edu, 5 * PAGE, (pages - 1) * PAGE, PAGE);
  for (uint32_t word = 0; word < PAGE_WORDS; word++)
    must(shared.pixels[(pages - 1) * PAGE_WORDS + word] == picture_word(number, 5 * PAGE_WORDS + word), "the device copies within a dead frontend's pages");
  close(edu);
  let_go(&shared);
  await_end(&shared);
  nothing_left();
}

static void round_of_deaths(void) {
  for (enum way way = 0; way < WAYS; way++) {
    state = ways[way];
    if (way == QUEUED || way == SHOWN)
      die_queued(way == SHOWN);
    else if (way == KILLED_FIRST || way == RACED)
      die_early(way == RACED);
    else
      die_mapped(way);
    nothing_left();
  }
}

/* Says a line, and waits for one. */
static void told(const char *word, int first, int second) {
  char line[16];
  printf("%s %d %d\n", word, first, second);
  fflush(stdout);
  must(fgets(line, sizeof line, stdin), "a line on stdin");
}

/* The domain itself goes. */
static void hold(void) {
  struct stream out, in;
  struct shared slots[SLOTS], mapped, mmapped, exported;
  state = "held";
  start(picture());
  must(!map(&mapped, picture(), 0) && !map(&mmapped, picture(), 0) && !map(&exported, picture(), 0), "MAP");
  show(&mmapped);
  struct keeper keeper = keep(&exported);
  produce(&out, slots);
  read_camera(&in);
  queue(&out, 0);
  see(&in, 0);
  part();
  told("held", 0, 0);
  state = "held of a dead domain";
  show(&mapped);
  holds(&mapped, number);
  holds(&mmapped, number);
  keeper_looks(&keeper);
  goes_on(&out, &in);
  leave_both(&out, &in);
  let_go(&mapped);
  let_go(&mmapped);
  await_end(&mapped);
  await_end(&mmapped);
  await_end(&exported);
  for (int i = 0; i < SLOTS; i++) await_end(&slots[i]);
  nothing_left();
}

int main(int argc, char **argv) {
  if (argc != 6 + FRONTEND_TALK_PAGES) die("usage: frontends DOMAIN ROUNDS OUTPUT CAPTURE PORT REF REF");
  domain = (unsigned int)atoi(argv[1]);
  output = argv[3];
  capture = argv[4];
  device = open("/dev/" GUESTCAM_GRANTS_NODE, O_RDWR | O_CLOEXEC);
  must(device >= 0, "/dev/" GUESTCAM_GRANTS_NODE);
  meet((uint32_t)atoi(argv[5]), argv + 6);
  told("met", 0, 0);
  die_in_device();
  for (; turn < atoi(argv[2]); turn++) {
    round_of_deaths();
    width = 640;
    height = 480;
  }
  told("killed", deaths, raced);
  hold();
  puts("released");
  return 0;
}
