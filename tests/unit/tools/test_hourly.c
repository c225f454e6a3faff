/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting what happened within the last hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "tools/matlangd/hourly.h"

#define MINUTE (60 * NSEC_PER_SEC)

static void test_counts_the_last_hour(void **state)
{
	struct hourly h = {0};
	const int64_t start = 5000 * MINUTE;

	assert_int_equal(hourly_sum(&h, start), 0);
	for (int i = 0; i < 10; i++)
		hourly_add(&h, start + i * MINUTE);
	assert_int_equal(hourly_sum(&h, start + 9 * MINUTE), 10);
	assert_int_equal(hourly_sum(&h, start + 59 * MINUTE), 10);
	assert_int_equal(hourly_sum(&h, start + 60 * MINUTE), 9);
	assert_int_equal(hourly_sum(&h, start + 68 * MINUTE), 1);
	assert_int_equal(hourly_sum(&h, start + 69 * MINUTE), 0);
	assert_int_equal(hourly_sum(&h, start + 6000 * MINUTE), 0);
}

static void test_old_counts_do_not_come_back(void **state)
{
	struct hourly h = {0};

	for (int i = 0; i < 7; i++)
		hourly_add(&h, 100 * MINUTE);
	hourly_add(&h, 160 * MINUTE);
	assert_int_equal(hourly_sum(&h, 160 * MINUTE), 1);
	hourly_add(&h, 100000 * MINUTE);
	assert_int_equal(hourly_sum(&h, 100000 * MINUTE), 1);
	assert_int_equal(hourly_sum(&h, 100059 * MINUTE), 1);
	assert_int_equal(hourly_sum(&h, 100060 * MINUTE), 0);
}

static void test_the_box_has_just_started(void **state)
{
	struct hourly h = {0};

	hourly_add(&h, 0);
	hourly_add(&h, MINUTE / 2);
	hourly_add(&h, MINUTE);
	assert_int_equal(hourly_sum(&h, MINUTE), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_the_last_hour),
		cmocka_unit_test(test_old_counts_do_not_come_back),
		cmocka_unit_test(test_the_box_has_just_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
