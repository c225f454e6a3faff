// SPDX-License-Identifier: GPL-2.0
/*
 * What a rack camera sees: a still background and a few bright bars that wander over it, so
 * that motion detection has something to find.
 *
 * A buffer keeps its picture from one filling to the next: only the bars are moved and the
 * stamp is written anew. That is what makes a frame cheap.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "rack.h"

/* Of a bar, in luma samples: broad rather than high, for every other row is another page. */
#define BAR_WIDTH 64
#define BAR_HEIGHT 16

static u32 stamp_words(const struct rack_layout *l)
{
	return RACK_STAMP_SIZE * l->format->luma_step / sizeof(u64);
}

static u64 checksum(const struct rack_layout *l, u8 *const plane[])
{
	u64 index = 0, sum = 0;
	u32 p, i;

	for (p = 0; p < l->format->planes; p++) {
		const __le64 *word = (const __le64 *)plane[p];

		for (i = 0; i < l->size[p] / sizeof(u64); i++, index++)
			if (p || i >= stamp_words(l))
				sum += rack_stamp_weigh(le64_to_cpu(word[i]), index);
	}
	return sum;
}

static void draw_background(const struct rack_layout *l, u8 *const plane[])
{
	u32 step = l->format->luma_step, x, y;

	/* Neutral chroma everywhere, then luma over it. */
	memset(plane[0], 0x80, l->size[0]);
	if (l->format->planes > 1)
		memset(plane[1], 0x80, l->size[1]);
	for (y = 0; y < l->height; y++)
		for (x = 0; x < l->width; x++)
			plane[0][y * l->stride[0] + x * step] = 32 + (x * 96 / l->width) +
								(y * 64 / l->height) +
								((x ^ y) >> 4 & 7);
}

void rack_scene_free(struct rack_scene *s)
{
	u32 p;

	for (p = 0; p < RACK_PLANES; p++) {
		vfree(s->picture[p]);
		s->picture[p] = NULL;
	}
}

int rack_scene_init(struct rack_scene *s, const struct rack_layout *layout)
{
	u32 p;

	s->layout = *layout;
	for (p = 0; p < layout->format->planes; p++) {
		s->picture[p] = vmalloc(layout->size[p]);
		if (!s->picture[p]) {
			rack_scene_free(s);
			return -ENOMEM;
		}
	}
	draw_background(layout, s->picture);
	s->sum = checksum(layout, s->picture);
	return 0;
}

/* A point going to and fro between 0 and @range. */
static u32 bounce(u32 step, u32 speed, u32 range)
{
	u32 at = range ? step * speed % (2 * range) : 0;

	return at <= range ? at : 2 * range - at;
}

/* Where bar @n is: first byte of its first row. Below the stamp, on a word boundary. */
static u32 place(const struct rack_layout *l, u32 n, u32 step)
{
	u32 x = bounce(step + 37 * n, 4 + 2 * n, l->width - BAR_WIDTH) & ~7u;
	u32 y = 1 + bounce(step + 53 * n, 2 + n, l->height - BAR_HEIGHT - 1);

	return y * l->stride[0] + x * l->format->luma_step;
}

/* One bar, painted or (painted false) taken away again. */
static void bar(const struct rack_scene *s, struct rack_buf *buf, u8 *luma, u32 at, bool painted)
{
	const struct rack_layout *l = &s->layout;
	u32 words = BAR_WIDTH * l->format->luma_step / sizeof(u64), row, i;
	const __le64 bright = cpu_to_le64(l->format->luma_step == 2 ? 0x80eb80eb80eb80ebULL
								    : 0xebebebebebebebebULL);

	for (row = 0; row < BAR_HEIGHT; row++, at += l->stride[0]) {
		const __le64 *ground = (const __le64 *)(s->picture[0] + at);
		__le64 *to = (__le64 *)(luma + at);
		u64 index = at / sizeof(u64);

		for (i = 0; i < words; i++) {
			u64 was = le64_to_cpu(to[i]);

			to[i] = painted ? bright : ground[i];
			buf->sum += rack_stamp_weigh(le64_to_cpu(to[i]) - was, index + i);
		}
	}
}

u64 rack_scene_draw(const struct rack_scene *s, struct rack_buf *buf, u8 *const plane[], u32 step,
		    bool whole)
{
	const struct rack_layout *l = &s->layout;
	u64 written = 2 * RACK_OBJECTS * BAR_WIDTH * BAR_HEIGHT * l->format->luma_step;
	u32 n, p;

	if (whole) {
		for (p = 0; p < l->format->planes; p++) {
			memcpy(plane[p], s->picture[p], l->size[p]);
			written += l->size[p];
		}
		buf->sum = s->sum;
	} else {
		for (n = 0; n < RACK_OBJECTS; n++)
			bar(s, buf, plane[0], place(l, n, buf->step), false);
	}
	for (n = 0; n < RACK_OBJECTS; n++)
		bar(s, buf, plane[0], place(l, n, step), true);
	buf->step = step;
	buf->copied = whole;
	return written;
}
