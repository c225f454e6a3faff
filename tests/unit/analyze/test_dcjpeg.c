/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DC decoder against libjpeg-turbo at an eighth, pixel for pixel, over thousands of made
 * pictures and over recorded ones; its shared tables, and several threads. */
#include <dirent.h>
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
#include "capture/core/compiler.h"
#include "tests/unit/analyze/jpegs.h"

#define PICTURES   4000 /* made ones */
#define BATCH      7
#define CLIP_FILES 60

/* --- the same picture as libjpeg-turbo ------------------------------------------------------- */

static void test_made_pictures(void **state)
{
	for (int done = 0; done < PICTURES;) {
		struct jpegs_decoded o[BATCH];
		struct dcjpeg_job jobs[BATCH];
		struct jpegs_file j[BATCH];
		uint32_t n = 1 + jpegs_random(BATCH);

		for (uint32_t i = 0; i < n; i++) {
			struct jpegs_shape s = jpegs_any_shape();

			j[i] = jpegs_make(&s);
			assert_int_equal(jpegs_open(&o[i], &j[i]), 0);
			jobs[i] = o[i].job;
		}
		dcjpeg_read(jobs, n);
		for (uint32_t i = 0; i < n; i++) {
			int w, h;
			uint8_t *want = jpegs_reference(&j[i], &w, &h);

			o[i].job = jobs[i];
			jpegs_same(&o[i], want, "made");
			free(want);
			jpegs_close(&o[i]);
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
			struct jpegs_shape s = {.w = sizes[i][0],
						.h = sizes[i][1],
						.subsampling = sub,
						.quality = 30 + 20 * (int)jpegs_random(4),
						.optimise = jpegs_random(2)};
			struct jpegs_file j = jpegs_make(&s);

			jpegs_check(&j, "large");
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
		struct jpegs_shape s = jpegs_any_shape();
		struct jpegs_file j = jpegs_make(&s);
		struct jpegs_decoded o = {.d = d};
		int w, h;
		uint8_t *want = jpegs_reference(&j, &w, &h);

		assert_int_equal(dcjpeg_open(d, j.data, j.size, &o.info), 0);
		o.job = (struct dcjpeg_job){
			.d = d, .dst = malloc((size_t)w * (size_t)h), .stride = (size_t)w};
		dcjpeg_read(&o.job, 1);
		jpegs_same(&o, want, "one decoder");
		free(o.job.dst);
		free(want);
		free(j.data);
	}
	dcjpeg_destroy(d);
}

static void test_stride(void **state)
{
	struct jpegs_shape s = {.w = 100, .h = 61, .subsampling = TJSAMP_420, .quality = 80};
	struct jpegs_file j = jpegs_make(&s);
	struct jpegs_decoded o;
	int w, h;
	uint8_t *want = jpegs_reference(&j, &w, &h), wide[8 * 40];

	assert_int_equal(jpegs_open(&o, &j), 0);
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
	jpegs_close(&o);
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
			struct jpegs_file j = jpegs_copy(data, fread(data, 1, 1 << 20, f));
			struct jpegs_shape s = jpegs_any_shape();
			tjhandle t = tjInitDecompress();
			int sub, colours;
			uint8_t *rgb;

			fclose(f);
			jpegs_check(&j, path);
			assert_int_equal(
				tjDecompressHeader3(t, j.data, j.size, &s.w, &s.h, &sub, &colours),
				0);
			rgb = malloc((size_t)s.w * (size_t)s.h * 3);
			assert_non_null(rgb);
			assert_int_equal(
				tjDecompress2(t, j.data, j.size, rgb, s.w, 0, s.h, TJPF_RGB, 0), 0);
			free(j.data);
			j = jpegs_encode(rgb, &s, TJPF_RGB);
			jpegs_check(&j, path);
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

/* A look-up may hold symbols beyond a full block: a picture of nothing but full blocks, whose last
 * coefficient is never 0. */
static void test_full_blocks(void **state)
{
	struct jpegs_shape s = {.w = 200, .h = 120, .subsampling = TJSAMP_444, .quality = 100};
	uint8_t *rgb = malloc(200 * 120 * 3);

	assert_non_null(rgb);
	for (int round = 0; round < 20; round++) {
		struct jpegs_file j;

		for (int i = 0; i < 200 * 120 * 3; i++)
			rgb[i] = jpegs_random(2) ? 255 : 0;
		s.quality = 100 - 2 * round;
		s.optimise = round % 2;
		j = jpegs_encode(rgb, &s, TJPF_RGB);
		jpegs_check(&j, "full blocks");
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
	const struct jpegs_file *jpegs;
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
		struct jpegs_decoded o;

		if (jpegs_decode(&o, &t->jpegs[i % SHARED]) || o.job.damaged ||
		    memcmp(o.job.dst, t->want[i % SHARED], o.info.cols * o.info.rows))
			t->ok = false;
		jpegs_close(&o);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct jpegs_file jpegs[SHARED];
	uint8_t *want[SHARED];
	struct thread t[4];

	for (int i = 0; i < SHARED; i++) {
		struct jpegs_shape s = jpegs_any_shape();
		int w, h;

		s.optimise = i % 2;
		jpegs[i] = jpegs_make(&s);
		want[i] = jpegs_reference(&jpegs[i], &w, &h);
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
		cmocka_unit_test(test_full_blocks),
		cmocka_unit_test(test_shared_tables),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
