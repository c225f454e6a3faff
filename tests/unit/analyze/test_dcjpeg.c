/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DC decoder against libjpeg-turbo at an eighth, pixel for pixel, over thousands of made
 * pictures and over recorded ones; then everything cameras and cables do to a JPEG.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "analyze/dcjpeg.h"
#include "analyze/dcjpeg_table.h"
#include "capture/core/bytes.h"
#include "capture/core/compiler.h"

#define PICTURES   4000 /* made ones */
#define BATCH      7
#define CLIP_FILES 60

static uint32_t rnd_state = 1;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)rnd_state * below >> 32);
}

/* A JPEG in memory that ends where it ends: ASan sees the first byte too many. */
struct jpeg {
	uint8_t *data;
	size_t size;
};

static struct jpeg copy_of(const uint8_t *data, size_t size)
{
	struct jpeg j = {malloc(size ? size : 1), size};

	assert_non_null(j.data);
	memcpy(j.data, data, size);
	return j;
}

struct shape {
	int w, h, subsampling, quality;
	int restart; /* blocks, 0: none */
	bool optimise, progressive;
};

/* Slopes, edges, noise and full contrast, so that every table has work. */
static uint8_t *draw(int w, int h)
{
	uint8_t *p = malloc((size_t)w * (size_t)h * 3);
	uint32_t noise = rnd(4) ? rnd(40) : 256, slope = rnd(5), box = 1 + rnd(40);

	assert_non_null(p);
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			for (int c = 0; c < 3; c++) {
				int v = (int)(((uint32_t)x * slope + (uint32_t)y * (uint32_t)c) /
					      2);

				if (((uint32_t)x / box + (uint32_t)y / box) % 3 == 0)
					v = 255 - v;
				if (noise)
					v += (int)rnd(noise) - (int)noise / 2;
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

static struct jpeg encode(const uint8_t *rgb, const struct shape *s, enum TJPF format)
{
	tjhandle t = tjInitCompress();
	unsigned char *out = NULL;
	unsigned long size = 0;
	struct jpeg j;
	char blocks[16];

	/* The library's own way to these options. */
	snprintf(blocks, sizeof(blocks), "%dB", s->restart);
	option("TJ_RESTART", s->restart > 0, blocks);
	option("TJ_OPTIMIZE", s->optimise, "1");
	option("TJ_PROGRESSIVE", s->progressive, "1");
	if (tjCompress2(t, rgb, s->w, 0, s->h, format, &out, &size, s->subsampling, s->quality, 0))
		fail_msg("encoder: %s", tjGetErrorStr2(t));
	j = copy_of(out, size);
	tjFree(out);
	tjDestroy(t);
	return j;
}

static struct jpeg make(const struct shape *s)
{
	uint8_t *rgb = draw(s->w, s->h);
	struct jpeg j = encode(rgb, s, TJPF_RGB);

	free(rgb);
	return j;
}

/* libjpeg-turbo's picture at an eighth. */
static uint8_t *reference(const struct jpeg *j, int *w, int *h)
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

/* A decoder with a picture of just the size. */
struct decoded {
	struct dcjpeg *d;
	struct dcjpeg_info info;
	struct dcjpeg_job job;
};

static int open_one(struct decoded *o, const struct jpeg *j)
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

static void close_one(struct decoded *o)
{
	free(o->job.dst);
	dcjpeg_destroy(o->d);
}

/* Opened and read: the error, or 0. */
static int decode(struct decoded *o, const struct jpeg *j)
{
	int err = open_one(o, j);

	if (!err)
		dcjpeg_read(&o->job, 1);
	return err;
}

static void same(const struct decoded *o, const uint8_t *want, const char *what)
{
	assert_false(o->job.damaged);
	assert_int_equal(o->job.good, o->info.rows);
	for (uint32_t i = 0; i < o->info.cols * o->info.rows; i++)
		if (o->job.dst[i] != want[i])
			fail_msg("%s: %ux%u at %u,%u: %d, libjpeg-turbo has %d", what,
				 o->info.width, o->info.height, i % o->info.cols, i / o->info.cols,
				 o->job.dst[i], want[i]);
}

static void check(const struct jpeg *j, const char *what)
{
	struct decoded o;
	int w, h;
	uint8_t *want = reference(j, &w, &h);

	assert_int_equal(decode(&o, j), 0);
	assert_int_equal(o.info.cols, w);
	assert_int_equal(o.info.rows, h);
	same(&o, want, what);
	close_one(&o);
	free(want);
}

/* --- the same picture as libjpeg-turbo ------------------------------------------------------- */

static struct shape any_shape(void)
{
	static const int subs[] = {TJSAMP_444,  TJSAMP_422, TJSAMP_420,
				   TJSAMP_GRAY, TJSAMP_440, TJSAMP_411};
	static const int restarts[] = {1, 2, 7, 16, 100};
	struct shape s = {
		.w = 1 + (int)rnd(rnd(8) ? 120 : 500),
		.h = 1 + (int)rnd(rnd(8) ? 90 : 300),
		.subsampling = subs[rnd(ARRAY_SIZE(subs))],
		.quality = 1 + (int)rnd(100),
		.restart = rnd(3) ? 0 : restarts[rnd(ARRAY_SIZE(restarts))],
		.optimise = rnd(3) == 0,
	};

	/* Smaller ones libjpeg-turbo scales by a quarter when asked for one pixel. */
	if (s.w <= 4 && s.h <= 4)
		s.w = 5;
	return s;
}

static void test_made_pictures(void **state)
{
	for (int done = 0; done < PICTURES;) {
		struct decoded o[BATCH];
		struct dcjpeg_job jobs[BATCH];
		struct jpeg j[BATCH];
		uint32_t n = 1 + rnd(BATCH);

		for (uint32_t i = 0; i < n; i++) {
			struct shape s = any_shape();

			j[i] = make(&s);
			assert_int_equal(open_one(&o[i], &j[i]), 0);
			jobs[i] = o[i].job;
		}
		dcjpeg_read(jobs, n);
		for (uint32_t i = 0; i < n; i++) {
			int w, h;
			uint8_t *want = reference(&j[i], &w, &h);

			o[i].job = jobs[i];
			same(&o[i], want, "made");
			free(want);
			close_one(&o[i]);
			free(j[i].data);
		}
		done += (int)n;
	}
}

static void test_large_pictures(void **state)
{
	static const int sizes[][2] = {{1920, 1080}, {1283, 723}, {3000, 20}, {9, 2000}};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (int sub = TJSAMP_444; sub <= TJSAMP_411; sub++) {
			struct shape s = {.w = sizes[i][0],
					  .h = sizes[i][1],
					  .subsampling = sub,
					  .quality = 30 + 20 * (int)rnd(4),
					  .optimise = rnd(2)};
			struct jpeg j = make(&s);

			check(&j, "large");
			free(j.data);
		}
	}
}

/* One decoder for changing pictures: nothing of one may be left in the next. */
static void test_one_decoder_many_pictures(void **state)
{
	struct dcjpeg *d;

	assert_int_equal(dcjpeg_create(&d), 0);
	for (int i = 0; i < 300; i++) {
		struct shape s = any_shape();
		struct jpeg j = make(&s);
		struct decoded o = {.d = d};
		int w, h;
		uint8_t *want = reference(&j, &w, &h);

		assert_int_equal(dcjpeg_open(d, j.data, j.size, &o.info), 0);
		o.job = (struct dcjpeg_job){
			.d = d, .dst = malloc((size_t)w * (size_t)h), .stride = (size_t)w};
		dcjpeg_read(&o.job, 1);
		same(&o, want, "one decoder");
		free(o.job.dst);
		free(want);
		free(j.data);
	}
	dcjpeg_destroy(d);
}

static void test_stride(void **state)
{
	struct shape s = {.w = 100, .h = 61, .subsampling = TJSAMP_420, .quality = 80};
	struct jpeg j = make(&s);
	struct decoded o;
	int w, h;
	uint8_t *want = reference(&j, &w, &h), wide[8 * 40];

	assert_int_equal(open_one(&o, &j), 0);
	memset(wide, 0xee, sizeof(wide));
	free(o.job.dst);
	o.job.dst = wide;
	o.job.stride = 40;
	dcjpeg_read(&o.job, 1);
	for (int y = 0; y < h; y++) {
		assert_memory_equal(wide + y * 40, want + y * w, (size_t)w);
		for (int x = w; x < 40; x++)
			assert_int_equal(wide[y * 40 + x], 0xee);
	}
	o.job.dst = NULL;
	close_one(&o);
	free(want);
	free(j.data);
}

/* Every JPEG of a folder of recorded footage as it is, larger and in another subsampling. */
static unsigned check_folder(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, alphasort);
	unsigned checked = 0;

	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(names[i]->d_name, '.');
		char path[1024];
		uint8_t *data = malloc(1 << 20);
		FILE *f;

		assert_non_null(data);
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		f = dot && !strcmp(dot, ".jpg") && checked < CLIP_FILES ? fopen(path, "rb") : NULL;
		if (f) {
			struct jpeg j = copy_of(data, fread(data, 1, 1 << 20, f));
			struct shape s = any_shape();
			tjhandle t = tjInitDecompress();
			int sub, colours;
			uint8_t *rgb;

			fclose(f);
			check(&j, path);
			assert_int_equal(
				tjDecompressHeader3(t, j.data, j.size, &s.w, &s.h, &sub, &colours),
				0);
			rgb = malloc((size_t)s.w * (size_t)s.h * 3);
			assert_non_null(rgb);
			assert_int_equal(
				tjDecompress2(t, j.data, j.size, rgb, s.w, 0, s.h, TJPF_RGB, 0), 0);
			free(j.data);
			j = encode(rgb, &s, TJPF_RGB);
			check(&j, path);
			free(j.data);
			free(rgb);
			tjDestroy(t);
			checked++;
		}
		free(data);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return checked;
}

