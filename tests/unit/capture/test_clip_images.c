/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders and patterns of images as cameras: a file is a frame, in the order of their numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "capture/play.h"
#include "clip_files.h"
#include "rig.h"

static const struct source_want any;

static void jpeg_files_come_byte_for_byte(void **state)
{
	static const char *const paths[] = {"jpegs", "jpegs/in%06d.jpg", "jpegs/*.jpg",
					    "jpegs/in0000??.jpg", "jpegs/in%d.jpg"};

	mkdir(clip_files_path("jpegs"), 0777);
	clip_files_make(CLIP_FILES_PICTURES, "-frames:v 7 -start_number 41 -pix_fmt yuvj420p",
			"jpegs/in%06d.jpg");
	clip_files_put("jpegs/notes.txt", "x", 1);
	clip_files_put("jpegs/thumb.png", "x", 1);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char uri[256], name[64];
		struct play *p;
		struct frame f;
		int n = 41;

		snprintf(uri, sizeof(uri), "clip:%s", clip_files_path(paths[i]));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		assert_int_equal(play_format(p)->fourcc, PIXFMT_MJPEG);
		assert_int_equal(play_format(p)->width, 160);
		assert_true(play_format(p)->fps == 25);
		for (; play_next(p, &f, 0, NULL) == 1; n++) {
			uint8_t *want;
			size_t len;

			snprintf(name, sizeof(name), "jpegs/in%06d.jpg", n);
			want = clip_files_get(clip_files_path(name), &len);
			assert_int_equal(f.plane[0].bytesused, len);
			assert_memory_equal(f.plane[0].data, want, len);
			assert_int_equal(play_frame_number(p), n);
			free(want);
		}
		assert_int_equal(n, 48);
		play_close(p);
	}
}

/* "P5" files hold their grey values as they are: what they say must be what comes. */
static void grey_images_come_as_grey(void **state)
{
	static const int order[] = {1, 2, 10};

	mkdir(clip_files_path("grey"), 0777);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint8_t file[11 + 20] = "P5\n5 4\n255\n";
		char name[32];

		for (int k = 0; k < 20; k++)
			file[11 + k] = (uint8_t)(k * 13 + order[i]);
		snprintf(name, sizeof(name), "grey/f%d.pgm", order[i]);
		clip_files_put(name, file, sizeof(file));
	}
	for (int pass = 0; pass < 2; pass++) {
		char uri[256];
		struct play *p;
		struct frame f;

		snprintf(uri, sizeof(uri), "clip:%s",
			 clip_files_path(pass ? "grey/f%d.pgm" : "grey"));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		assert_int_equal(play_format(p)->fourcc, PIXFMT_GREY);
		assert_true(play_format(p)->full_range);
		for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
			assert_int_equal(play_next(p, &f, 0, NULL), 1);
			assert_int_equal(play_frame_number(p), order[i]);
			assert_int_equal(f.plane[0].bytesused, 20);
			for (int k = 0; k < 20; k++)
				assert_int_equal(f.plane[0].data[k], (uint8_t)(k * 13 + order[i]));
			assert_true(f.flags & FRAME_FULL_RANGE);
		}
		assert_int_equal(play_next(p, &f, 0, NULL), 0);
		play_close(p);
	}
}

