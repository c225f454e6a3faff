/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/source.h"

static void finds_by_scheme(void **state)
{
	const char *rest = NULL;
	struct errmsg em;

	assert_ptr_equal(source_find("rack:gate?fps=5", &rest, &em), &source_rack_ops);
	assert_string_equal(rest, "gate?fps=5");
	assert_ptr_equal(source_find("clip:/a:b.mkv", &rest, &em), &source_clip_ops);
	assert_string_equal(rest, "/a:b.mkv");
	assert_ptr_equal(source_find("v4l2:/dev/video0", &rest, &em), &source_v4l2_ops);
	assert_string_equal(rest, "/dev/video0");
}

static void refuses_others(void **state)
{
	static const char *const bad[] = {"",       "rack",        "racks:a", ":a",
					  "RACK:a", "/dev/video0", "rac:x"};
	char longer[SOURCE_URI_MAX + 1];
	const char *rest = "kept";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct errmsg em = {""};

		assert_null(source_find(bad[i], &rest, &em));
		assert_non_null(strstr(em.text, "rack:NAME"));
		assert_string_equal(rest, "kept");
	}
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "clip:", 5);
	longer[SOURCE_URI_MAX] = '\0';
	assert_null(source_find(longer, &rest, NULL));
}

static void checks_what_the_text_says(void **state)
{
	static const char *const good[] = {"rack:", "rack:a?width=64&faults=drop@5",
					   "clip:/no/such/file?fps=5", "v4l2:/dev/no-such-device"};
	static const struct {
		const char *uri, *said;
	} bad[] = {
		{"rack:a?with=64", "known: width"},
		{"rack:a?fps=0", "1 to 1000"},
		{"rack:a?faults=burn@5", "burn"},
		{"clip:/a.mkv?speed=2", "known: fps"},
		{"clip:", "clip:FILE"},
		{"tape:/a", "rack:NAME"},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(source_check(good[i], NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct errmsg em = {""};

		assert_int_equal(source_check(bad[i].uri, &em), -EINVAL);
		if (!strstr(em.text, bad[i].said))
			fail_msg("%s: %s", bad[i].uri, em.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_scheme),
		cmocka_unit_test(refuses_others),
		cmocka_unit_test(checks_what_the_text_says),
	};

	return cmocka_run_group_tests_name("source_find", tests, NULL, NULL);
}