static void test_recorded_pictures(void **state)
{
	const char *clips = getenv("MATLANG_CLIPS");
	struct dirent **names;
	unsigned checked = 0;
	int n;

	if (!clips) {
		printf("SKIP: MATLANG_CLIPS names no folder of footage\n");
		return;
	}
	n = scandir(clips, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char folder[512];

		snprintf(folder, sizeof(folder), "%s/%s/input", clips, names[i]->d_name);
		checked += check_folder(folder);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	assert_true(checked > 0);
	printf("%u recorded pictures, each twice\n", checked);
}

/* --- other headers --------------------------------------------------------------------------- */

/* The offset of the first marker of a kind, before the scan or at its head. */
static size_t find_marker(const struct jpeg *j, uint8_t marker)
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

/* Replaces `cut` bytes at `at` by others. */
static void splice(struct jpeg *j, size_t at, size_t cut, const void *with, size_t n)
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

static void remove_segments(struct jpeg *j, uint8_t marker)
{
	size_t at;

	while ((at = find_marker(j, marker)))
		splice(j, at, 2u + bytes_be16(j->data + at + 2), NULL, 0);
}

static void test_tables_left_out(void **state)
{
	for (int sub = TJSAMP_444; sub <= TJSAMP_411; sub++) {
		struct shape s = {.w = 163, .h = 85, .subsampling = sub, .quality = 77};
		struct jpeg j = make(&s);
		struct decoded o;
		int w, h;
		uint8_t *want = reference(&j, &w, &h);

		remove_segments(&j, 0xc4);
		assert_int_equal(decode(&o, &j), 0);
		same(&o, want, "without tables");
		close_one(&o);
		free(want);
		free(j.data);
	}
}

static void test_padding(void **state)
{
	static const uint8_t fill[] = {0xff, 0xff, 0xff}, junk[] = {1, 2, 0xff, 0, 3};
	struct shape s = {.w = 163, .h = 85, .subsampling = TJSAMP_420, .quality = 77};
	struct jpeg j = make(&s);
	struct decoded o;
	int w, h;
	uint8_t *want = reference(&j, &w, &h), tail[600];

	splice(&j, find_marker(&j, 0xc0), 0, fill, sizeof(fill));
	splice(&j, 2, 0, junk, sizeof(junk));
	/* Before the end, behind it, and the end itself gone. */
	memset(tail, 0, sizeof(tail));
	splice(&j, j.size - 2, 0, tail, sizeof(tail));
	memset(tail, 0xff, sizeof(tail));
	splice(&j, j.size, 0, tail, sizeof(tail));
	assert_int_equal(decode(&o, &j), 0);
	same(&o, want, "padded");
	close_one(&o);
	splice(&j, j.size - 2 * sizeof(tail) - 2, 2 * sizeof(tail) + 2, NULL, 0);
	assert_int_equal(decode(&o, &j), 0);
	same(&o, want, "without its end");
	close_one(&o);
	free(want);
	free(j.data);
}

static void test_extended_and_wide_quantisers(void **state)
{
	struct shape s = {.w = 100, .h = 85, .subsampling = TJSAMP_422, .quality = 50};
	struct jpeg j = make(&s);
	uint8_t wide[2 + 2 + 1 + 128] = {0xff, 0xdb, 0, 131, 0x10};
	struct decoded o;
	int w, h;
	uint8_t *want = reference(&j, &w, &h);
	size_t at = find_marker(&j, 0xdb);

	j.data[find_marker(&j, 0xc0) + 1] = 0xc1;
	check(&j, "extended");
	/* The same luma table in 16 bits. */
	for (int i = 0; i < 64; i++)
		wide[5 + 2 * i + 1] = j.data[at + 5 + (size_t)i];
	splice(&j, at, 2u + bytes_be16(j.data + at + 2), wide, sizeof(wide));
	assert_int_equal(decode(&o, &j), 0);
	same(&o, want, "wide quantisers");
	close_one(&o);
	free(want);
	free(j.data);
}

static void refused_at(int line, const struct jpeg *j, int want)
{
	struct decoded o;
	int err = decode(&o, j);

	close_one(&o);
	if (err != want)
		fail_msg("line %d: %d instead of %d", line, err, want);
}

#define refused(j, err) refused_at(__LINE__, j, err)

static void test_other_kinds(void **state)
{
	struct shape s = {.w = 64, .h = 48, .subsampling = TJSAMP_420, .quality = 50};
	struct shape progressive = s;
	struct jpeg j = make(&s), p;
	size_t sof = find_marker(&j, 0xc0), sos = find_marker(&j, 0xda);
	uint8_t *rgb = draw(64, 48);

	progressive.progressive = true;
	p = make(&progressive);
	refused(&p, -EOPNOTSUPP);
	free(p.data);
	/* Four colours. */
	p = encode(rgb, &(struct shape){.w = 36, .h = 48, .quality = 50}, TJPF_CMYK);
	refused(&p, -EOPNOTSUPP);
	free(p.data);
	free(rgb);
	/* Arithmetic, lossless; 12 bits. */
	j.data[sof + 1] = 0xc9;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 1] = 0xc3;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 1] = 0xc1;
	j.data[sof + 4] = 12;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 4] = 8;
	/* Luma smaller than chroma. */
	j.data[sof + 11] = 0x11;
	j.data[sof + 14] = 0x22;
	refused(&j, -EOPNOTSUPP);
	j.data[sof + 11] = 0x22;
	j.data[sof + 14] = 0x11;
	/* A part of the spectrum. */
	j.data[sos + 12] = 5;
	refused(&j, -EOPNOTSUPP);
	j.data[sos + 12] = 63;
	check(&j, "restored");
	/* RGB: told by Adobe's marker, or by the names, where JFIF's is missing. */
	remove_segments(&j, 0xe0);
	splice(&j, 2, 0,
	       "\xff\xee\0\x0e"
	       "Adobe\0\x64\0\0\0\0\0",
	       16);
	refused(&j, -EOPNOTSUPP);
	j.data[2 + 15] = 1;
	check(&j, "YCbCr by Adobe");
	remove_segments(&j, 0xee);
	check(&j, "YCbCr by names");
	for (size_t i = 0; i < 3; i++) {
		j.data[find_marker(&j, 0xc1) + 10 + 3 * i] = (uint8_t) "RGB"[i];
		j.data[find_marker(&j, 0xda) + 5 + 2 * i] = (uint8_t) "RGB"[i];
	}
	refused(&j, -EOPNOTSUPP);
	free(j.data);
}

