/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, spans of time, tables. */
#include <errno.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"64M", 64ull << 20},
		{"64m", 64ull << 20},
		{"100G", 100ull << 30},
		{"2TiB", 2ull << 40},
		{"1.5G", 3ull << 29},
		{"1KB", 1024},
		{"7B", 7},
		{"1P", 1ull << 50},
	};
	static const char *const bad[] = {"",     "x",   "-1",  "1X",    "1GG", "1.5", "0.3K",
					  "1e40", "nan", "inf", "9999P", " 1",  "1 G", "G"};
	uint64_t bytes = 77;
	struct errmsg em;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(human_parse_size(good[i].text, &bytes, &em), 0);
		assert_true(bytes == good[i].bytes);
	}
	bytes = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		em.text[0] = '\0';
		assert_int_equal(human_parse_size(bad[i], &bytes, &em), -EINVAL);
		assert_non_null(strstr(em.text, "size"));
	}
	assert_true(bytes == 77);
}

static void sizes_are_written(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1536, "1.5 KiB"},
		{98ull << 30, "98 GiB"},
		{UINT64_MAX, "16 EiB"},
	};
	char text[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		human_size(text, rows[i].bytes);
		assert_string_equal(text, rows[i].text);
	}
}

static void durations_are_written(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{0, "0.0 s"},
		{300 * NSEC_PER_MSEC, "0.3 s"},
		{42 * NSEC_PER_SEC, "42 s"},
		{303 * NSEC_PER_SEC, "5 min 03 s"},
		{7500 * NSEC_PER_SEC, "2 h 05 min"},
		{(3 * 86400 + 4 * 3600) * NSEC_PER_SEC, "3 d 4 h"},
		{-42 * NSEC_PER_SEC, "-42 s"},
	};
	char text[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		human_duration(text, rows[i].ns);
		assert_string_equal(text, rows[i].text);
	}
	human_duration(text, INT64_MIN);
	human_duration(text, INT64_MAX);
}

static char *printed(struct table *t)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(table_print(t, to), 0);
	fclose(to);
	return text;
}

static void columns_line_up(void **state)
{
	struct table *t = table_create("lrl");
	char *text;

	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		puts("SKIP: no UTF-8 locale here");
		table_destroy(t);
		skip();
	}
	table_add(t, "MÁY QUAY");
	table_add(t, "KHUNG");
	table_add(t, "");
	table_add(t, "cổng");
	table_addf(t, "%d", 7);
	table_add(t, "đang ghi");
	table_add(t, "門");
	table_add(t, "12345678");
	table_add(t, "");
	text = printed(t);
	assert_string_equal(text, "MÁY QUAY     KHUNG\n"
				  "cổng             7  đang ghi\n"
				  "門        12345678\n");
	free(text);
	table_destroy(t);
	assert_int_equal(table_width("Mắt Làng"), 8);
	assert_int_equal(table_width("e\xcc\x81"), 1);
	assert_int_equal(table_width("\xff\xfe"), 2);
}

static void nothing_steers_the_terminal(void **state)
{
	char text[] = "a\x1b[2Jb\nc\x7f\xc2\x9b 0m ế";
	struct table *t = table_create("l");
	char *out;

	table_tame(text);
	assert_string_equal(text, "a?[2Jb?c??? 0m ế");
	table_add(t, "x\x1b]0;y\x07");
	out = printed(t);
	assert_string_equal(out, "x?]0;y?\n");
	free(out);
	table_destroy(t);
	assert_int_equal(table_print(NULL, stdout), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(sizes_are_written),
		cmocka_unit_test(durations_are_written),
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(nothing_steers_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
