/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tools/common/i18n.h"
#include "tools/common/mo.h"

static const char *const texts[][2] = {
	{"", "Content-Type: text/plain; charset=UTF-8\n"},
	{"CAMERA", "MÁY QUAY"},
	{"FROM", "TỪ"},
	{"untranslated", ""},
};
#define NTEXTS ARRAY_SIZE(texts)

static void put(uint8_t *at, uint32_t v, bool big)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (big ? 24 - 8 * i : 8 * i));
}

static size_t build(uint8_t *out, bool big)
{
	size_t tables = 20, strings = tables + 2 * 8 * NTEXTS, at = strings;

	put(out, 0x950412de, big);
	put(out + 4, 0, big);
	put(out + 8, NTEXTS, big);
	put(out + 12, (uint32_t)tables, big);
	put(out + 16, (uint32_t)(tables + 8 * NTEXTS), big);
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < NTEXTS; i++) {
			size_t n = strlen(texts[i][side]);

			put(out + tables + 8 * (side * NTEXTS + i), (uint32_t)n, big);
			put(out + tables + 8 * (side * NTEXTS + i) + 4, (uint32_t)at, big);
			memcpy(out + at, texts[i][side], n + 1);
			at += n + 1;
		}
	return at;
}

static int open_bytes(struct mo **m, const uint8_t *data, size_t size)
{
	char path[] = "/tmp/matlang-mo-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	err = mo_open(m, path);
	unlink(path);
	return err;
}

static void finds_translations(void **state)
{
	for (unsigned big = 0; big < 2; big++) {
		uint8_t data[1024];
		size_t size = build(data, big);
		struct mo *m;

		assert_int_equal(open_bytes(&m, data, size), 0);
		assert_string_equal(mo_find(m, "CAMERA"), "MÁY QUAY");
		assert_string_equal(mo_find(m, "FROM"), "TỪ");
		assert_null(mo_find(m, "untranslated"));
		assert_null(mo_find(m, "ABSENT"));
		assert_null(mo_find(m, "zzz"));
		mo_close(m);
	}
}

/* A file cut anywhere is refused, and one with any byte changed is refused or answers from inside
 * itself (ASan sees a step outside). */
static void refuses_damage(void **state)
{
	uint8_t data[1024];
	size_t size = build(data, false);
	struct mo *m;

	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(open_bytes(&m, data, cut), -EBADMSG);
	for (size_t i = 0; i < size; i++) {
		uint8_t old = data[i];

		data[i] ^= 0xff;
		if (open_bytes(&m, data, size) == 0) {
			const char *text = mo_find(m, "CAMERA");

			assert_true(!text || strlen(text) < size);
			mo_close(m);
		} else {
			m = NULL;
		}
		data[i] = old;
	}
	assert_int_equal(mo_open(&m, "/nonexistent/file.mo"), -ENOENT);
	mo_close(NULL);
}

static void chooses_languages(void **state)
{
	static const struct {
		const char *all, *messages, *lang, *language, *wanted;
	} rows[] = {
		{NULL, NULL, NULL, NULL, ""},
		{NULL, NULL, "vi_VN.UTF-8", NULL, "vi_VN.UTF-8"},
		{NULL, "vi_VN", "en_US.UTF-8", NULL, "vi_VN"},
		{"en_US", "vi_VN", "vi_VN", NULL, "en_US"},
		{"", "", "vi_VN", NULL, "vi_VN"},
		{"C", NULL, "vi_VN", "vi", ""},
		{NULL, NULL, "POSIX", "vi", ""},
		{NULL, NULL, "en_US.UTF-8", "vi:en", "vi:en:en_US.UTF-8"},
		{NULL, NULL, NULL, "vi", "vi:"},
		{NULL, NULL, "C.UTF-8", "vi", "vi:C.UTF-8"},
	};
	char wanted[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		i18n_wanted(wanted, sizeof(wanted), rows[i].all, rows[i].messages, rows[i].lang,
			    rows[i].language);
		assert_string_equal(wanted, rows[i].wanted);
	}
}

static void refuses_names_that_are_no_language(void **state)
{
	assert_int_equal(i18n_init("../../etc"), -EINVAL);
	assert_int_equal(i18n_init("v"), -EINVAL);
	assert_int_equal(i18n_init("vi/.."), -EINVAL);
	assert_int_equal(i18n_init("xx"), -ENOENT);
	assert_int_equal(i18n_init("en"), 0);
	assert_string_equal(i18n_text("CAMERA"), "CAMERA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_translations),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(chooses_languages),
		cmocka_unit_test(refuses_names_that_are_no_language),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