static void test_damaged_headers(void **state)
{
	struct shape s = {.w = 64, .h = 48, .subsampling = TJSAMP_420, .quality = 50};
	struct jpeg j = make(&s), c;
	size_t sof = find_marker(&j, 0xc0), sos = find_marker(&j, 0xda);
	size_t dht = find_marker(&j, 0xc4), dqt = find_marker(&j, 0xdb);
	const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{0, 0},           {1, 0xd9},        {sof + 3, 16},   {sof + 6, 0},
		{sof + 11, 0x02}, {sof + 11, 0x25}, {sof + 12, 4},   {sof + 12, 3},
		{sos + 5, 9},     {sos + 6, 0x40},  {sos + 6, 0x33}, {sos + 3, 11},
		{dht + 4, 0x20},  {dht + 4, 0x04},  {dht + 5, 3},    {dht + 20, 255},
		{dht + 21, 0x1f}, {dqt + 4, 0x05},  {dqt + 4, 0x20}, {dqt + 4, 0x10},
		{dqt + 5, 0},     {sof + 1, 0xd9},  {sof + 1, 0xfe},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct decoded o;

		c = copy_of(j.data, j.size);
		c.data[bad[i].at] = bad[i].value;
		if (bad[i].at == sof + 6)
			c.data[sof + 5] = 0; /* no height */
		if (decode(&o, &c) != -EBADMSG)
			fail_msg("case %zu was taken", i);
		close_one(&o);
		free(c.data);
	}
	/* Cut in the headers: at every byte. */
	for (size_t cut = 0; cut < sos + 14; cut++) {
		c = copy_of(j.data, cut);
		refused(&c, -EBADMSG);
		free(c.data);
	}
	/* As many codes as before, but more short ones than there can be. */
	c = copy_of(j.data, j.size);
	c.data[dht + 5] = 5;
	c.data[dht + 7] = 0;
	refused(&c, -EBADMSG);
	free(c.data);
	/* Two frame headers. */
	c = copy_of(j.data, j.size);
	splice(&c, sof, 0, j.data + sof, 19);
	refused(&c, -EBADMSG);
	free(c.data);
	free(j.data);
}

