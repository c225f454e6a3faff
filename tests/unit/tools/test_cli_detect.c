/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings given to `matlang detect`. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "tools/matlang/compare.h"
#include "tools/matlang/detect.h"

static void settings_are_taken(void **state)
{
	struct motion_config c;
	struct errmsg em;

	motion_config_defaults(&c);
	assert_int_equal(detect_set(&c, "motion/sensitivity=70", &em), 0);
	assert_int_equal(detect_set(&c, "motion/min_cells=4", &em), 0);
	assert_int_equal(detect_set(&c, "motion/end_seconds=1.5", &em), 0);
	assert_int_equal(detect_set(&c, "motion/rate=12.5", &em), 0);
	assert_int_equal(detect_set(&c, "motion/enabled=0", &em), 0);
	assert_int_equal(detect_set(&c, "motion/zones=gate: 10,10 200,10 200,150", &em), 0);
	assert_int_equal(c.sensitivity, 70);
	assert_int_equal(c.min_cells, 4);
	assert_true(c.end_ns == 1500 * NSEC_PER_MSEC);
	assert_true(c.rate == 12.5);
	assert_false(c.enabled);
	assert_int_equal(c.nzones, 1);
}

static void bad_settings_change_nothing(void **state)
{
	static const char *const wrong[] = {
		"motion/sensitivity=0", "motion/sensitivity=101", "motion/sensitivity=7.5",
		"motion/sensitivity=",  "motion/sensitivity=x",   "motion/sensitivity=7x",
		"motion/rate=nan",      "motion/rate=-1",         "motion/min_cells=0",
		"motion/sensitivity",   "motion/zones=gate",      "motion/end_seconds=1e99",
	};
	static const char *const unknown[] = {"motion/bogus=1", "sensitivity=50", "=1",
					      "motion/sensitivit=50", "motion/sensitivity2=50"};
	struct motion_config c, before;
	struct errmsg em;

	motion_config_defaults(&c);
	before = c;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		em.text[0] = '\0';
		assert_int_equal(detect_set(&c, wrong[i], &em), -EINVAL);
		assert_true(*em.text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(detect_set(&c, unknown[i], &em), -ENOENT);
		assert_non_null(strstr(em.text, "motion/sensitivity"));
	}
	assert_memory_equal(&c, &before, sizeof(c));
}

/* What is shown as a setting is what sets it. */
static void settings_are_shown_as_they_are_given(void **state)
{
	static const char *const given[] = {
		"motion/sensitivity=71",
		"motion/min_cells=4",
		"motion/end_seconds=1.5",
		"motion/rate=12.5",
		"motion/enabled=0",
		"motion/absorb_seconds=90",
		"motion/zones=gate: 10,10 200,10 200,150; !tree: 0,0 9,0 9,9",
	};
	struct motion_config a, b;
	struct errmsg em = {""};
	char text[DETECT_SETTING_MAX], assignment[DETECT_SETTING_MAX + 64];
	const char *name;
	unsigned n = 0;

	motion_config_defaults(&a);
	motion_config_defaults(&b);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		assert_int_equal(detect_set(&a, given[i], &em), 0);
	for (; (name = detect_setting(&a, n, text)); n++) {
		snprintf(assignment, sizeof(assignment), "%s=%s", name, text);
		assert_int_equal(detect_set(&b, assignment, &em), 0);
	}
	assert_true(n >= ARRAY_SIZE(given));
	for (unsigned i = 0; i < n; i++) {
		char other[DETECT_SETTING_MAX];

		detect_setting(&a, i, text);
		detect_setting(&b, i, other);
		assert_string_equal(text, other);
	}
	assert_true(b.sensitivity == 71 && b.nzones == 2 && b.zone[1].mask && !b.enabled);
}

static void a_side(struct compare_side *s, struct compare_alarm *list, const int64_t spans[][2],
		   size_t n)
{
	for (size_t i = 0; i < n; i++)
		list[i] = (struct compare_alarm){.start_ns = spans[i][0] * NSEC_PER_SEC,
						 .end_ns = spans[i][1] * NSEC_PER_SEC};
	s->alarm = list;
	s->count = n;
}

/* Every alarm of a side against every one of the other, by the plain definition. */
static void alarms_of_both_sides_are_matched(void **state)
{
	static const int64_t a[][2] = {{0, 5}, {10, 12}, {20, 60}, {100, 101}, {200, 201}};
	static const int64_t b[][2] = {{7, 8},   {15, 17},   {25, 26},
				       {40, 70}, {104, 105}, {150, 151}};
	struct compare_alarm x[ARRAY_SIZE(a)], y[ARRAY_SIZE(b)];
	struct compare p = {0};

	a_side(&p.side[COMPARE_TODAY], x, a, ARRAY_SIZE(a));
	a_side(&p.side[COMPARE_CHANGED], y, b, ARRAY_SIZE(b));
	compare_match(&p);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		bool any = false;

		for (size_t k = 0; k < ARRAY_SIZE(b); k++)
			any = any || (a[i][0] <= b[k][1] + 2 && b[k][0] <= a[i][1] + 2);
		assert_int_equal(x[i].other, any);
	}
	for (size_t k = 0; k < ARRAY_SIZE(b); k++) {
		bool any = false;

		for (size_t i = 0; i < ARRAY_SIZE(a); i++)
			any = any || (a[i][0] <= b[k][1] + 2 && b[k][0] <= a[i][1] + 2);
		assert_int_equal(y[k].other, any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_taken),
		cmocka_unit_test(settings_are_shown_as_they_are_given),
		cmocka_unit_test(alarms_of_both_sides_are_matched),
		cmocka_unit_test(bad_settings_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
