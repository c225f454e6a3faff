/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_jpeg.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "capture/core/list.h"
#include "capture/rack/rack_scene.h"
#include "capture/rack/rack_stamp.h"

struct rack_jpeg_set {
	struct list link;
	unsigned refs; /* protected by sets_lock */
	struct rack_look look;
	pthread_mutex_t lock; /* protects: ready, and the pictures while they are being made */
	bool ready;
	size_t max;
	struct rack_jpeg picture[RACK_SLOTS_MAX];
};

/* protects: sets, and each set's refs */
static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list sets = {&sets, &sets};

/* What encoding a set needs; dropped when it is made. */
struct encoder {
	tjhandle tj;
	struct rack_scene scene;
	uint8_t *buf;
	unsigned long size; /* of buf */
	unsigned long len;  /* of the picture in it */
};

static int encode(struct encoder *e, const struct rack_look *look, int quality, struct errmsg *em)
{
	const uint8_t *planes[3] = {e->scene.y, e->scene.u, e->scene.v};
	int strides[3] = {(int)e->scene.width, (int)e->scene.width / 2, (int)e->scene.width / 2};

	e->len = e->size;
	if (tjCompressFromYUVPlanes(e->tj, planes, (int)look->width, strides, (int)look->height,
				    TJSAMP_420, &e->buf, &e->len, quality, TJFLAG_NOREALLOC))
		return errmsg_set(em, -EIO, "libjpeg-turbo: %s", tjGetErrorStr2(e->tj));
	return 0;
}

/* The best quality at which the drawn picture is at most `room` bytes; 1 when none is. */
static int find_quality(struct encoder *e, const struct rack_look *look, size_t room, int *out,
			struct errmsg *em)
{
	int low = 1, high = 95, err;

	while (low < high) {
		int mid = (low + high + 1) / 2;

		err = encode(e, look, mid, em);
		if (err)
			return err;
		if (e->len <= room)
			low = mid;
		else
			high = mid - 1;
	}
	*out = low;
	return 0;
}

/* Fills with comment segments; fewer than 4 bytes are left as they cannot hold one. */
static uint8_t *pad(uint8_t *at, size_t n, uint32_t seed)
{
	while (n >= 4) {
		size_t seg = n < 0xffff + 2u ? n : 0xffff + 2u;

		/* Leaves room for one more segment rather than a rest that can hold none. */
		if (n > seg && n - seg < 4)
			seg -= 4;
		*at++ = 0xff;
		*at++ = 0xfe;
		*at++ = (uint8_t)((seg - 2) >> 8);
		*at++ = (uint8_t)(seg - 2);
		/* Below 0x80, so that a reader looking for markers finds none; not constant, so
		 * that nothing that compresses has it easy. */
		for (size_t i = 4; i < seg; i++) {
			seed = seed * 1664525u + 1013904223u;
			*at++ = (uint8_t)(seed >> 25);
		}
		n -= seg;
	}
	return at;
}

static int finish(const struct encoder *e, const struct rack_look *look, struct rack_jpeg *out)
{
	const struct rack_stamp blank = {0};
	size_t len = e->len + RACK_STAMP_SEGMENT;
	size_t more = look->frame_bytes > len ? look->frame_bytes - len : 0;
	uint8_t *data = malloc(len + more), *at = data;

	if (!data)
		return -ENOMEM;
	rack_stamp_write_jpeg(at, &blank);
	at = pad(at + 2 + RACK_STAMP_SEGMENT, more, look->seed);
	memcpy(at, e->buf + 2, e->len - 2); /* all but SOI */
	at += e->len - 2;
	*out = (struct rack_jpeg){.data = data, .len = (size_t)(at - data)};
	return 0;
}

