/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slice of the frame pool as a picture on a display. Prints "ok NAME", "not ok NAME: why".
 *
 *   drm_probe import /dev/dri/cardN         a driver takes slices, and gives them back
 *   drm_probe show /dev/dri/cardN RESOURCE  cirrus: shows 640x480 pixels from a slice and compares
 *                                           the adapter's memory (the PCI resource's file)
 *
 * Exit: 0 all was as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <drm_fourcc.h>

#include "kmod/uapi.h"

#define WIDTH  640u
#define HEIGHT 480u
#define PITCH  (4 * WIDTH)
#define PAGE   4096u
#define BEFORE (3 * PAGE) /* of the slab, in front of the picture's slice */
#define SIZE   (PITCH * HEIGHT)

static int result(bool good, const char *what)
{
	printf("%s pool_drm: %s%s%s\n", good ? "ok" : "not ok", what, good ? "" : ": ",
	       good ? "" : strerror(errno));
	return good ? 0 : 1;
}

/* A slice behind some other pages of its slab, mapped at *pixels. */
static int make_slice(uint32_t **pixels)
{
	struct matlang_pool_alloc a = {.size = BEFORE + SIZE, .node = -1};
	struct matlang_pool_slice s = {.offset = BEFORE, .size = SIZE};
	int pool = open(MATLANG_POOL_DEVICE, O_RDWR | O_CLOEXEC);
	int slab = pool < 0 ? -1 : ioctl(pool, MATLANG_POOL_ALLOC, &a);
	int fd = slab < 0 ? -1 : ioctl(slab, MATLANG_POOL_SLICE, &s);
	void *at;

	if (fd < 0)
		return -1;
	at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(slab);
	close(pool);
	*pixels = at;
	return at == MAP_FAILED ? -1 : fd;
}

static int import(const char *card)
{
	uint32_t *pixels, handle = 0, again = 0;
	int drm = open(card, O_RDWR | O_CLOEXEC), fd = make_slice(&pixels), back = -1, bad = 0;

	bad |= result(drm >= 0 && fd >= 0, "a display and a slice");
	bad |= result(drmPrimeFDToHandle(drm, fd, &handle) == 0 && handle, "imported");
	bad |= result(drmPrimeFDToHandle(drm, fd, &again) == 0 && again == handle,
		      "the same slice is the same object");
	bad |= result(drmPrimeHandleToFD(drm, handle, DRM_CLOEXEC, &back) == 0, "and given out");
	close(back);
	munmap(pixels, SIZE);
	close(fd);
	/* Only the display holds it now. */
	bad |= result(drmCloseBufferHandle(drm, handle) == 0, "closed");
	close(drm);
	return bad;
}

/* The first connector that has a mode of our size. */
static bool find_output(int drm, uint32_t *connector, uint32_t *crtc, drmModeModeInfo *mode)
{
	drmModeRes *res = drmModeGetResources(drm);
	bool found = false;

	for (int i = 0; res && i < res->count_connectors && !found; i++) {
		drmModeConnector *c = drmModeGetConnector(drm, res->connectors[i]);

		for (int m = 0; c && m < c->count_modes && !found; m++) {
			if (c->modes[m].hdisplay != WIDTH || c->modes[m].vdisplay != HEIGHT)
				continue;
			*mode = c->modes[m];
			*connector = c->connector_id;
			*crtc = res->crtcs[0];
			found = true;
		}
		drmModeFreeConnector(c);
	}
	drmModeFreeResources(res);
	return found;
}

static size_t differing(const char *resource, const uint32_t *pixels)
{
	int fd = open(resource, O_RDWR | O_SYNC | O_CLOEXEC);
	const volatile uint32_t *vram = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	size_t n = 0;

	if (vram == MAP_FAILED)
		return SIZE / 4;
	for (size_t i = 0; i < SIZE / 4; i++)
		n += (vram[i] & 0xffffff) != (pixels[i] & 0xffffff);
	munmap((void *)vram, SIZE);
	close(fd);
	return n;
}

static int show(const char *card, const char *resource)
{
	uint32_t *pixels, handle[4] = {0}, fb = 0, connector = 0, crtc = 0;
	const uint32_t pitch[4] = {PITCH}, offset[4] = {0};
	int drm = open(card, O_RDWR | O_CLOEXEC), fd = make_slice(&pixels), bad = 0;
	drmModeModeInfo mode;
	size_t wrong;

	bad |= result(drm >= 0 && fd >= 0 && find_output(drm, &connector, &crtc, &mode),
		      "a display of 640x480");
	if (bad)
		return bad;
	for (uint32_t i = 0; i < SIZE / 4; i++)
		pixels[i] = i * 2654435761u;
	bad |= result(drmPrimeFDToHandle(drm, fd, handle) == 0 &&
			      drmModeAddFB2(drm, WIDTH, HEIGHT, DRM_FORMAT_XRGB8888, handle, pitch,
					    offset, &fb, 0) == 0,
		      "a slice is a frame buffer");
	close(fd);
	bad |= result(drmModeSetCrtc(drm, crtc, fb, 0, 0, &connector, 1, &mode) == 0, "shown");
	wrong = differing(resource, pixels);
	printf("# %zu pixels differ\n", wrong);
	bad |= result(!wrong, "what is shown is what is in the slice");
	drmModeRmFB(drm, fb);
	drmCloseBufferHandle(drm, handle[0]);
	munmap(pixels, SIZE);
	close(drm);
	return bad;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "import"))
		return import(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "show"))
		return show(argv[2], argv[3]);
	fprintf(stderr, "usage: drm_probe import CARD | show CARD RESOURCE\n");
	return 2;
}
