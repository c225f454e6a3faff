/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "capture/rack/rack_lost.h"

/* Integer mixing after the finaliser of MurmurHash3: every input bit reaches every output bit. */
static uint32_t mix(uint32_t h)
{
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	return h ^ (h >> 16);
}

static uint32_t cell(uint32_t seed, uint32_t x, uint32_t y)
{
	return mix(seed ^ mix(x * 0x9e3779b1u ^ mix(y)));
}

static uint8_t luma(int v, bool night)
{
	if (night)
		v = 20 + v / 4;
	return (uint8_t)(v < 16 ? 16 : v > 235 ? 235 : v);
}

/* A slope of light with a texture of two sizes of cells on it, which begin `off` pixels before the
 * edge. */
static void draw_background(struct rack_scene *s, const struct rack_look *look, uint32_t seed,
			    uint32_t off)
{
	for (uint32_t y = 0; y < s->height; y++) {
		uint8_t *row = s->background + (size_t)y * s->width;
		int light = 80 + (int)(y * 70 / s->height);

		for (uint32_t x = 0; x < s->width; x += 4) {
			int coarse = (int)(cell(seed, (x + off) >> 6, (y + off) >> 6) & 31);
			int fine = (int)(cell(seed + 1, x >> 2, y >> 2) & 15);
			uint32_t n = s->width - x < 4 ? s->width - x : 4;

			memset(row + x, luma(light + coarse + fine, look->night), n);
		}
	}
}

int rack_scene_init(struct rack_scene *s, const struct rack_look *look)
{
	uint32_t w = ALIGN_UP(look->width, 2u), h = ALIGN_UP(look->height, 2u);
	size_t area = (size_t)w * h;

	*s = (struct rack_scene){.width = w, .height = h};
	s->y = malloc(area);
	s->u = malloc(area / 4);
	s->v = malloc(area / 4);
	s->background = malloc(area);
	if (!s->y || !s->u || !s->v || !s->background) {
		rack_scene_fini(s);
		return -ENOMEM;
	}
	draw_background(s, look, look->seed, 0);
	return 0;
}

void rack_scene_fini(struct rack_scene *s)
{
	free(s->y);
	free(s->u);
	free(s->v);
	free(s->background);
	*s = (struct rack_scene){0};
}

static void draw_noise(struct rack_scene *s, const struct rack_look *look, unsigned index)
{
	/* Sum of two uniform numbers, so small deviations are more common: up to +-2, +-6 at
	 * night. */
	unsigned reach = look->night ? 7 : 3;
	size_t area = (size_t)s->width * s->height;
	uint32_t r = mix(look->seed ^ mix(index + 1)) | 1;

	for (size_t i = 0; i < area; i++) {
		unsigned a, b;

		r ^= r << 13; /* xorshift32 (Marsaglia 2003) */
		r ^= r >> 17;
		r ^= r << 5;
		a = (r & 0xff) * reach >> 8;
		b = (r >> 8 & 0xff) * reach >> 8;
		s->y[i] = (uint8_t)(s->background[i] + (int)a - (int)b);
	}
}

static void draw_object(struct rack_scene *s, const struct rack_look *look, unsigned object,
			double turn)
{
	uint32_t id = cell(look->seed, object, 77);
	double angle = (turn * (id & 1 ? 1 : -1) + (double)object / look->objects) * 2 * M_PI;
	double cx = s->width * (0.3 + 0.4 * (id >> 8 & 0xff) / 255.0);
	double cy = s->height * (0.3 + 0.4 * (id >> 16 & 0xff) / 255.0);
	double rx = s->width / 7.0, ry = s->height / 7.0;
	uint32_t w = s->width / 10 + 1, h = s->height / 6 + 1;
	int value = look->night || object % 2 == 0 ? 215 : 35;
	unsigned noise = look->night ? 7 : 3;
	long left = lround(cx + rx * cos(angle)) - w / 2;
	long top = lround(cy + ry * sin(angle)) - h / 2;

	for (long y = top < 0 ? 0 : top; y < top + (long)h && y < (long)s->height; y++) {
		for (long x = left < 0 ? 0 : left; x < left + (long)w && x < (long)s->width; x++) {
			size_t c = (size_t)(y / 2) * (s->width / 2) + (size_t)(x / 2);
			size_t i = (size_t)y * s->width + (size_t)x;

			/* The low bits of what it hides are noise: it keeps them. */
			s->y[i] = (uint8_t)(value + (s->y[i] & noise));
			s->u[c] = (uint8_t)(96 + (id >> 4 & 63));
			s->v[c] = (uint8_t)(96 + (id >> 10 & 63));
		}
	}
}