static int encode_all(struct rack_jpeg_set *set, struct encoder *e, struct errmsg *em)
{
	const struct rack_look *look = &set->look;
	size_t target = look->frame_bytes ? look->frame_bytes
					  : (size_t)look->width * look->height / 20 + 8000;
	size_t room = target > RACK_STAMP_SEGMENT ? target - RACK_STAMP_SEGMENT : 0;
	int quality, err;

	/* The last one has moving things in it, when any has: the larger kind. */
	rack_scene_draw(&e->scene, look, look->pictures - look->lost - 1);
	err = find_quality(e, look, room, &quality, em);
	for (unsigned i = 0; !err && i < look->pictures; i++) {
		rack_scene_draw(&e->scene, look, i);
		err = encode(e, look, quality, em);
		while (!err && e->len > room && quality > 1)
			err = encode(e, look, --quality, em);
		if (!err && look->frame_bytes && e->len > room)
			return errmsg_set(
				em, -EINVAL,
				"frame_kb=%u is too small for a picture of %ux%u: at least %lu",
				look->frame_bytes / 1000, look->width, look->height,
				(e->len + RACK_STAMP_SEGMENT) / 1000 + 1);
		if (!err)
			err = finish(e, look, &set->picture[i]);
		if (!err && set->picture[i].len > set->max)
			set->max = set->picture[i].len;
	}
	return err;
}

static int make(struct rack_jpeg_set *set, struct errmsg *em)
{
	struct encoder e = {.tj = tjInitCompress()};
	int err = e.tj ? rack_scene_init(&e.scene, &set->look) : -ENOMEM;

	if (!err) {
		e.size = tjBufSize((int)set->look.width, (int)set->look.height, TJSAMP_420);
		e.buf = tjAlloc((int)e.size);
		err = e.buf ? encode_all(set, &e, em) : -ENOMEM;
		rack_scene_fini(&e.scene);
	}
	if (err == -ENOMEM)
		errmsg_set(em, err, "no memory to draw pictures of %ux%u", set->look.width,
			   set->look.height);
	tjFree(e.buf);
	if (e.tj)
		tjDestroy(e.tj);
	return err;
}

/* The set of a look, with a reference; a new one is not ready. */
static struct rack_jpeg_set *find(const struct rack_look *look)
{
	struct rack_jpeg_set *set;

	pthread_mutex_lock(&sets_lock);
	list_for_each (set, &sets, link) {
		if (!memcmp(&set->look, look, sizeof(*look))) {
			set->refs++;
			goto out;
		}
	}
	set = calloc(1, sizeof(*set));
	if (set) {
		set->refs = 1;
		set->look = *look;
		pthread_mutex_init(&set->lock, NULL);
		list_append(&sets, &set->link);
	}
out:
	pthread_mutex_unlock(&sets_lock);
	return set;
}

int rack_jpeg_get(const struct rack_look *look, const struct rack_jpeg_set **out, struct errmsg *em)
{
	struct rack_jpeg_set *set = find(look);
	int err = 0;

	if (!set)
		return errmsg_set(em, -ENOMEM, "no memory for pictures");
	pthread_mutex_lock(&set->lock);
	if (!set->ready) {
		err = make(set, em);
		set->ready = !err;
		/* A failed attempt leaves nothing behind for the next one to trip over. */
		for (unsigned i = 0; err && i < RACK_SLOTS_MAX; i++) {
			free(set->picture[i].data);
			set->picture[i] = (struct rack_jpeg){0};
		}
	}
	pthread_mutex_unlock(&set->lock);
	if (err)
		rack_jpeg_put(set);
	else
		*out = set;
	return err;
}

void rack_jpeg_put(const struct rack_jpeg_set *set)
{
	struct rack_jpeg_set *own = (struct rack_jpeg_set *)set;
	bool last;

	if (!set)
		return;
	pthread_mutex_lock(&sets_lock);
	last = --own->refs == 0;
	if (last)
		list_remove(&own->link);
	pthread_mutex_unlock(&sets_lock);
	if (!last)
		return;
	for (unsigned i = 0; i < RACK_SLOTS_MAX; i++)
		free(own->picture[i].data);
	pthread_mutex_destroy(&own->lock);
	free(own);
}

const struct rack_jpeg *rack_jpeg_at(const struct rack_jpeg_set *set, unsigned index)
{
	return &set->picture[index];
}

size_t rack_jpeg_max(const struct rack_jpeg_set *set)
{
	return set->max;
}
