/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/source.h"

static struct source_options split(const char *rest)
{
	struct source_options o;
	struct errmsg em;

	assert_int_equal(source_options_split(rest, &o, &em), 0);
	return o;
}

static void splits_at_the_options(void **state)
{
	struct source_options o = split("/a/b.mkv?fps=5&loop=0");

	assert_string_equal(o.path, "/a/b.mkv");
	assert_string_equal(o.text, "fps=5&loop=0");
	o = split("?width=64");
	assert_string_equal(o.path, "");
	assert_string_equal(o.text, "width=64");
}

static void a_question_mark_of_the_name_stays(void **state)
{
	struct source_options o = split("/a/img???.png");

	assert_string_equal(o.path, "/a/img???.png");
	assert_string_equal(o.text, "");
	o = split("/a/img?.png?fps=2");
	assert_string_equal(o.path, "/a/img?.png");
	assert_string_equal(o.text, "fps=2");
	o = split("what?");
	assert_string_equal(o.path, "what?");
}

static void too_long_is_refused(void **state)
{
	char rest[SOURCE_URI_MAX + 1];
	struct source_options o;
	struct errmsg em = {""};

	memset(rest, 'x', sizeof(rest));
	rest[SOURCE_URI_MAX] = '\0';
	assert_int_equal(source_options_split(rest, &o, &em), -EINVAL);
	assert_true(em.text[0]);
	rest[SOURCE_URI_MAX - 1] = '\0';
	assert_int_equal(source_options_split(rest, &o, &em), 0);
	assert_int_equal(strlen(o.path), SOURCE_URI_MAX - 1);
}

static void unknown_options_are_named(void **state)
{
	static const char *const known[] = {"fps", "loop", NULL};
	struct source_options o = split("f?fps=1&lop=2");
	struct errmsg em = {""};

	assert_int_equal(source_options_check(&o, known, &em), -EINVAL);
	assert_non_null(strstr(em.text, "\"lop\""));
	assert_non_null(strstr(em.text, "fps, loop"));
	o = split("f?fps=1&loop=2");
	assert_int_equal(source_options_check(&o, known, &em), 0);
	o = split("f?fps=1&loop=2&fps=3");
	assert_int_equal(source_options_check(&o, known, &em), -EINVAL);
	assert_non_null(strstr(em.text, "twice"));
	o = split("f?fps=1&loop");
	assert_int_equal(source_options_check(&o, known, &em), -EINVAL);
	o = split("f?fps=1&&loop=1");
	assert_int_equal(source_options_check(&o, known, &em), -EINVAL);
	o = split("f?fp=1");
	assert_int_equal(source_options_check(&o, known, &em), -EINVAL);
}

static void whole_numbers(void **state)
{
	static const char *const bad[] = {"x=",
					  "x=1a",
					  "x= 1",
					  "x=+1",
					  "x=1.5",
					  "x=101",
					  "x=-101",
					  "x=0x1",
					  "x=-",
					  "x=99999999999999999999",
					  "x=9999999999999999999999999999999999"};
	struct errmsg em;
	int64_t v = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct source_options o = {.path = ""};

		strcpy(o.text, bad[i]);
		em.text[0] = '\0';
		assert_int_equal(source_option_int(&o, "x", -100, 100, &v, &em), -EINVAL);
		assert_true(em.text[0]);
		assert_int_equal(v, 7);
	}
	struct source_options o = split("?y=3&x=-100");

	assert_int_equal(source_option_int(&o, "z", -100, 100, &v, &em), 0);
	assert_int_equal(v, 7);
	assert_int_equal(source_option_int(&o, "x", -100, 100, &v, &em), 1);
	assert_int_equal(v, -100);
}

static void decimals_in_every_locale(void **state)
{
	static const char *const bad[] = {"x=",    "x=1,5", "x=1.",  "x=.5",
					  "x=nan", "x=1e3", "x=--1", "x=31"};
	struct source_options o = split("?x=29.97");
	struct errmsg em;
	double v = 0;

	/* A Vietnamese desktop writes 29,97; the URI does not change with it. */
	setlocale(LC_NUMERIC, "vi_VN.UTF-8");
	assert_int_equal(source_option_double(&o, "x", 1, 30, &v, &em), 1);
	setlocale(LC_NUMERIC, "C");
	assert_true(v == 29.97);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(o.text, bad[i]);
		assert_int_equal(source_option_double(&o, "x", 1, 30, &v, &em), -EINVAL);
		assert_true(v == 29.97);
	}
}

static void texts_must_fit(void **state)
{
	struct source_options o = split("?name=gate&e=");
	struct errmsg em;
	char out[5] = "old";

	assert_int_equal(source_option_text(&o, "absent", out, sizeof(out), &em), 0);
	assert_string_equal(out, "old");
	assert_int_equal(source_option_text(&o, "name", out, 4, &em), -EINVAL);
	assert_string_equal(out, "old");
	assert_int_equal(source_option_text(&o, "name", out, sizeof(out), &em), 1);
	assert_string_equal(out, "gate");
	assert_int_equal(source_option_text(&o, "e", out, sizeof(out), &em), 1);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_at_the_options),
		cmocka_unit_test(a_question_mark_of_the_name_stays),
		cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(unknown_options_are_named),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(decimals_in_every_locale),
		cmocka_unit_test(texts_must_fit),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