/* --- damaged data ---------------------------------------------------------------------------- */

static void good_part(const struct decoded *o, const uint8_t *want, const char *what)
{
	assert_true(o->job.good <= o->info.rows);
	if (memcmp(o->job.dst, want, (size_t)o->job.good * o->info.cols))
		fail_msg("%s: the first %u rows are not what they were", what, o->job.good);
}

/* Cut at every byte: a verdict, and what was there before the cut. */
static void test_truncated(void **state)
{
	static const int subs[] = {TJSAMP_420, TJSAMP_GRAY, TJSAMP_411};

	for (int round = 0; round < 6; round++) {
		struct shape s = {.w = 150,
				  .h = 90,
				  .subsampling = subs[round % 3],
				  .quality = 85,
				  .restart = round / 3 * 5};
		struct jpeg j = make(&s);
		size_t head = find_marker(&j, 0xda) + 8;
		int w, h;
		uint8_t *want = reference(&j, &w, &h);
		uint32_t good = 0;

		for (size_t cut = head + 6; cut < j.size; cut++) {
			struct jpeg c = copy_of(j.data, cut);
			struct decoded o;

			assert_int_equal(decode(&o, &c), 0);
			good_part(&o, want, "cut");
			assert_true(o.job.good >= good);
			good = o.job.good;
			/* Some of the last bytes may be padding. */
			assert_true(o.job.damaged || cut >= j.size - 3);
			for (uint32_t i = 0; o.job.damaged && i < o.info.cols * o.info.rows; i++)
				assert_true(o.job.dst[i] == want[i] || o.job.dst[i] == 128);
			close_one(&o);
			free(c.data);
		}
		assert_int_equal(good, h);
		free(want);
		free(j.data);
	}
}

