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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_taken),
		cmocka_unit_test(bad_settings_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
