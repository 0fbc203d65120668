// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// Shows numbered test frames on a KMS display, with the kernel's ioctls and nothing else. Every pixel follows from its place and the
// frame's number, so that who sees a frame knows which one it is, and whether all of it is of one frame:
//
//   pixel(x, y, n) = (n * 2654435761 ^ y * 40503 ^ (x >> 4) * 69069) & 0xffffff
//
//   kms flip COUNT [WIDTHxHEIGHT [FIRST [PAUSE_US]]]    page flips between two buffers, frames FIRST ... FIRST + COUNT - 1; the last one
//                                           stays until a line comes on stdin
//   kms step COUNT [WIDTHxHEIGHT [FIRST]]   the same, and waits for a line on stdin before it draws each further frame
//   kms single COUNT [WIDTHxHEIGHT [FIRST [PAUSE_US]]]  draws into the one buffer that is shown, and says what is dirty
//   kms redraw COUNT [WIDTHxHEIGHT [FIRST]] as single, and waits for a line on stdin before it draws each further frame
//   kms cursor X Y                          frame 1, and over it a pointer of 64x64: alpha, red, green of its place
//   kms modes                               lists the connector's modes
//   kms speed COUNT [WIDTHxHEIGHT]          flips as fast as it goes, draws nothing, and prints the time of one in ns

#include <drm.h>
#include <drm_fourcc.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct buffer {
	uint32_t handle, fb, width, height, pitch;
	uint32_t *pixels;
};

static int card;
static uint32_t connector, crtc;
static struct drm_mode_modeinfo modes[64];
static unsigned mode_count;

static void call(unsigned long request, void *argument, const char *what)
{
	while (ioctl(card, request, argument) < 0) {
		if (errno == EINTR || errno == EAGAIN)
			continue;
		perror(what);
		exit(1);
	}
}

static void open_card(void)
{
	uint32_t connectors[8], crtcs[8], encoders[8];

	card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
	if (card < 0) {
		perror("/dev/dri/card0");
		exit(1);
	}
	struct drm_mode_card_res resources = {
		.connector_id_ptr = (uintptr_t)connectors, .count_connectors = 8,
		.crtc_id_ptr = (uintptr_t)crtcs, .count_crtcs = 8,
		.encoder_id_ptr = (uintptr_t)encoders, .count_encoders = 8,
	};
	call(DRM_IOCTL_MODE_GETRESOURCES, &resources, "GETRESOURCES");
	for (unsigned i = 0; i < resources.count_connectors && i < 8; i++) {
		struct drm_mode_get_connector get = { .connector_id = connectors[i] };

		call(DRM_IOCTL_MODE_GETCONNECTOR, &get, "GETCONNECTOR"); // makes the kernel look
		get = (struct drm_mode_get_connector){
			.connector_id = connectors[i], .modes_ptr = (uintptr_t)modes, .count_modes = 64,
		};
		call(DRM_IOCTL_MODE_GETCONNECTOR, &get, "GETCONNECTOR");
		if (get.connection == 1 && get.count_modes > 0) {
			connector = connectors[i];
			crtc = crtcs[i];
			mode_count = get.count_modes < 64 ? get.count_modes : 64;
			return;
		}
	}
	fprintf(stderr, "kms: nothing is connected\n");
	exit(1);
}

static struct drm_mode_modeinfo *find_mode(const char *size)
{
	unsigned width, height;

	if (!size || sscanf(size, "%ux%u", &width, &height) != 2)
		return &modes[0];
	for (unsigned i = 0; i < mode_count; i++)
		if (modes[i].hdisplay == width && modes[i].vdisplay == height)
			return &modes[i];
	fprintf(stderr, "kms: no mode %s\n", size);
	exit(1);
}

static struct buffer make(uint32_t width, uint32_t height, uint32_t format)
{
	struct drm_mode_create_dumb dumb = { .width = width, .height = height, .bpp = 32 };
	struct buffer made = { .width = width, .height = height };

