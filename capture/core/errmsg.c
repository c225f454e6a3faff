/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/errmsg.h"

#include <stdio.h>
#include <string.h>

/* One message is one line, whatever came in through a file name or a device's own text. */
static void flatten(char *s)
{
	for (; *s; s++) {
		if (*s == '\n' || *s == '\r' || *s == '\t')
			*s = ' ';
	}
}

int errmsg_set(struct errmsg *em, int err, const char *fmt, ...)
{
	va_list ap;

	if (!em)
		return err;
	va_start(ap, fmt);
	vsnprintf(em->text, sizeof(em->text), fmt, ap);
	va_end(ap);
	flatten(em->text);
	return err;
}

int errmsg_prefix(struct errmsg *em, int err, const char *fmt, ...)
{
	char old[ERRMSG_MAX];
	va_list ap;
	int n;

	if (!em)
		return err;
	if (em->text[0])
		memcpy(old, em->text, sizeof(old));
	else
		snprintf(old, sizeof(old), "%s", strerrordesc_np(-err) ?: "unknown error");
	va_start(ap, fmt);
	n = vsnprintf(em->text, sizeof(em->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(em->text))
		snprintf(em->text + n, sizeof(em->text) - (size_t)n, ": %s", old);
	flatten(em->text);
	return err;
}
