/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/analyze/jpegs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/bytes.h"
#include "capture/core/compiler.h"

static uint32_t rnd_state = 1;

uint32_t jpegs_random(uint32_t below)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)rnd_state * below >> 32);
}

struct jpegs_file jpegs_copy(const uint8_t *data, size_t size)
{
	struct jpegs_file j = {malloc(size ? size : 1), size};

	assert_non_null(j.data);
	memcpy(j.data, data, size);
	return j;
}

uint8_t *jpegs_draw(int w, int h)
{
	uint8_t *p = malloc((size_t)w * (size_t)h * 3);
	uint32_t noise = jpegs_random(4) ? jpegs_random(40) : 256, slope = jpegs_random(5),
		 box = 1 + jpegs_random(40);

	assert_non_null(p);
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			for (int c = 0; c < 3; c++) {
				int v = (int)(((uint32_t)x * slope + (uint32_t)y * (uint32_t)c) /
					      2);

				if (((uint32_t)x / box + (uint32_t)y / box) % 3 == 0)
					v = 255 - v;
				if (noise)
					v += (int)jpegs_random(noise) - (int)noise / 2;
				p[(y * w + x) * 3 + c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
			}
		}
	}
	return p;
}

static void option(const char *name, bool on, const char *value)
{
	if (on)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

struct jpegs_file jpegs_encode(const uint8_t *rgb, const struct jpegs_shape *s, enum TJPF format)
{
	tjhandle t = tjInitCompress();
	unsigned char *out = NULL;
	unsigned long size = 0;
	struct jpegs_file j;
	char blocks[16];

	/* The library's own way to these options. */
	snprintf(blocks, sizeof(blocks), "%dB", s->restart);
	option("TJ_RESTART", s->restart > 0, blocks);
	option("TJ_OPTIMIZE", s->optimise, "1");
	option("TJ_PROGRESSIVE", s->progressive, "1");
	if (tjCompress2(t, rgb, s->w, 0, s->h, format, &out, &size, s->subsampling, s->quality, 0))
		fail_msg("encoder: %s", tjGetErrorStr2(t));
	j = jpegs_copy(out, size);
	tjFree(out);
	tjDestroy(t);
	return j;
}

struct jpegs_file jpegs_make(const struct jpegs_shape *s)
{
	uint8_t *rgb = jpegs_draw(s->w, s->h);
	struct jpegs_file j = jpegs_encode(rgb, s, TJPF_RGB);

	free(rgb);
	return j;
}

uint8_t *jpegs_reference(const struct jpegs_file *j, int *w, int *h)
{
	tjhandle t = tjInitDecompress();
	int sub, colours;
	uint8_t *out;

	assert_int_equal(tjDecompressHeader3(t, j->data, j->size, w, h, &sub, &colours), 0);
	*w = (*w + 7) / 8;
	*h = (*h + 7) / 8;
	out = malloc((size_t)*w * (size_t)*h);
	assert_non_null(out);
	if (tjDecompress2(t, j->data, j->size, out, *w, 0, *h, TJPF_GRAY, 0))
		fail_msg("reference: %s", tjGetErrorStr2(t));
	tjDestroy(t);
	return out;
}

int jpegs_open(struct jpegs_decoded *o, const struct jpegs_file *j)
{
	int err;

	memset(o, 0, sizeof(*o));
	assert_int_equal(dcjpeg_create(&o->d), 0);
	err = dcjpeg_open(o->d, j->data, j->size, &o->info);
	if (!err) {
		o->job = (struct dcjpeg_job){
			.d = o->d,
			.dst = malloc((size_t)o->info.cols * o->info.rows),
			.stride = o->info.cols,
		};
		assert_non_null(o->job.dst);
		memset(o->job.dst, 0xee, (size_t)o->info.cols * o->info.rows);
	}
	return err;
}

void jpegs_close(struct jpegs_decoded *o)
{
	free(o->job.dst);
	dcjpeg_destroy(o->d);
}

int jpegs_decode(struct jpegs_decoded *o, const struct jpegs_file *j)
{
	int err = jpegs_open(o, j);

	if (!err)
		dcjpeg_read(&o->job, 1);
	return err;
}

void jpegs_same(const struct jpegs_decoded *o, const uint8_t *want, const char *what)
{
	assert_false(o->job.damaged);
	assert_int_equal(o->job.good, o->info.rows);
	for (uint32_t i = 0; i < o->info.cols * o->info.rows; i++)
		if (o->job.dst[i] != want[i])
			fail_msg("%s: %ux%u at %u,%u: %d, libjpeg-turbo has %d", what,
				 o->info.width, o->info.height, i % o->info.cols, i / o->info.cols,
				 o->job.dst[i], want[i]);
}

void jpegs_check(const struct jpegs_file *j, const char *what)
{
	struct jpegs_decoded o;
	int w, h;
	uint8_t *want = jpegs_reference(j, &w, &h);

	assert_int_equal(jpegs_decode(&o, j), 0);
	assert_int_equal(o.info.cols, w);
	assert_int_equal(o.info.rows, h);
	jpegs_same(&o, want, what);
	jpegs_close(&o);
	free(want);
}

struct jpegs_shape jpegs_any_shape(void)
{
	static const int subs[] = {TJSAMP_444,  TJSAMP_422, TJSAMP_420,
				   TJSAMP_GRAY, TJSAMP_440, TJSAMP_411};
	static const int restarts[] = {1, 2, 7, 16, 100};
	struct jpegs_shape s = {
		.w = 1 + (int)jpegs_random(jpegs_random(8) ? 120 : 500),
		.h = 1 + (int)jpegs_random(jpegs_random(8) ? 90 : 300),
		.subsampling = subs[jpegs_random(ARRAY_SIZE(subs))],
		.quality = 1 + (int)jpegs_random(100),
		.restart = jpegs_random(3) ? 0 : restarts[jpegs_random(ARRAY_SIZE(restarts))],
		.optimise = jpegs_random(3) == 0,
	};

	/* Smaller ones libjpeg-turbo scales by a quarter when asked for one pixel. */
	if (s.w <= 4 && s.h <= 4)
		s.w = 5;
	return s;
}

size_t jpegs_find_marker(const struct jpegs_file *j, uint8_t marker)
{
	for (size_t at = 2; at + 4 <= j->size; at += 2 + bytes_be16(j->data + at + 2)) {
		assert_int_equal(j->data[at], 0xff);
		if (j->data[at + 1] == marker)
			return at;
		if (j->data[at + 1] == 0xda)
			break;
	}
	return 0;
}

void jpegs_splice(struct jpegs_file *j, size_t at, size_t cut, const void *with, size_t n)
{
	uint8_t *data = malloc(j->size - cut + n);

	assert_non_null(data);
	memcpy(data, j->data, at);
	if (n)
		memcpy(data + at, with, n);
	memcpy(data + at + n, j->data + at + cut, j->size - at - cut);
	free(j->data);
	j->data = data;
	j->size = j->size - cut + n;
}