	call(DRM_IOCTL_MODE_CREATE_DUMB, &dumb, "CREATE_DUMB");
	struct drm_mode_map_dumb map = { .handle = dumb.handle };
	call(DRM_IOCTL_MODE_MAP_DUMB, &map, "MAP_DUMB");
	made.handle = dumb.handle;
	made.pitch = dumb.pitch;
	made.pixels = mmap(0, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, (off_t)map.offset);
	if (made.pixels == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	if (format) {
		struct drm_mode_fb_cmd2 add = {
			.width = width, .height = height, .pixel_format = format,
			.handles = { dumb.handle }, .pitches = { dumb.pitch },
		};
		call(DRM_IOCTL_MODE_ADDFB2, &add, "ADDFB2");
		made.fb = add.fb_id;
	}
	return made;
}

static void draw(struct buffer *to, uint32_t number)
{
	for (uint32_t y = 0; y < to->height; y++) {
		uint32_t *row = to->pixels + (size_t)y * to->pitch / 4;
		uint32_t base = number * 2654435761u ^ y * 40503u;

		for (uint32_t x = 0; x < to->width; x++)
			row[x] = (base ^ (x >> 4) * 69069u) & 0xffffff;
	}
}

static void show(struct buffer *shown, struct drm_mode_modeinfo *mode)
{
	struct drm_mode_crtc set = {
		.crtc_id = crtc, .fb_id = shown->fb, .set_connectors_ptr = (uintptr_t)&connector,
		.count_connectors = 1, .mode = *mode, .mode_valid = 1,
	};

	call(DRM_IOCTL_MODE_SETCRTC, &set, "SETCRTC");
}

static void flip(struct buffer *to)
{
	struct drm_mode_crtc_page_flip request = {
		.crtc_id = crtc, .fb_id = to->fb, .flags = DRM_MODE_PAGE_FLIP_EVENT,
	};
	char event[256];

	while (ioctl(card, DRM_IOCTL_MODE_PAGE_FLIP, &request) < 0) {
		if (errno != EBUSY && errno != EINTR) {
			perror("PAGE_FLIP");
			exit(1);
		}
	}
	if (read(card, event, sizeof(event)) <= 0) {
		perror("event");
		exit(1);
	}
}

static int getchar_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1)
		if (byte == '\n')
			return 1;
	return 0;
}

static void stay(void)
{
	printf("shown\n");
	fflush(stdout);
	getchar_line();
}

static void pause_for(long microseconds)
{
	struct timespec time = { microseconds / 1000000, microseconds % 1000000 * 1000 };

	if (microseconds)
		nanosleep(&time, 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 1;
	uint32_t first = argc > 4 ? (uint32_t)atol(argv[4]) : 0;
	long pause = argc > 5 ? atol(argv[5]) : 0;

	open_card();
	if (!strcmp(what, "modes")) {
		for (unsigned i = 0; i < mode_count; i++)
			printf("mode %ux%u %u\n", modes[i].hdisplay, modes[i].vdisplay, modes[i].vrefresh);
		return 0;
	}
	struct drm_mode_modeinfo *mode = find_mode(argc > 3 && strcmp(what, "cursor") ? argv[3] : 0);
	struct buffer buffers[2];
	for (int i = 0; i < 2; i++)
		buffers[i] = make(mode->hdisplay, mode->vdisplay, DRM_FORMAT_XRGB8888);

	if (!strcmp(what, "flip") || !strcmp(what, "step")) {
		draw(&buffers[0], first);
		show(&buffers[0], mode);
		if (what[0] == 's')
			stay();
		for (long i = 1; i < count; i++) {
			pause_for(pause);
			if (what[0] == 's' && i > 1 && !getchar_line())
				return 1;
			draw(&buffers[i & 1], first + (uint32_t)i);
			flip(&buffers[i & 1]);
		}
		stay();
	} else if (!strcmp(what, "single") || !strcmp(what, "redraw")) {
		for (long i = 0; i < count; i++) {
			struct drm_mode_fb_dirty_cmd dirty = { .fb_id = buffers[0].fb };

			draw(&buffers[0], first + (uint32_t)i);
			if (i == 0)
				show(&buffers[0], mode);
			else
				call(DRM_IOCTL_MODE_DIRTYFB, &dirty, "DIRTYFB");
			pause_for(pause);
			if (what[0] == 'r' && i + 1 < count)
				stay();
		}
		stay();
	} else if (!strcmp(what, "cursor")) {
		struct buffer picture = make(64, 64, 0);
		for (uint32_t y = 0; y < 64; y++)
			for (uint32_t x = 0; x < 64; x++) // premultiplied: no colour is above alpha
				picture.pixels[y * picture.pitch / 4 + x] = (x * 4) << 24 | (x * 2) << 16 | (x * y / 16 % (x + 1)) << 8;
		draw(&buffers[0], 1);
		show(&buffers[0], mode);
		struct drm_mode_cursor cursor = {
			.flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE, .crtc_id = crtc, .width = 64, .height = 64,
			.handle = picture.handle, .x = atoi(argv[2]), .y = atoi(argv[3]),
		};
		call(DRM_IOCTL_MODE_CURSOR, &cursor, "CURSOR");
		stay();
	} else if (!strcmp(what, "speed")) {
		struct timespec from, to;

		draw(&buffers[0], 0);
		draw(&buffers[1], 1);
		show(&buffers[0], mode);
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (long i = 1; i <= count; i++)
			flip(&buffers[i & 1]);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("flip_ns %lld\n", (((long long)to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec) / count);
	} else {
		fprintf(stderr, "kms: flip, step, single, redraw, cursor, modes, speed\n");
		return 2;
	}
	return 0;
}