static void test_bytes_changed(void **state)
{
	unsigned verdicts = 0;

	for (int i = 0; i < 3000; i++) {
		struct shape s = any_shape();
		struct jpeg j;
		struct decoded o[3];
		struct dcjpeg_job jobs[3];
		size_t n = 0;

		s.w = s.w % 100 + 1;
		s.h = s.h % 100 + 1;
		j = make(&s);
		for (uint32_t k = 1 + rnd(8); k; k--)
			j.data[2 + rnd((uint32_t)j.size - 2)] = (uint8_t)rnd(256);
		/* Twice the same, side by side, and once alone. */
		for (int k = 0; k < 3; k++) {
			int err = open_one(&o[k], &j);

			assert_true(err == 0 || err == -EBADMSG || err == -EOPNOTSUPP);
			if (!err && o[k].info.cols * o[k].info.rows < 1 << 20)
				jobs[n++] = o[k].job;
		}
		if (n == 3) {
			size_t bytes = (size_t)o[0].info.cols * o[0].info.rows;

			dcjpeg_read(jobs, 2);
			dcjpeg_read(jobs + 2, 1);
			for (int k = 1; k < 3; k++) {
				assert_int_equal(jobs[k].damaged, jobs[0].damaged);
				assert_int_equal(jobs[k].good, jobs[0].good);
				assert_memory_equal(jobs[k].dst, jobs[0].dst, bytes);
			}
			verdicts += jobs[0].damaged;
		} else {
			verdicts++;
		}
		for (int k = 0; k < 3; k++)
			close_one(&o[k]);
		free(j.data);
	}
	assert_true(verdicts > 300);
}

