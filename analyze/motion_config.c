/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/motion_config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS         1000000000ll
#define RATE_MAX   240
#define CELLS_MAX  8160
#define FRAMES_MAX 100
#define COORD_MAX  32000

void motion_config_defaults(struct motion_config *c)
{
	*c = (struct motion_config){
		.enabled = true,
		.rate = 5,
		.sensitivity = 50,
		.min_cells = 2,
		.start_frames = 2,
		.end_ns = 3 * NS,
		.absorb_ns = 60 * NS,
		.preroll_ns = 5 * NS,
		.postroll_ns = 10 * NS,
		.tamper = true,
		.tamper_ns = 15 * NS,
		.tamper_accept_ns = 600 * NS,
	};
}

static int check_seconds(int64_t ns, int64_t max_s, const char *field, struct errmsg *em)
{
	if (ns < 0 || ns > max_s * NS)
		return errmsg_set(em, -EINVAL, "%s must be 0 to %lld seconds", field,
				  (long long)max_s);
	return 0;
}

static bool name_ok(const char *name)
{
	size_t n = strnlen(name, MOTION_ZONE_NAME_MAX);

	if (!n || n == MOTION_ZONE_NAME_MAX || name[0] == '-')
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < 0x80 && !isalnum((unsigned char)*name) &&
		    !strchr("_-.", *name))
			return false;
	return true;
}

static int check_zone(const struct motion_config *c, unsigned i, struct errmsg *em)
{
	const struct motion_zone *z = &c->zone[i];

	if (!name_ok(z->name))
		return errmsg_set(em, -EINVAL,
				  "zone %u: a name is 1 to %d letters, digits, '_', '-' or '.'",
				  i + 1, MOTION_ZONE_NAME_MAX - 1);
	for (unsigned k = 0; k < i; k++)
		if (!strcmp(z->name, c->zone[k].name))
			return errmsg_set(em, -EINVAL, "zone '%s' is there twice", z->name);
	if (z->sensitivity > 100)
		return errmsg_set(em, -EINVAL, "zone '%s': sensitivity must be 1 to 100", z->name);
	if (z->npoints < 3 || z->npoints > MOTION_ZONE_POINTS)
		return errmsg_set(em, -EINVAL, "zone '%s': a polygon has 3 to %d points", z->name,
				  MOTION_ZONE_POINTS);
	for (unsigned k = 0; k < z->npoints; k++)
		if (abs(z->point[k].x) > COORD_MAX || abs(z->point[k].y) > COORD_MAX)
			return errmsg_set(em, -EINVAL,
					  "zone '%s': a coordinate must be -%d to %d pixels",
					  z->name, COORD_MAX, COORD_MAX);
	return 0;
}

int motion_config_check(const struct motion_config *c, struct errmsg *em)
{
	int err;

	if (!isfinite(c->rate) || c->rate < 0 || c->rate > RATE_MAX)
		return errmsg_set(em, -EINVAL, "rate must be 0 (every frame) to %d frames a second",
				  RATE_MAX);
	if (c->sensitivity < 1 || c->sensitivity > 100)
		return errmsg_set(em, -EINVAL, "sensitivity must be 1 to 100");
	if (c->min_cells < 1 || c->min_cells > CELLS_MAX)
		return errmsg_set(em, -EINVAL, "min_cells must be 1 to %d", CELLS_MAX);
	if (c->start_frames < 1 || c->start_frames > FRAMES_MAX)
		return errmsg_set(em, -EINVAL, "start_frames must be 1 to %d", FRAMES_MAX);
	err = check_seconds(c->end_ns, 3600, "end_seconds", em);
	if (!err)
		err = check_seconds(c->absorb_ns, 86400, "absorb_seconds", em);
	if (!err)
		err = check_seconds(c->preroll_ns, 600, "preroll_seconds", em);
	if (!err)
		err = check_seconds(c->postroll_ns, 3600, "postroll_seconds", em);
	if (!err)
		err = check_seconds(c->tamper_ns, 3600, "tamper_seconds", em);
	if (!err)
		err = check_seconds(c->tamper_accept_ns, 7 * 86400, "tamper_accept_seconds", em);
	if (err)
		return err;
	if (c->absorb_ns && c->absorb_ns < NS)
		return errmsg_set(em, -EINVAL, "absorb_seconds must be 0 (never) or at least 1");
	if (c->tamper_ns < NS)
		return errmsg_set(em, -EINVAL, "tamper_seconds must be at least 1");
	if (c->nzones > MOTION_ZONES_MAX)
		return errmsg_set(em, -EINVAL, "at most %d zones", MOTION_ZONES_MAX);
	for (unsigned i = 0; i < c->nzones && !err; i++)
		err = check_zone(c, i, em);
	return err;
}

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static int form_error(struct errmsg *em, const char *at)
{
	return errmsg_set(
		em, -EINVAL,
		"zones: cannot read '%.24s': write NAME: X,Y X,Y X,Y; ... with ! before the name "
		"for a mask, - for off, @N behind it for a sensitivity",
		at);
}

