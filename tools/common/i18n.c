/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/common/i18n.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/mo.h"

#define LANGUAGE_MAX 16

/* The process's catalogue: like a locale it belongs to the process, and like setlocale it is set
 * once in main before there are threads; read-only afterwards. */
static struct {
	struct mo *mo;
	char language[LANGUAGE_MAX];
} process = {.language = "en"};

static bool is_c(const char *locale)
{
	return !strcmp(locale, "C") || !strcmp(locale, "POSIX");
}

void i18n_wanted(char *out, size_t size, const char *lc_all, const char *lc_messages,
		 const char *lang, const char *language)
{
	const char *locale = lc_all && *lc_all             ? lc_all
			     : lc_messages && *lc_messages ? lc_messages
			     : lang && *lang               ? lang
							   : "";

	if (is_c(locale))
		snprintf(out, size, "%s", "");
	else if (language && *language)
		snprintf(out, size, "%s:%s", language, locale);
	else
		snprintf(out, size, "%s", locale);
}

/* "vi_VN.UTF-8" -> "vi"; false when it is no language's name (it becomes part of a path). */
static bool language_of(char out[static LANGUAGE_MAX], const char *locale, size_t length)
{
	size_t n = 0;

	while (n < length && ((locale[n] >= 'a' && locale[n] <= 'z')))
		n++;
	if (n < 2 || n > 3 || (n < length && !strchr("_.@-", locale[n])))
		return false;
	memcpy(out, locale, n);
	out[n] = '\0';
	return true;
}

/* In the build folder the catalogues lie beside the program, installed in ../share/locale. */
static int load(const char *language)
{
	static const char *const places[] = {"locale", "../share/locale"};
	char exe[PATH_MAX - 128], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int err = -ENOENT;

	if (n <= 0)
		return -ENOENT;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places) && err; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s/LC_MESSAGES/matlang.mo", exe, places[i],
			 language);
		err = mo_open(&process.mo, path);
	}
	return err;
}

static int use(const char *language)
{
	int err = 0;

	if (strcmp(language, "en") != 0)
		err = load(language);
	if (!err)
		snprintf(process.language, sizeof(process.language), "%s", language);
	return err;
}

/* Only the character type: numbers and dates keep their one machine-readable form. */
static void use_utf8(void)
{
	if (setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8"))
		return;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "C");
}

int i18n_init(const char *language)
{
	char wanted[256], name[LANGUAGE_MAX];

	use_utf8();
	if (language) {
		if (!language_of(name, language, strlen(language)))
			return -EINVAL;
		return use(name);
	}
	i18n_wanted(wanted, sizeof(wanted), getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"),
		    getenv("LANGUAGE"));
	for (const char *at = wanted; *at;) {
		size_t length = strcspn(at, ":");

		if (language_of(name, at, length) && use(name) == 0)
			return 0;
		at += length + (at[length] == ':');
	}
	return 0;
}

const char *i18n_language(void)
{
	return process.language;
}

const char *i18n_text(const char *msgid)
{
	const char *text = process.mo ? mo_find(process.mo, msgid) : NULL;

	return text ? text : msgid;
}
