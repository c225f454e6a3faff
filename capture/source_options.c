/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/source.h"

/* A '?' begins options only when "word=" follows: file names and patterns may hold one too. */
static bool begins_options(const char *p)
{
	const char *c = p;

	while (islower((unsigned char)*c) || *c == '_')
		c++;
	return c > p && *c == '=';
}

int source_options_split(const char *rest, struct source_options *out, struct errmsg *em)
{
	struct source_options o = {0};
	const char *mark = strrchr(rest, '?');
	size_t path_len;

	if (strlen(rest) >= SOURCE_URI_MAX)
		return errmsg_set(em, -EINVAL, "source is longer than %d characters",
				  SOURCE_URI_MAX - 1);
	if (mark && !begins_options(mark + 1))
		mark = NULL;
	path_len = mark ? (size_t)(mark - rest) : strlen(rest);
	memcpy(o.path, rest, path_len);
	if (mark)
		memcpy(o.text, mark + 1, strlen(mark + 1));
	*out = o;
	return 0;
}

/* One "key=value" of the text; the value is NULL when there is no '='. */
struct item {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool next_item(const char **pos, struct item *it)
{
	const char *end, *eq;

	if (!**pos)
		return false;
	end = strchrnul(*pos, '&');
	eq = memchr(*pos, '=', (size_t)(end - *pos));
	it->key = *pos;
	it->key_len = (size_t)((eq ? eq : end) - *pos);
	it->value = eq ? eq + 1 : NULL;
	it->value_len = eq ? (size_t)(end - eq - 1) : 0;
	*pos = *end ? end + 1 : end;
	return true;
}

static bool key_is(const struct item *it, const char *key)
{
	return strlen(key) == it->key_len && !memcmp(key, it->key, it->key_len);
}

static bool find(const struct source_options *o, const char *key, struct item *it)
{
	const char *pos = o->text;

	while (next_item(&pos, it)) {
		if (it->value && key_is(it, key))
			return true;
	}
	return false;
}

int source_options_check(const struct source_options *o, const char *const known[],
			 struct errmsg *em)
{
	const char *pos = o->text;
	uint64_t seen = 0;
	struct item it;

	while (next_item(&pos, &it)) {
		char list[256] = "";
		unsigned k = 0;

		while (known[k] && !key_is(&it, known[k]))
			k++;
		if (known[k] && it.value && !(seen & (UINT64_C(1) << (k & 63)))) {
			seen |= UINT64_C(1) << (k & 63);
			continue;
		}
		if (known[k])
			return errmsg_set(em, -EINVAL, "option %s %s", known[k],
					  it.value ? "is given twice" : "has no value");
		for (k = 0; known[k]; k++) {
			size_t n = strlen(list);

			if (n + strlen(known[k]) + 3 > sizeof(list))
				break;
			stpcpy(stpcpy(list + n, n ? ", " : ""), known[k]);
		}
		return errmsg_set(em, -EINVAL, "unknown option \"%.*s\"; known: %s",
				  (int)(it.key_len < 40 ? it.key_len : 40), it.key, list);
	}
	return 0;
}

int source_option_text(const struct source_options *o, const char *key, char *out, size_t size,
		       struct errmsg *em)
{
	struct item it;

	if (!find(o, key, &it))
		return 0;
	if (it.value_len >= size)
		return errmsg_set(em, -EINVAL, "option %s is longer than %zu characters", key,
				  size - 1);
	memcpy(out, it.value, it.value_len);
	out[it.value_len] = '\0';
	return 1;
}

int source_option_int(const struct source_options *o, const char *key, int64_t min, int64_t max,
		      int64_t *out, struct errmsg *em)
{
	char text[24] = "", *end;
	struct item it;
	long long v = 0;

	if (!find(o, key, &it))
		return 0;
	errno = 0;
	if (it.value_len && it.value_len < sizeof(text)) {
		memcpy(text, it.value, it.value_len);
		v = strtoll(text, &end, 10);
	}
	/* strtoll alone would take leading blanks and a plus sign. */
	if (!(isdigit((unsigned char)text[0]) || text[0] == '-') || *end || errno || v < min ||
	    v > max)
		return errmsg_set(em, -EINVAL,
				  "option %s=%.*s: not a whole number from %" PRId64 " to %" PRId64,
				  key, (int)(it.value_len < 40 ? it.value_len : 40), it.value, min,
				  max);
	*out = v;
	return 1;
}

/* "12", "12.5", "-0.25". Own code, because strtod's decimal point depends on the locale. */
static bool parse_decimal(const char *p, const char *end, double *out)
{
	bool negative = p < end && *p == '-';
	double v = 0, unit = 1;
	int digits = 0;

	for (p += negative; p < end && isdigit((unsigned char)*p); p++, digits++)
		v = v * 10 + (*p - '0');
	if (digits && p < end && *p == '.') {
		const char *fraction = ++p;

		for (; p < end && isdigit((unsigned char)*p); p++) {
			v = v * 10 + (*p - '0');
			unit *= 10;
		}
		if (p == fraction)
			return false;
	}
	*out = (negative ? -v : v) / unit;
	return digits && p == end;
}

int source_option_double(const struct source_options *o, const char *key, double min, double max,
			 double *out, struct errmsg *em)
{
	struct item it;
	double v;

	if (!find(o, key, &it))
		return 0;
	if (it.value_len > 30 || !parse_decimal(it.value, it.value + it.value_len, &v) || v < min ||
	    v > max)
		return errmsg_set(em, -EINVAL, "option %s=%.*s: not a number from %g to %g", key,
				  (int)(it.value_len < 40 ? it.value_len : 40), it.value, min, max);
	*out = v;
	return 1;
}
