/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Light and things: what is left of a change when light has explained all it can; how far a shake
 * is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/contrast.h"
#include "analyze/shake.h"

#define SIDE 10

struct patch {
	uint8_t before[SIDE * SIDE], now[SIDE * SIDE];
};

/* A pattern of `depth` grey levels about 100; now = before * gain + add, with a slope. */
static struct patch lit(int depth, double gain, double add, double slope)
{
	struct patch p;

	for (int i = 0; i < SIDE * SIDE; i++) {
		int v = 100 + (i * 7919 % 13 - 6) * depth / 6;

		p.before[i] = (uint8_t)v;
		p.now[i] = (uint8_t)(v * gain + add + slope * (i % SIDE) + 0.5);
	}
	return p;
}

static float contrast(const struct patch *p, double light)
{
	return contrast_of(p->now, p->before, SIDE, SIDE, SIDE, light);
}

static void test_light_has_no_contrast(void **state)
{
	struct patch p = lit(40, 0.6, 0, 0);

	assert_true(contrast(&p, 1) < 0.1f); /* a shadow on a pattern */
	p = lit(0, 1, 30, 0);
	assert_true(contrast(&p, 1) < 0.1f); /* a lamp on a wall */
	p = lit(0, 1, 20, 1.5);
	assert_true(contrast(&p, 1) < 0.3f); /* its soft rim */
	p = lit(40, 1, 0, 0);
	assert_true(contrast(&p, 1) < 0.2f); /* nothing */
}

static void test_an_edge_has_contrast(void **state)
{
	for (int depth = 0; depth <= 40; depth += 20)
		for (int covered = 2; covered <= SIDE - 2; covered += 2) {
			struct patch p = lit(depth, 1, 0, 0);

			for (int i = 0; i < SIDE * SIDE; i++)
				if (i % SIDE < covered)
					p.now[i] = 160;
			assert_true(contrast(&p, 1) > 0.45f);
		}
}

static void test_light_of_the_whole_picture_is_taken_out(void **state)
{
	/* Everything is half as bright: then a patch that kept its light has changed. */
	struct patch p = lit(0, 1, 0, 0.5);
	float kept = contrast(&p, 0.5);

	assert_true(kept < 0.1f);
	assert_true(contrast(&p, 1.0) > kept); /* little change: the same rest weighs more */
}

/* Only what is in the patch is read. */
static void test_stride_and_extremes(void **state)
{
	uint8_t *now = malloc(4 * 64 + 3), *before = malloc(4 * 64 + 3);

	for (int i = 0; i < 4 * 64 + 3; i++) {
		now[i] = i % 64 < 3 ? 255 : 0;
		before[i] = i % 64 < 3 ? 0 : 255;
	}
	assert_true(contrast_of(now, before, 64, 3, 5, 1) < 0.01f);
	free(now);
	free(before);
	now = malloc(64 * 64);
	before = malloc(64 * 64);
	memset(before, 0, 64 * 64);
	for (int i = 0; i < 64 * 64; i++)
		now[i] = i % 2 ? 255 : 0;
	assert_true(contrast_of(now, before, 64, 64, 64, 1) > 0.9f);
	free(now);
	free(before);
}

static void test_shake_is_found_to_its_limit(void **state)
{
	uint32_t model[120], now[120];

	for (int k = -SHAKE_MAX + 1; k < SHAKE_MAX; k++) {
		for (int i = 0; i < 120; i++) {
			model[i] = (uint32_t)(5000 + (i + 40) * (i + 40) * 7 % 1361);
			now[i] = (uint32_t)(5000 + (i + 40 - k) * (i + 40 - k) * 7 % 1361);
		}
		/* `now` holds at i + k what the model holds at i. */
		assert_in_range(shake_estimate(now, model, 120) + 1000, 1000 + k * 16 - 8,
				1000 + k * 16 + 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_light_has_no_contrast),
		cmocka_unit_test(test_an_edge_has_contrast),
		cmocka_unit_test(test_light_of_the_whole_picture_is_taken_out),
		cmocka_unit_test(test_stride_and_extremes),
		cmocka_unit_test(test_shake_is_found_to_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
