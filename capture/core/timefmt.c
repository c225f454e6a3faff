/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/timefmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"

/* Floor division, so that times before 1970 keep a fraction in 0..999999999. */
static void split(int64_t ns, time_t *sec, long *frac)
{
	int64_t s = ns / NSEC_PER_SEC, f = ns % NSEC_PER_SEC;

	if (f < 0) {
		f += NSEC_PER_SEC;
		s--;
	}
	*sec = (time_t)s;
	*frac = (long)f;
}

void timefmt_rfc3339(char out[static TIMEFMT_MAX], int64_t utc_ns, unsigned digits)
{
	char date[20], fraction[12] = "";
	struct tm tm;
	time_t sec;
	long frac;
	long off;
	size_t n;

	split(utc_ns, &sec, &frac);
	localtime_r(&sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits > 9)
		digits = 9;
	if (digits) {
		snprintf(fraction, sizeof(fraction), ".%09ld", frac);
		fraction[1 + digits] = '\0';
	}
	off = tm.tm_gmtoff / 60;
	n = (size_t)snprintf(out, TIMEFMT_MAX, "%s%s", date, fraction);
	snprintf(out + n, TIMEFMT_MAX - n, "%c%02u:%02u", off < 0 ? '-' : '+',
		 (unsigned)(labs(off) / 60) % 100, (unsigned)(labs(off) % 60));
}

void timefmt_filename(char out[static TIMEFMT_MAX], int64_t utc_ns)
{
	struct tm tm;
	time_t sec;
	long frac;

	split(utc_ns, &sec, &frac);
	localtime_r(&sec, &tm);
	strftime(out, TIMEFMT_MAX, "%Y%m%dT%H%M%S%z", &tm);
}

static const char *digits2(const char *p, int min, int max, int *out)
{
	int v;

	if (!p || !isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return NULL;
	v = (p[0] - '0') * 10 + (p[1] - '0');
	if (v < min || v > max)
		return NULL;
	*out = v;
	return p + 2;
}

static const char *literal(const char *p, char c)
{
	return p && *p == c ? p + 1 : NULL;
}

/* ":SS" and ".fraction", both optional. */
static const char *parse_seconds(const char *p, struct tm *tm, long *frac)
{
	long scale = NSEC_PER_SEC / 10;

	*frac = 0;
	if (!p || *p != ':')
		return p;
	p = digits2(p + 1, 0, 60, &tm->tm_sec);
	if (!p || (*p != '.' && *p != ','))
		return p;
	if (!isdigit((unsigned char)*++p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		*frac += (*p - '0') * scale;
		scale /= 10;
	}
	return p;
}

static const char *parse_date(const char *p, struct tm *tm)
{
	int century, year;

	p = digits2(p, 0, 99, &century);
	p = digits2(p, 0, 99, &year);
	p = literal(p, '-');
	p = digits2(p, 1, 12, &tm->tm_mon);
	p = literal(p, '-');
	p = digits2(p, 1, 31, &tm->tm_mday);
	if (!p)
		return NULL;
	tm->tm_year = century * 100 + year - 1900;
	tm->tm_mon -= 1;
	return p;
}

/* "Z" or "+07:00"; 1 found, 0 none, -1 malformed. */
static int parse_offset(const char **p, long *out_sec)
{
	int h, m, sign;
	const char *q = *p;

	if (*q == 'Z' || *q == 'z') {
		*out_sec = 0;
		*p = q + 1;
		return 1;
	}
	if (*q != '+' && *q != '-')
		return 0;
	sign = *q == '-' ? -1 : 1;
	q = digits2(q + 1, 0, 23, &h);
	if (q && *q == ':')
		q++;
	q = digits2(q, 0, 59, &m);
	if (!q)
		return -1;
	*out_sec = sign * (h * 3600L + m * 60L);
	*p = q;
	return 1;
}

/* mktime and timegm quietly take the 31st of June for the 1st of July; we do not. */
static int to_utc(struct tm *tm, bool has_offset, long offset, long frac, int64_t *out)
{
	struct tm given = *tm;
	time_t t;

	tm->tm_isdst = -1;
	t = has_offset ? timegm(tm) : mktime(tm);
	if (tm->tm_mday != given.tm_mday || tm->tm_mon != given.tm_mon)
		return -EINVAL;
	/* Nanoseconds reach from 1677 to 2262; the offset is less than a day. */
	if (t < INT64_MIN / NSEC_PER_SEC + 86400 || t > INT64_MAX / NSEC_PER_SEC - 86400)
		return -EINVAL;
	*out = ((int64_t)t - (has_offset ? offset : 0)) * NSEC_PER_SEC + frac;
	return 0;
}

static int parse_absolute(const char *text, int64_t now, int64_t *out)
{
	struct tm tm = {0};
	long frac = 0, offset = 0;
	int has_offset = 0;
	const char *p = parse_date(text, &tm);

	if (p && (*p == 'T' || *p == 't' || *p == ' ')) {
		p = digits2(p + 1, 0, 23, &tm.tm_hour);
		p = literal(p, ':');
		p = digits2(p, 0, 59, &tm.tm_min);
		p = parse_seconds(p, &tm, &frac);
		if (p)
			has_offset = parse_offset(&p, &offset);
	} else if (!p) {
		time_t sec = (time_t)(now / NSEC_PER_SEC);

		localtime_r(&sec, &tm);
		tm.tm_sec = 0;
		p = digits2(text, 0, 23, &tm.tm_hour);
		p = literal(p, ':');
		p = digits2(p, 0, 59, &tm.tm_min);
		p = parse_seconds(p, &tm, &frac);
	}
	if (!p || *p || has_offset < 0)
		return -EINVAL;
	return to_utc(&tm, has_offset, offset, frac, out);
}

int timefmt_parse(const char *text, int64_t now_utc_ns, int64_t *out_utc_ns, struct errmsg *em)
{
	int64_t value;

	while (isspace((unsigned char)*text))
		text++;
	if (!strcmp(text, "now")) {
		*out_utc_ns = now_utc_ns;
		return 0;
	}
	if (*text == '-') {
		if (!timefmt_parse_duration(text + 1, &value, NULL)) {
			*out_utc_ns = now_utc_ns - value;
			return 0;
		}
	} else if (!parse_absolute(text, now_utc_ns, &value)) {
		*out_utc_ns = value;
		return 0;
	}
	return errmsg_set(em, -EINVAL,
			  "\"%s\" is no time: write 2026-11-22T06:30:00+07:00, 2026-11-22 06:30, "
			  "06:30 (today), -10m, -36h, -7d or now",
			  text);
}

int timefmt_parse_duration(const char *text, int64_t *out_ns, struct errmsg *em)
{
	int64_t unit = NSEC_PER_SEC, limit;
	double v;
	char *end;

	if (!isdigit((unsigned char)*text))
		goto bad;
	v = strtod(text, &end);
	switch (*end) {
	case '\0': break;
	case 's': end++; break;
	case 'm': unit = 60 * NSEC_PER_SEC, end++; break;
	case 'h': unit = 3600 * NSEC_PER_SEC, end++; break;
	case 'd': unit = 86400 * NSEC_PER_SEC, end++; break;
	default: goto bad;
	}
	limit = INT64_MAX / 2 / unit;
	if (*end || !(v >= 0 && v < (double)limit))
		goto bad;
	*out_ns = (int64_t)(v * (double)unit);
	return 0;
bad:
	return errmsg_set(em, -EINVAL, "\"%s\" is no length of time: write 90s, 10m, 2h or 7d",
			  text);
}
