// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
//
// A guest's program that shows numbered pictures by KMS, and the judge of what a camera's reader got.
//
//   frames draw CARD COUNT [BUFFERS]
//                             shows picture 1 and says "ready WIDTH HEIGHT"; at a line on stdin it flips through the
//                             pictures 2 to COUNT + 1, in two buffers or three, and says "done"; at the end of stdin it lets go of
//                             the card
//   frames check WIDTH HEIGHT MIN_PICTURES
//                             reads frames of XR24 from stdin: every pixel must be a picture's, and the pictures' numbers
//                             never go back; status 0 if at least so many different ones came
#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define XR24 0x34325258u
#define MAX_BUFFERS 3

static void fail(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(int card, unsigned long request, void *argument, const char *what)
{
	while (ioctl(card, request, argument) < 0)
		if (errno != EINTR && errno != EAGAIN)
			fail(what);
}

// The first 32 pixels of a row say the picture's number, most significant bit first; the others are noise that depends on it.
static uint32_t pixel(uint32_t picture, uint32_t x, uint32_t y)
{
	uint32_t v;

	if (x < 32)
		return picture >> (31 - x) & 1 ? 0xffffff : 0;
	v = picture * 0x01000193u ^ (y * 0x9e3779b1u + x * 0x85ebca77u);
	return (v ^ v >> 15) & 0xffffff;
}

struct screen {
	uint32_t handle, framebuffer, stride;
	uint8_t *pixels;
};

static void paint(const struct screen *screen, uint32_t picture, uint32_t width, uint32_t height)
{
	for (uint32_t y = 0; y < height; y++) {
		uint32_t *row = (uint32_t *)(screen->pixels + (size_t)y * screen->stride);

		for (uint32_t x = 0; x < width; x++)
			row[x] = pixel(picture, x, y);
	}
}

static struct screen make(int card, uint32_t width, uint32_t height)
{
	struct drm_mode_create_dumb dumb = { .width = width, .height = height, .bpp = 32 };
	struct drm_mode_map_dumb map = { 0 };
	struct drm_mode_fb_cmd2 fb = { .width = width, .height = height, .pixel_format = XR24 };
	struct screen screen;

	call(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb, "CREATE_DUMB");
	screen.handle = map.handle = fb.handles[0] = dumb.handle;
	screen.stride = fb.pitches[0] = dumb.pitch;
	call(card, DRM_IOCTL_MODE_MAP_DUMB, &map, "MAP_DUMB");
	screen.pixels = mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
	if (screen.pixels == MAP_FAILED)
		fail("mmap");
	call(card, DRM_IOCTL_MODE_ADDFB2, &fb, "ADDFB2");
	screen.framebuffer = fb.fb_id;
	return screen;
}

static void await_flip(int card)
{
	char events[1024];
	ssize_t got = read(card, events, sizeof(events));

	if (got < (ssize_t)sizeof(struct drm_event) || ((struct drm_event *)events)->type != DRM_EVENT_FLIP_COMPLETE)
		fail("no flip event");
}

static int draw(const char *path, uint32_t count, uint32_t buffers)
{
	uint32_t crtcs[8], connectors[8], encoders[8];
	struct drm_mode_card_res resources = { .crtc_id_ptr = (uintptr_t)crtcs, .count_crtcs = 8,
		.connector_id_ptr = (uintptr_t)connectors, .count_connectors = 8,
		.encoder_id_ptr = (uintptr_t)encoders, .count_encoders = 8 };
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector connector = { 0 };
	struct drm_mode_crtc crtc = { .mode_valid = 1 };
	struct screen screens[MAX_BUFFERS];
	uint32_t width, height;
	char go;
	int card = open(path, O_RDWR | O_CLOEXEC);

	if (card < 0)
		fail(path);
	call(card, DRM_IOCTL_MODE_GETRESOURCES, &resources, "GETRESOURCES");
	if (!resources.count_crtcs || !resources.count_connectors)
		fail("the card has no screen");
	connector.connector_id = connectors[0];
	// Asked for no modes, the kernel looks for them; the second call gets them.
	call(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector, "GETCONNECTOR");
	connector = (struct drm_mode_get_connector){ .connector_id = connectors[0], .modes_ptr = (uintptr_t)modes, .count_modes = 64 };
	call(card, DRM_IOCTL_MODE_GETCONNECTOR, &connector, "GETCONNECTOR");
	if (!connector.count_modes)
		fail("the screen has no mode");
	width = modes[0].hdisplay;
	height = modes[0].vdisplay;
	for (uint32_t i = 0; i < buffers; i++)
		screens[i] = make(card, width, height);
	paint(&screens[0], 1, width, height);
	crtc.crtc_id = crtcs[0];
	crtc.fb_id = screens[0].framebuffer;
	crtc.set_connectors_ptr = (uintptr_t)connectors;
	crtc.count_connectors = 1;
	crtc.mode = modes[0];
	call(card, DRM_IOCTL_MODE_SETCRTC, &crtc, "SETCRTC");
	printf("ready %u %u\n", width, height);
	fflush(stdout);
	if (read(0, &go, 1) == 1) {
		for (uint32_t n = 2; n < count + 2; n++) {
			struct screen *next = &screens[(n - 1) % buffers];
			struct drm_mode_crtc_page_flip flip = { .crtc_id = crtcs[0], .fb_id = next->framebuffer,
				.flags = DRM_MODE_PAGE_FLIP_EVENT };

			paint(next, n, width, height);
			call(card, DRM_IOCTL_MODE_PAGE_FLIP, &flip, "PAGE_FLIP");
			await_flip(card);
		}
		printf("done\n");
		fflush(stdout);
		while (read(0, &go, 1) > 0)
			;
	}
	close(card);
	return 0;
}

static int check(uint32_t width, uint32_t height, uint32_t wanted)
{
	size_t size = (size_t)width * height * 4;
	uint32_t *frame = malloc(size);
	uint32_t frames = 0, black = 0, different = 0, first = 0, last = 0, missing = 0;

	while (frame && fread(frame, 1, size, stdin) == size) {
		uint32_t picture = 0;

		for (uint32_t x = 0; x < 32; x++)
			picture = picture << 1 | (frame[x] & 1);
		if (!frames++)
			fprintf(stderr, "frames: the first one is here\n");
		if (!picture) {
			for (size_t i = 0; i < size / 4; i++)
				if (frame[i] & 0xffffff) {
					printf("frame %u is neither black nor a picture\n", frames);
					return 1;
				}
			black++;
			continue;
		}
		for (uint32_t y = 0; y < height; y++)
			for (uint32_t x = 0; x < width; x++)
				if ((frame[(size_t)y * width + x] & 0xffffff) != pixel(picture, x, y)) {
					printf("frame %u, picture %u: pixel %u,%u is %06x, not %06x\n", frames, picture, x, y,
						frame[(size_t)y * width + x] & 0xffffff, pixel(picture, x, y));
					return 1;
				}
		if (picture < last) {
			printf("frame %u: picture %u after %u\n", frames, picture, last);
			return 1;
		}
		if (picture != last) {
			different++;
			if (last && picture != last + 1)
				missing += picture - last - 1;
		}
		if (!first)
			first = picture;
		last = picture;
	}
	printf("%u frames, %u pictures from %u to %u, %u of them missing, %u frames black; every pixel right\n", frames, different,
		first, last, missing, black);
	return different >= wanted ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint32_t buffers = argc == 5 ? (uint32_t)atoi(argv[4]) : 2;

	if (argc >= 4 && !strcmp(argv[1], "draw") && buffers >= 2 && buffers <= MAX_BUFFERS)
		return draw(argv[2], (uint32_t)atoi(argv[3]), buffers);
	if (argc == 5 && !strcmp(argv[1], "check"))
		return check((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
	fprintf(stderr, "usage: frames draw CARD COUNT [2|3] | frames check WIDTH HEIGHT MIN_PICTURES\n");
	return 2;
}
