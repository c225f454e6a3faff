/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/attr_value.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int attr_value_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"1", "on", "yes", "true"};
	static const char *const no[] = {"0", "off", "no", "false"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(text, yes[i])) {
			*out = true;
			return 0;
		}
		if (!strcasecmp(text, no[i])) {
			*out = false;
			return 0;
		}
	}
	return -EINVAL;
}

int attr_value_int(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;
	long long v;

	if (!isdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*out = v;
	return 0;
}

int attr_value_double(const char *text, double *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	double v;
	char *end;

	/* Neither hexadecimal nor "inf": digits, one point, an exponent at most. */
	if (!isdigit((unsigned char)*digits) || digits[strspn(digits, "0123456789.eE+-")])
		return -EINVAL;
	v = strtod(text, &end);
	if (*end || !isfinite(v))
		return -EINVAL;
	*out = v;
	return 0;
}

void attr_value_format(double v, char *out, size_t size)
{
	snprintf(out, size, "%.12g", v);
}

/* Bytes of the well-formed UTF-8 sequence at `p`, 0 if there is none (RFC 3629: no overlong forms,
 * no surrogates). */
static size_t utf8_length(const unsigned char *p)
{
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool attr_value_is_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t n = utf8_length(p);

		/* C0 and DEL, and C1 (U+0080..U+009F), which terminals obey too. */
		if (!n || *p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
			return false;
		p += n;
	}
	return true;
}

const char *attr_value_quote(const char *text, char out[static ATTR_VALUE_QUOTED])
{
	const size_t room = ATTR_VALUE_QUOTED - 6; /* quotes, "...", NUL */
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;

	out[n++] = '"';
	while (*p) {
		size_t len = utf8_length(p);

		if (n + (len ? len : 1) > room)
			break;
		if (!len || *p < 0x20 || *p == 0x7f) {
			out[n++] = '?';
			p++;
			continue;
		}
		memcpy(out + n, p, len);
		n += len;
		p += len;
	}
	memcpy(out + n, *p ? "\"..." : "\"", *p ? 5 : 2);
	return out;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

#define DISTANCE_LEN 128

unsigned attr_value_distance(const char *a, const char *b, unsigned cap)
{
	unsigned rows[3][DISTANCE_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_LEN || lb > DISTANCE_LEN || (la > lb ? la - lb : lb - la) > cap)
		return cap;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);

			row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == cb && up2[j - 2] + 1 < row[j])
				row[j] = up2[j - 2] + 1;
		}
	}
	return rows[la % 3][lb] < cap ? rows[la % 3][lb] : cap;
}