/* What a camera shows whose view is lost. */
static void draw_lost(struct rack_scene *s, const struct rack_look *look, unsigned index)
{
	if (look->lost_kind == RACK_FAULT_MOVE)
		draw_background(s, look, mix(look->seed + 7), 28);
	draw_noise(s, look, index);
	if (look->lost_kind == RACK_FAULT_MOVE)
		draw_background(s, look, look->seed, 0);
	else
		rack_lost_draw(s->y, s->width, s->height, (enum rack_fault_kind)look->lost_kind);
}

void rack_scene_draw(struct rack_scene *s, const struct rack_look *look, unsigned index)
{
	size_t chroma = (size_t)s->width * s->height / 4;
	unsigned view = look->pictures - look->lost;

	memset(s->u, look->night ? 128 : 120, chroma);
	memset(s->v, look->night ? 128 : 132, chroma);
	if (index >= view) {
		draw_lost(s, look, index);
		return;
	}
	draw_noise(s, look, index);
	if (index < look->still)
		return;
	for (unsigned o = 0; o < look->objects; o++)
		draw_object(s, look, o, (double)(index - look->still) / (view - look->still));
}

static void store_packed(const struct rack_scene *s, const struct rack_look *look,
			 const struct pixfmt *pf, uint8_t *out)
{
	unsigned chroma = pf->luma_offset ? 0 : 1;

	for (uint32_t y = 0; y < look->height; y++) {
		const uint8_t *luma_row = s->y + (size_t)y * s->width;
		const uint8_t *u = s->u + (size_t)(y / 2) * (s->width / 2);
		const uint8_t *v = s->v + (size_t)(y / 2) * (s->width / 2);

		for (uint32_t x = 0; x < s->width; x += 2, out += 4) {
			out[pf->luma_offset] = luma_row[x];
			out[pf->luma_offset + 2] = luma_row[x + 1];
			out[chroma] = u[x / 2];
			out[chroma + 2] = v[x / 2];
		}
	}
}

/* One chroma row of the format, taken from the 4:2:0 picture. */
static size_t chroma_row(const struct rack_scene *s, const struct pixfmt *pf, uint32_t row)
{
	return (size_t)(pf->vsub == 2 ? row : row / 2) * (s->width / 2);
}

static void store_chroma(const struct rack_scene *s, const struct rack_look *look,
			 const struct pixfmt *pf, uint8_t *first, uint8_t *second)
{
	const uint8_t *a = pf->v_first ? s->v : s->u, *b = pf->v_first ? s->u : s->v;
	uint32_t cw = (look->width + pf->hsub - 1) / pf->hsub;
	uint32_t ch = (look->height + pf->vsub - 1) / pf->vsub;

	for (uint32_t y = 0; y < ch; y++) {
		size_t src = chroma_row(s, pf, y);

		if (pf->colour_planes == 2) {
			for (uint32_t x = 0; x < cw; x++) {
				*first++ = a[src + x];
				*first++ = b[src + x];
			}
			continue;
		}
		memcpy(first + (size_t)y * cw, a + src, cw);
		memcpy(second + (size_t)y * cw, b + src, cw);
	}
}

void rack_scene_store(const struct rack_scene *s, const struct rack_look *look,
		      const struct pixfmt *pf, uint8_t *const plane[])
{
	size_t area = (size_t)look->width * look->height;
	uint8_t *first, *second = NULL;

	if (pf->luma_step == 2) {
		store_packed(s, look, pf, plane[0]);
		return;
	}
	for (uint32_t y = 0; y < look->height; y++)
		memcpy(plane[0] + (size_t)y * look->width, s->y + (size_t)y * s->width,
		       look->width);
	if (pf->colour_planes == 1)
		return;
	first = pf->mem_planes > 1 ? plane[1] : plane[0] + area;
	if (pf->colour_planes == 3) {
		size_t chroma = (pixfmt_plane_size(pf, 0, look->width, look->height) - area) / 2;

		second = pf->mem_planes > 2 ? plane[2] : first + chroma;
	}
	store_chroma(s, look, pf, first, second);
}
