/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"

/* Sun 22 Nov 2026 06:30:15.25 UTC */
#define NOW INT64_C(1795329015250000000)

static void use_zone(const char *tz)
{
	assert_int_equal(setenv("TZ", tz, 1), 0);
	tzset();
}

static void formats_with_offset(void **state)
{
	char text[TIMEFMT_MAX];

	use_zone("<+07>-7");
	timefmt_rfc3339(text, NOW, 3);
	assert_string_equal(text, "2026-11-22T13:30:15.250+07:00");
	timefmt_rfc3339(text, NOW, 0);
	assert_string_equal(text, "2026-11-22T13:30:15+07:00");
	timefmt_filename(text, NOW);
	assert_string_equal(text, "20261122T133015+0700");
	use_zone("<-0330>3:30");
	timefmt_rfc3339(text, NOW, 9);
	assert_string_equal(text, "2026-11-22T03:00:15.250000000-03:30");
	use_zone("UTC");
	timefmt_rfc3339(text, -1, 9);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999+00:00");
	timefmt_rfc3339(text, INT64_MAX, 9);
	assert_string_equal(text, "2262-04-11T23:47:16.854775807+00:00");
}

static const struct {
	const char *text;
	int64_t want_ns;
} good[] = {
	{"now", NOW},
	{"2026-11-22T13:30:15.25+07:00", NOW},
	{"2026-11-22 13:30:15.25+0700", NOW},
	{"2026-11-22T06:30:15.250Z", NOW},
	{"2026-11-22T13:30:15.25", NOW}, /* local zone */
	{"2026-11-22 13:30", NOW - 15250 * NSEC_PER_MSEC},
	{"13:30", NOW - 15250 * NSEC_PER_MSEC},
	{"13:30:15", NOW - 250 * NSEC_PER_MSEC},
	{"2026-11-22", NOW - (13 * 3600 + 30 * 60) * NSEC_PER_SEC - 15250 * NSEC_PER_MSEC},
	{"-10m", NOW - 600 * NSEC_PER_SEC},
	{"-36h", NOW - 36 * 3600 * NSEC_PER_SEC},
	{"-7d", NOW - 7 * 86400 * NSEC_PER_SEC},
	{"-30s", NOW - 30 * NSEC_PER_SEC},
};

static void parses_what_people_write(void **state)
{
	use_zone("<+07>-7");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t t = 0;
		struct errmsg em = {""};

		if (timefmt_parse(good[i].text, NOW, &t, &em))
			fail_msg("%s: %s", good[i].text, em.text);
		if (t != good[i].want_ns)
			fail_msg("%s: off by %lld ns", good[i].text,
				 (long long)(t - good[i].want_ns));
	}
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"9999-12-31T00:00:00Z",
		"2262-04-11",
		"0001-01-01",
		"",
		"yesterday",
		"25:00",
		"13:60",
		"13",
		"2026-13-01",
		"2026-02-30",
		"2026-11-22T",
		"2026-11-22T13:30x",
		"2026-11-22T13:30:15.",
		"2026-11-22T13:30+7",
		"-",
		"-10x",
		"--10m",
		"-1e300d",
		"13:30 ",
	};

	use_zone("UTC");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t t = 42;
		struct errmsg em = {""};

		if (timefmt_parse(bad[i], NOW, &t, &em) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(t, 42);
		assert_non_null(strstr(em.text, "06:30"));
	}
}

static void durations(void **state)
{
	int64_t ns = 7;

	assert_int_equal(timefmt_parse_duration("90", &ns, NULL), 0);
	assert_int_equal(ns, 90 * NSEC_PER_SEC);
	assert_int_equal(timefmt_parse_duration("1.5h", &ns, NULL), 0);
	assert_int_equal(ns, 5400 * NSEC_PER_SEC);
	assert_int_equal(timefmt_parse_duration("2d", &ns, NULL), 0);
	assert_int_equal(ns, 2 * 86400 * NSEC_PER_SEC);
	ns = 7;
	assert_int_equal(timefmt_parse_duration("-5s", &ns, NULL), -EINVAL);
	assert_int_equal(timefmt_parse_duration("5 s", &ns, NULL), -EINVAL);
	assert_int_equal(timefmt_parse_duration("inf", &ns, NULL), -EINVAL);
	assert_int_equal(timefmt_parse_duration("99999999999d", &ns, NULL), -EINVAL);
	assert_int_equal(ns, 7);
}

static void sample_is_consistent(void **state)
{
	struct monotime_sample s, t;
	int64_t before = monotime_now();

	assert_int_equal(monotime_sample(&s), 0);
	assert_true(s.mono_ns >= before);
	assert_true(s.mono_ns <= monotime_now());
	assert_true(s.utc_ns > 0);
	assert_int_equal(monotime_sample(&t), 0);
	assert_memory_equal(s.boot_id, t.boot_id, sizeof(s.boot_id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_with_offset),
		cmocka_unit_test(parses_what_people_write),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(durations),
		cmocka_unit_test(sample_is_consistent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
