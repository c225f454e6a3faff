/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/analyze/scene.h"

#include <stdlib.h>
#include <string.h>

#include "capture/core/compiler.h"

void scene_init(struct scene *s, uint32_t w, uint32_t h)
{
	*s = (struct scene){.w = w, .h = h, .random = 88172645463325252ull};
	s->picture = malloc((size_t)w * h);
	if (!s->picture)
		abort();
}

void scene_free(struct scene *s)
{
	free(s->picture);
}

static uint32_t rnd(struct scene *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (uint32_t)(s->random >> 32);
}

/* Smooth hills with a few hard edges: something to lock on when the camera shakes. */
static int ground(int x, int y)
{
	int v = 60 + (x * 3 + y * 5) / 16 % 64 + ((x / 23 + y / 17) % 3) * 25;

	return v & 0xff;
}

const uint8_t *scene_draw(struct scene *s, const struct scene_shot *shot)
{
	for (int y = 0; y < (int)s->h; y++)
		for (int x = 0; x < (int)s->w; x++) {
			int in = x >= shot->square_x && x < shot->square_x + shot->square_side &&
				 y >= shot->square_y && y < shot->square_y + shot->square_side;
			double v = ground(x + 64 + shot->shift_x, y + 64 + shot->shift_y);

			if (in)
				v = shot->square_add ? v + shot->square_add : shot->square_grey;
			v *= shot->gain;
			if (shot->noise)
				v += (int)(rnd(s) % (2u * (unsigned)shot->noise + 1)) - shot->noise;
			s->picture[(size_t)y * s->w + (size_t)x] = (uint8_t)(v < 0     ? 0
									     : v > 255 ? 255
										       : v);
		}
	return s->picture;
}

static void release(struct frame *f)
{
	struct scene_frame *sf = container_of(f, struct scene_frame, f);
	atomic_int *alive = sf->alive;

	free(sf->bytes);
	free(sf);
	if (alive)
		atomic_fetch_sub(alive, 1);
}

struct frame *scene_frame(uint32_t fourcc, uint32_t w, uint32_t h, const uint8_t *bytes,
			  size_t size, uint32_t stride, int64_t mono_ns, atomic_int *alive)
{
	struct scene_frame *sf = calloc(1, sizeof(*sf));

	if (!sf)
		abort();
	/* Exactly as large as said, so that a sanitizer sees every step behind it. */
	sf->bytes = malloc(size ? size : 1);
	if (!sf->bytes)
		abort();
	memcpy(sf->bytes, bytes, size);
	sf->alive = alive;
	atomic_init(&sf->f.refs, 1);
	sf->f.mono_ns = mono_ns;
	sf->f.fourcc = fourcc;
	sf->f.width = w;
	sf->f.height = h;
	sf->f.nplanes = 1;
	sf->f.flags = FRAME_KEY;
	sf->f.plane[0] = (struct frame_plane){sf->bytes, size, stride};
	sf->f.release = release;
	if (alive)
		atomic_fetch_add(alive, 1);
	return &sf->f;
}