static void colour_images_become_full_range_yuv(void **state)
{
	/* BT.601, full range, by its definition: black, white, red, green, blue. */
	static const uint8_t rgb[5][3] = {
		{0, 0, 0}, {255, 255, 255}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
	static const int yuv[5][3] = {
		{0, 128, 128}, {255, 128, 128}, {76, 85, 255}, {150, 44, 21}, {29, 255, 107}};
	static const char head[] = "P6\n16 16\n255\n";

	mkdir(clip_files_path("colour"), 0777);
	for (int i = 0; i < 5; i++) {
		uint8_t file[sizeof(head) - 1 + 16 * 16 * 3];
		char name[32];

		memcpy(file, head, sizeof(head) - 1);
		for (size_t k = 0; k < 16 * 16; k++)
			memcpy(file + sizeof(head) - 1 + 3 * k, rgb[i], 3);
		snprintf(name, sizeof(name), "colour/c%d.ppm", i);
		clip_files_put(name, file, sizeof(file));
	}
	char uri[256];
	struct play *p;
	struct frame f;

	snprintf(uri, sizeof(uri), "clip:%s", clip_files_path("colour"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	assert_int_equal(play_format(p)->fourcc, PIXFMT_YU12);
	assert_true(play_format(p)->full_range);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(f.plane[0].bytesused, 16 * 16 * 3 / 2);
		for (int c = 0; c < 3; c++) {
			int got = f.plane[0].data[c == 0 ? 100 : c == 1 ? 256 + 20 : 256 + 64 + 20];

			if (abs(got - yuv[i][c]) > 2)
				fail_msg("colour %d component %d: %d, not %d", i, c, got,
					 yuv[i][c]);
		}
	}
	play_close(p);
}

static void a_broken_image_is_flagged_and_the_rest_comes(void **state)
{
	struct play *p;
	struct frame f;
	char uri[256];

	mkdir(clip_files_path("broken"), 0777);
	clip_files_put("broken/1.pgm", "P5\n2 2\n255\nabcd", 15);
	clip_files_put("broken/2.pgm", "rubbish", 7);
	clip_files_put("broken/3.pgm", "P5\n3 2\n255\nabcdef", 17); /* another size */
	clip_files_put("broken/4.pgm", "P5\n2 2\n255\nefgh", 15);
	snprintf(uri, sizeof(uri), "clip:%s", clip_files_path("broken"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	for (int i = 1; i <= 4; i++) {
		bool good = i == 1 || i == 4;

		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(play_frame_number(p), i);
		assert_int_equal(!(f.flags & FRAME_TORN), good);
		assert_int_equal(f.plane[0].bytesused, good ? 4 : 0);
		if (good)
			assert_memory_equal(f.plane[0].data, i == 1 ? "abcd" : "efgh", 4);
	}
	assert_int_equal(play_next(p, &f, 0, NULL), 0);
	play_close(p);
}

static void a_clip_too_large_to_keep_is_read_ahead(void **state)
{
	/* 10 pictures of 8 MB are more than is kept in memory. */
	enum { SIDE = 2900, N = 10, ROUNDS = 2 };
	static const char head[] = "P5\n2900 2900\n255\n";
	uint8_t *file = malloc(sizeof(head) - 1 + SIDE * SIDE);
	struct source_buffer b;
	char rest[256];
	struct rig r;

	mkdir(clip_files_path("large"), 0777);
	memcpy(file, head, sizeof(head) - 1);
	for (int i = 0; i < N; i++) {
		char name[32];

		memset(file + sizeof(head) - 1, 'a' + i, SIDE * SIDE);
		snprintf(name, sizeof(name), "large/%02d.pgm", i);
		clip_files_put(name, file, sizeof(head) - 1 + SIDE * SIDE);
	}
	free(file);
	snprintf(rest, sizeof(rest), "%s?paced=0&slots=2&start=0.12", clip_files_path("large"));
	rig_open(&r, &source_clip_ops, rest, any);
	for (unsigned n = 0; n < ROUNDS * (N - 3); n++) {
		const uint8_t *at;

		assert_int_equal(rig_next(&r, &b), 0);
		at = r.slab->slot[b.slot].plane[0];
		assert_int_equal(at[0], 'a' + 3 + n % (N - 3));
		assert_int_equal(at[SIDE * SIDE - 1], 'a' + 3 + n % (N - 3));
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

/* Real footage, where there is some: every frame of every folder comes, in order. */
static void real_footage(void **state)
{
	const char *clips = getenv("MATLANG_CLIPS");
	char uri[512];
	struct errmsg em = {""};
	struct play *p;
	struct frame f;
	int64_t last = 0;
	int got;

	if (!clips) {
		printf("SKIP: MATLANG_CLIPS names no folder of footage\n");
		skip();
	}
	snprintf(uri, sizeof(uri), "clip:%s/ir_1/input", clips);
	if (play_open(&p, uri, NULL, true, &em))
		fail_msg("%s", em.text);
	while ((got = play_next(p, &f, 0, &em)) == 1) {
		assert_true(play_frame_number(p) > last);
		assert_int_equal(f.flags & FRAME_TORN, 0);
		last = play_frame_number(p);
	}
	assert_int_equal(got, 0);
	assert_true(last > 100);
	play_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpeg_files_come_byte_for_byte),
		cmocka_unit_test(grey_images_come_as_grey),
		cmocka_unit_test(colour_images_become_full_range_yuv),
		cmocka_unit_test(a_broken_image_is_flagged_and_the_rest_comes),
		cmocka_unit_test(a_clip_too_large_to_keep_is_read_ahead),
		cmocka_unit_test(real_footage),
	};

	return cmocka_run_group_tests_name("clip_images", tests, clip_files_set_up,
					   clip_files_tear_down);
}
