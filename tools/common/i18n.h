/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people in their language.
 *
 * The catalogues are gettext's (tools/po/), the look-up is our own: libintl translates nothing
 * while the process is in the locale "C" (from glibc 2.39 on also in "C.UTF-8"), and an appliance
 * has no Vietnamese locale generated. So the language is chosen by the usual variables whether or
 * not a locale of that name exists here.
 *
 * Threads: i18n_init once in main, before any other thread; i18n_text from any thread after it.
 */
#ifndef COMMON_I18N_H
#define COMMON_I18N_H

#include <stddef.h>

#include "capture/core/compiler.h"

/*
 * Puts the process into a UTF-8 character type and loads the catalogue of `language`; NULL: what
 * LC_ALL, LC_MESSAGES, LANG and LANGUAGE say. 0; -ENOENT: no catalogue of that language, English
 * is used (never for NULL); -EINVAL: not a language's name.
 */
int i18n_init(const char *language) MUST_CHECK;
/* The language in use: "en", "vi". */
const char *i18n_language(void);

/* The translation of `msgid`, or `msgid` itself. */
const char *i18n_text(const char *msgid) __attribute__((format_arg(1)));

/* Which languages to try, best first, from the values of the variables (NULL: not set), as a
 * colon-separated list; "" for English. Separate so that it can be tested. */
void i18n_wanted(char *out, size_t size, const char *lc_all, const char *lc_messages,
		 const char *lang, const char *language);

#define _(msgid)  i18n_text(msgid)
#define N_(msgid) msgid

#endif