/* With restart markers, what is behind the damage is right again. */
static size_t nth_restart(const struct jpeg *j, unsigned n)
{
	for (size_t at = find_marker(j, 0xda); at + 1 < j->size; at++)
		if (j->data[at] == 0xff && j->data[at + 1] >= 0xd0 && j->data[at + 1] <= 0xd7 &&
		    !n--)
			return at;
	fail_msg("no such restart marker");
	return 0;
}

/* 20 x 12 blocks, an interval a row of blocks. Rows [from, to) are expected to be lost. */
static void rows_lost(const struct jpeg *j, const uint8_t *want, uint32_t from, uint32_t to,
		      const char *what)
{
	struct decoded o;

	assert_int_equal(decode(&o, j), 0);
	assert_true(o.job.damaged);
	assert_int_equal(o.job.good, from);
	for (uint32_t y = 0; y < 12; y++)
		if ((y < from || y >= to) && memcmp(o.job.dst + y * 20, want + y * 20, 20))
			fail_msg("%s: row %u is wrong", what, y);
	for (uint32_t i = (to - 1) * 20 + 19; i < to * 20; i++)
		assert_int_equal(o.job.dst[i], 128);
	close_one(&o);
}

static void test_restart_after_damage(void **state)
{
	struct shape s = {
		.w = 160, .h = 96, .subsampling = TJSAMP_444, .quality = 90, .restart = 20};
	struct jpeg j = make(&s), c;
	int w, h;
	uint8_t *want = reference(&j, &w, &h);
	size_t r3 = nth_restart(&j, 3), r4 = nth_restart(&j, 4), r6 = nth_restart(&j, 6);

	/* Row 4 lies between markers 3 and 4. Its second half is missing: */
	c = copy_of(j.data, j.size);
	splice(&c, r3 + (r4 - r3) / 2, r4 - r3 - (r4 - r3) / 2, NULL, 0);
	rows_lost(&c, want, 4, 5, "half a row");
	free(c.data);
	/* with its marker, or more rows with theirs: */
	c = copy_of(j.data, j.size);
	splice(&c, r3, r4 - r3, NULL, 0);
	rows_lost(&c, want, 4, 5, "a row");
	free(c.data);
	c = copy_of(j.data, j.size);
	splice(&c, r3, r6 - r3, NULL, 0);
	rows_lost(&c, want, 4, 7, "three rows");
	free(c.data);
	/* A marker come twice is harmless but for what is between. */
	c = copy_of(j.data, j.size);
	splice(&c, r3, 0, j.data + r3, 2);
	check(&j, "whole");
	{
		struct decoded o;

		assert_int_equal(decode(&o, &c), 0);
		good_part(&o, want, "a double");
		assert_int_equal(o.job.good, 4);
		assert_memory_equal(o.job.dst + 5 * 20, want + 5 * 20, 7 * 20);
		close_one(&o);
	}
	free(c.data);
	/* Nothing behind marker 6. */
	c = copy_of(j.data, r6);
	rows_lost(&c, want, 7, 12, "the end");
	free(c.data);
	free(want);
	free(j.data);
}

