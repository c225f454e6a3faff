/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detector on recorded scenes, which are not part of this project: MATLANG_CLIPS names a folder
 * with one folder a scene (input/in%06d.png or .jpg, groundtruth/gt%06d.png, events.txt,
 * temporalROI.txt). Bounds are what the default settings reach, less a margin.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/detector.h"
#include "tests/unit/analyze/clips.h"

#define FRAME_NS 40000000ll

struct score {
	unsigned tp, fp, fn;    /* cells, against ground truth */
	unsigned moving, found; /* frames with an event, of them with motion */
	unsigned quiet, false_alarms;
};

/* Counts cells of 16 pixels: moving when a quarter of the known pixels are labelled so, still when
 * none is, and not counted in between. */
static void score_cells(struct score *s, const struct clips_picture *truth,
			const struct detector_result *r)
{
	for (unsigned cy = 0; cy < r->rows; cy++)
		for (unsigned cx = 0; cx < r->cols; cx++) {
			unsigned moving = 0, unsure = 0, known = 0, at = cy * r->cols + cx;
			bool on = r->bits[at / 8] >> (at % 8) & 1;

			for (unsigned y = cy * 16; y < cy * 16 + 16 && y < truth->h; y++)
				for (unsigned x = cx * 16; x < cx * 16 + 16 && x < truth->w; x++) {
					uint8_t v = truth->luma[(size_t)y * truth->w + x];

					moving += v == 255;
					unsure += v == 170;
					known += v != 85;
				}
			if (known < 128)
				continue;
			if (moving * 4 >= known) {
				s->tp += on;
				s->fn += !on;
			} else if (!moving && !unsure) {
				s->fp += on;
			}
		}
}

/* '1', '0' or 'x' by the scene's events.txt; 'x' without one. */
static char label_of(const char *scene, int number)
{
	char path[512], label = 'x', c;
	int first, last;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/events.txt", getenv("MATLANG_CLIPS"), scene);
	f = fopen(path, "r");
	if (!f)
		return label;
	while (fscanf(f, "%d %d %c", &first, &last, &c) == 3)
		if (number >= first && number <= last)
			label = c;
	fclose(f);
	return label;
}

static struct score run_scene(const char *scene, int first, int count_from, int last)
{
	struct motion_config config;
	struct detector *d;
	struct detector_result r;
	struct score s = {0};

	motion_config_defaults(&config);
	assert_int_equal(detector_create(&d, &config, NULL), 0);
	for (int i = first; i <= last; i++) {
		struct clips_picture in, truth;
		char path[512], label = label_of(scene, i);

		if (!clips_input(scene, i, &in))
			fail_msg("%s: frame %d cannot be read", scene, i);
		assert_int_equal(
			detector_feed_luma(d, in.luma, in.w, in.w, in.h, i * FRAME_NS, &r, NULL),
			0);
		free(in.luma);
		if (i < count_from)
			continue;
		s.moving += label == '1';
		s.found += label == '1' && r.motion;
		s.quiet += label == '0';
		s.false_alarms += label == '0' && r.motion;
		snprintf(path, sizeof(path), "%s/%s/groundtruth/gt%06d.png",
			 getenv("MATLANG_CLIPS"), scene, i);
		if (clips_png(path, &truth)) {
			score_cells(&s, &truth, &r);
			free(truth.luma);
		}
	}
	detector_destroy(d);
	return s;
}

static double f_measure(const struct score *s)
{
	return 2.0 * s->tp / (2.0 * s->tp + s->fp + s->fn);
}

/* A tree fills the picture; a man passes. */
static void test_waving_trees(void **state)
{
	struct score s;

	clips_need("wavingtrees");
	s = run_scene("wavingtrees", 1, 51, 287);
	assert_true(f_measure(&s) >= 0.95);
	assert_true(s.found * 100 >= s.moving * 93);
	assert_true(s.false_alarms * 100 <= s.quiet * 5);
}

/* Cars on a road, day. */
static void test_highway(void **state)
{
	struct score s;

	clips_need("highway");
	s = run_scene("highway", 1, 470, 1000);
	assert_true(f_measure(&s) >= 0.97);
}

/* Cars on a road, the camera shakes. */
static void test_shaking_camera(void **state)
{
	struct score s;

	clips_need("traffic_a");
	s = run_scene("traffic_a", 1, 301, 636);
	assert_true(f_measure(&s) >= 0.83);
}

/* Three cars; after each the exposure swings back. */
static void test_exposure_swings(void **state)
{
	struct score s;

	clips_need("car_agc");
	s = run_scene("car_agc", 1, 1, 377);
	assert_true(s.found * 100 >= s.moving * 95);
	assert_true(s.false_alarms * 100 <= s.quiet * 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waving_trees),
		cmocka_unit_test(test_highway),
		cmocka_unit_test(test_shaking_camera),
		cmocka_unit_test(test_exposure_swings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