static int parse_int(const char **p, long limit, long *out)
{
	char *end;
	long v;

	if (!isdigit((unsigned char)**p) && **p != '-')
		return -EINVAL;
	errno = 0;
	v = strtol(*p, &end, 10);
	if (end == *p || errno || v > limit || v < -limit)
		return -EINVAL;
	*p = end;
	*out = v;
	return 0;
}

/* "name@N:" with its signs; *p behind the colon. */
static int parse_head(const char **p, struct motion_zone *z, struct errmsg *em)
{
	const char *start = *p, *q = start;
	size_t n;
	long v;

	z->enabled = true;
	for (; *q == '!' || *q == '-'; q++)
		if (*q == '!')
			z->mask = true;
		else
			z->enabled = false;
	n = strcspn(q, ":@; \t\n");
	if (!n || n >= sizeof(z->name))
		return form_error(em, start);
	memcpy(z->name, q, n);
	q = skip_space(q + n);
	if (*q == '@') {
		q++;
		if (parse_int(&q, 100, &v) || v < 1)
			return errmsg_set(em, -EINVAL, "zone '%s': sensitivity must be 1 to 100",
					  z->name);
		z->sensitivity = (uint8_t)v;
		q = skip_space(q);
	}
	if (*q != ':')
		return form_error(em, start);
	*p = q + 1;
	return 0;
}

static int parse_points(const char **p, struct motion_zone *z, struct errmsg *em)
{
	const char *q = skip_space(*p);
	long x, y;

	while (*q && *q != ';') {
		const char *at = q;

		if (z->npoints == MOTION_ZONE_POINTS)
			return errmsg_set(em, -EINVAL, "zone '%s': a polygon has 3 to %d points",
					  z->name, MOTION_ZONE_POINTS);
		if (parse_int(&q, COORD_MAX, &x) || *q++ != ',' || parse_int(&q, COORD_MAX, &y) ||
		    (*q && *q != ';' && !isspace((unsigned char)*q)))
			return form_error(em, at);
		z->point[z->npoints++] = (struct motion_point){(int16_t)x, (int16_t)y};
		q = skip_space(q);
	}
	*p = q;
	return 0;
}

int motion_zones_parse(const char *text, struct motion_config *c, struct errmsg *em)
{
	struct motion_config *next = malloc(sizeof(*next));
	const char *p = skip_space(text);
	int err = 0;

	if (!next)
		return -ENOMEM;
	motion_config_defaults(next);
	while (*p && !err) {
		struct motion_zone *z = &next->zone[next->nzones];

		if (next->nzones == MOTION_ZONES_MAX) {
			err = errmsg_set(em, -EINVAL, "at most %d zones", MOTION_ZONES_MAX);
			break;
		}
		*z = (struct motion_zone){0};
		err = parse_head(&p, z, em);
		if (!err)
			err = parse_points(&p, z, em);
		next->nzones++;
		if (!err)
			err = check_zone(next, next->nzones - 1, em);
		if (*p == ';')
			p++;
		p = skip_space(p);
	}
	if (!err) {
		c->nzones = next->nzones;
		memcpy(c->zone, next->zone, sizeof(c->zone));
	}
	free(next);
	return err;
}

/* snprintf at a growing length that may run past the end. */
static PRINTF_LIKE(4, 5) void add(char *out, size_t size, int *len, const char *fmt, ...)
{
	size_t at = (size_t)*len < size ? (size_t)*len : size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at < size ? out + at : NULL, size - at, fmt, ap);
	va_end(ap);
	if (n > 0)
		*len += n;
}

int motion_zones_format(const struct motion_config *c, char *out, size_t size)
{
	int len = 0;

	if (size)
		out[0] = '\0';
	for (unsigned i = 0; i < c->nzones; i++) {
		const struct motion_zone *z = &c->zone[i];

		add(out, size, &len, "%s%s%s%s", i ? "; " : "", z->enabled ? "" : "-",
		    z->mask ? "!" : "", z->name);
		if (z->sensitivity)
			add(out, size, &len, "@%u", z->sensitivity);
		add(out, size, &len, ":");
		for (unsigned k = 0; k < z->npoints; k++)
			add(out, size, &len, " %d,%d", z->point[k].x, z->point[k].y);
	}
	return len;
}