/* A look-up may hold symbols beyond a full block: a picture of nothing but full blocks, whose last
 * coefficient is never 0. */
static void test_full_blocks(void **state)
{
	struct shape s = {.w = 200, .h = 120, .subsampling = TJSAMP_444, .quality = 100};
	uint8_t *rgb = malloc(200 * 120 * 3);

	assert_non_null(rgb);
	for (int round = 0; round < 20; round++) {
		struct jpeg j;

		for (int i = 0; i < 200 * 120 * 3; i++)
			rgb[i] = rnd(2) ? 255 : 0;
		s.quality = 100 - 2 * round;
		s.optimise = round % 2;
		j = encode(rgb, &s, TJPF_RGB);
		check(&j, "full blocks");
		free(j.data);
	}
	free(rgb);
}

/* Streams with the same tables share them, but luma is not chroma. */
static void test_shared_tables(void **state)
{
	const struct dcjpeg_huff *dc = dcjpeg_huff_standard(false, false);
	const struct dcjpeg_huff *ac = dcjpeg_huff_standard(true, false);
	const struct dcjpeg_code *one = dcjpeg_code_get(dc, ac, true), *other;

	assert_non_null(one);
	other = dcjpeg_code_get(dc, ac, true);
	assert_ptr_equal(one, other);
	dcjpeg_code_put(other);
	other = dcjpeg_code_get(dc, ac, false);
	assert_non_null(other);
	assert_ptr_not_equal(one, other);
	for (uint32_t i = 0; i < DCJPEG_LOOKUP_SIZE; i++)
		assert_int_equal(DCJPEG_DIFF(other->first[i]), 0);
	dcjpeg_code_put(other);
	other = dcjpeg_code_get(dc, dcjpeg_huff_standard(true, true), true);
	assert_ptr_not_equal(one, other);
	dcjpeg_code_put(other);
	other = dcjpeg_code_get(dcjpeg_huff_standard(false, true), ac, true);
	assert_ptr_not_equal(one, other);
	dcjpeg_code_put(other);
	dcjpeg_code_put(one);
	dcjpeg_code_put(NULL);
}

/* --- threads --------------------------------------------------------------------------------- */

struct thread {
	pthread_t id;
	const struct jpeg *jpegs;
	uint8_t *const *want;
	bool ok;
};

#define SHARED 6

/* Decoders come and go, and share their tables. */
static void *decode_all(void *arg)
{
	struct thread *t = arg;

	t->ok = true;
	for (int i = 0; i < 60; i++) {
		struct decoded o;

		if (decode(&o, &t->jpegs[i % SHARED]) || o.job.damaged ||
		    memcmp(o.job.dst, t->want[i % SHARED], o.info.cols * o.info.rows))
			t->ok = false;
		close_one(&o);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct jpeg jpegs[SHARED];
	uint8_t *want[SHARED];
	struct thread t[4];

	for (int i = 0; i < SHARED; i++) {
		struct shape s = any_shape();
		int w, h;

		s.optimise = i % 2;
		jpegs[i] = make(&s);
		want[i] = reference(&jpegs[i], &w, &h);
	}
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = (struct thread){.jpegs = jpegs, .want = want};
		assert_int_equal(pthread_create(&t[i].id, NULL, decode_all, &t[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		pthread_join(t[i].id, NULL);
		assert_true(t[i].ok);
	}
	for (int i = 0; i < SHARED; i++) {
		free(jpegs[i].data);
		free(want[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_pictures),
		cmocka_unit_test(test_large_pictures),
		cmocka_unit_test(test_one_decoder_many_pictures),
		cmocka_unit_test(test_stride),
		cmocka_unit_test(test_recorded_pictures),
		cmocka_unit_test(test_tables_left_out),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_extended_and_wide_quantisers),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bytes_changed),
		cmocka_unit_test(test_restart_after_damage),
		cmocka_unit_test(test_full_blocks),
		cmocka_unit_test(test_shared_tables),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
