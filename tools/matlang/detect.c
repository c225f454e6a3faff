/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/detect.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/monotime.h"
#include "tools/matlang/control.h"
#include "tools/matlang/detect_draw.h"
#include "tools/matlang/footage.h"

enum kind { KIND_BOOL, KIND_U8, KIND_U32, KIND_REAL, KIND_SECONDS, KIND_ZONES };

/* The settings by the names they have as control files under cameras/NAME/. */
static const struct setting {
	const char *name;
	enum kind kind;
	size_t at;
	double min, max;
} settings[] = {
	{"motion/enabled", KIND_BOOL, offsetof(struct motion_config, enabled), 0, 1},
	{"motion/rate", KIND_REAL, offsetof(struct motion_config, rate), 0, 240},
	{"motion/sensitivity", KIND_U8, offsetof(struct motion_config, sensitivity), 1, 100},
	{"motion/min_cells", KIND_U32, offsetof(struct motion_config, min_cells), 1, 65535},
	{"motion/start_frames", KIND_U32, offsetof(struct motion_config, start_frames), 1, 1000},
	{"motion/end_seconds", KIND_SECONDS, offsetof(struct motion_config, end_ns), 0, 3600},
	{"motion/absorb_seconds", KIND_SECONDS, offsetof(struct motion_config, absorb_ns), 0,
	 86400},
	{"motion/preroll_seconds", KIND_SECONDS, offsetof(struct motion_config, preroll_ns), 0,
	 3600},
	{"motion/postroll_seconds", KIND_SECONDS, offsetof(struct motion_config, postroll_ns), 0,
	 3600},
	{"motion/zones", KIND_ZONES, 0, 0, 0},
};

static const struct setting *find_setting(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (strlen(settings[i].name) == length && !strncmp(settings[i].name, name, length))
			return &settings[i];
	return NULL;
}

static int unknown(const char *assignment, struct errmsg *em)
{
	char names[384] = "";

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
		strncat(names, settings[i].name, sizeof(names) - strlen(names) - 1);
	}
	return errmsg_set(em, -ENOENT, "'%s' sets nothing; what can be set: %s", assignment, names);
}

static int store(struct motion_config *config, const struct setting *s, const char *text,
		 struct errmsg *em)
{
	void *field = (char *)config + s->at;
	double value;
	char *end;

	if (s->kind == KIND_ZONES)
		return motion_zones_parse(text, config, em);
	value = strtod(text, &end);
	if (end == text || *end || !isfinite(value) || value < s->min || value > s->max ||
	    (s->kind <= KIND_U32 && value != floor(value)))
		return errmsg_set(em, -EINVAL, "%s wants a %s from %g to %g, not '%s'", s->name,
				  s->kind <= KIND_U32 ? "whole number" : "number", s->min, s->max,
				  text);
	switch (s->kind) {
	case KIND_BOOL: *(bool *)field = value != 0; break;
	case KIND_U8: *(uint8_t *)field = (uint8_t)value; break;
	case KIND_U32: *(uint32_t *)field = (uint32_t)value; break;
	case KIND_REAL: *(double *)field = value; break;
	case KIND_SECONDS: *(int64_t *)field = (int64_t)(value * (double)NSEC_PER_SEC); break;
	case KIND_ZONES: break;
	}
	return 0;
}

int detect_set(struct motion_config *config, const char *assignment, struct errmsg *em)
{
	size_t length = strcspn(assignment, "=");
	const struct setting *s = find_setting(assignment, length);
	struct motion_config changed = *config;
	int err;

	if (!assignment[length])
		return errmsg_set(em, -EINVAL, "--set wants motion/NAME=VALUE, not '%s'",
				  assignment);
	if (!s)
		return unknown(assignment, em);
	err = store(&changed, s, assignment + length + 1, em);
	if (!err)
		err = motion_config_check(&changed, em);
	if (!err)
		*config = changed;
	return err;
}

const char *detect_setting(const struct motion_config *config, unsigned index,
			   char out[static DETECT_SETTING_MAX])
{
	const struct setting *s = &settings[index];
	const void *field;

	if (index >= ARRAY_SIZE(settings))
		return NULL;
	field = (const char *)config + s->at;
	switch (s->kind) {
	case KIND_BOOL: snprintf(out, DETECT_SETTING_MAX, "%d", *(const bool *)field); break;
	case KIND_U8: snprintf(out, DETECT_SETTING_MAX, "%u", *(const uint8_t *)field); break;
	case KIND_U32: snprintf(out, DETECT_SETTING_MAX, "%u", *(const uint32_t *)field); break;
	case KIND_REAL: snprintf(out, DETECT_SETTING_MAX, "%g", *(const double *)field); break;
	case KIND_SECONDS:
		snprintf(out, DETECT_SETTING_MAX, "%g",
			 (double)*(const int64_t *)field / (double)NSEC_PER_SEC);
		break;
	case KIND_ZONES: motion_zones_format(config, out, DETECT_SETTING_MAX); break;
	}
	return s->name;
}

int detect_set_from_box(struct motion_config *config, const struct control *box, const char *camera,
			struct errmsg *em)
{
	char path[PATH_MAX], value[CONTROL_VALUE_MAX], text[CONTROL_VALUE_MAX + 64];
	struct motion_config all = *config;
	int taken = 0, err;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "cameras/%s/%s", camera, settings[i].name);
		/* A box of another version may lack one: it works as by its default then. */
		if (control_read(box, path, value, sizeof(value), NULL) < 0)
			continue;
		snprintf(text, sizeof(text), "%s=%s", settings[i].name, value);
		err = detect_set(&all, text, em);
		if (err)
			return err;
		taken = 1;
	}
	*config = all;
	return taken;
}

int detect_begin(struct detect *d)
{
	struct errmsg em = {""};
	int err;

	if (d->masks && mkdir(d->masks, 0777) < 0 && errno != EEXIST)
		return cli_fail(d->c, "%s cannot be made: %s", d->masks, strerror(errno));
	if (d->flags) {
		d->flags_file = fopen(d->flags, "we");
		if (!d->flags_file)
			return cli_fail(d->c, "%s cannot be written: %s", d->flags,
					strerror(errno));
	}
	err = d->draw ? detect_draw_open(&d->drawing, d->draw, &em) : 0;
	if (err)
		return cli_fail(d->c, "%s", em.text);
	err = detector_create(&d->detector, &d->config, &em);
	return err ? cli_fail(d->c, "%s", *em.text ? em.text : strerror(-err)) : CLI_OK;
}

/* Binary PGM: one pixel a cell, 255 where it moved. */
static int write_mask(const struct detect *d, const struct detector_result *r, uint64_t number)
{
	char path[PATH_MAX];
	size_t cells = (size_t)r->cols * r->rows;
	FILE *to;
	int err = 0;

	if (snprintf(path, sizeof(path), "%s/%06llu.pgm", d->masks, (unsigned long long)number) >=
	    (int)sizeof(path))
		return cli_fail(d->c, "%s: %s", d->masks, strerror(ENAMETOOLONG));
	to = fopen(path, "we");
	if (!to)
		return cli_fail(d->c, "%s cannot be written: %s", path, strerror(errno));
	fprintf(to, "P5\n%u %u\n255\n", r->cols, r->rows);
	for (size_t i = 0; i < cells; i++)
		putc(r->bits[i / 8] >> (i % 8) & 1 ? 255 : 0, to);
	if (ferror(to))
		err = EIO;
	if (fclose(to) != 0 && !err)
		err = errno;
	return err ? cli_fail(d->c, "%s cannot be written: %s", path, strerror(err)) : CLI_OK;
}

static int show(const struct detect *d, const struct detector_result *r, uint64_t number,
		int64_t utc_ns)
{
	if (!d->c->json)
		return CLI_OK;
	return cli_json(json_pack("{s:s, s:I, s:o, s:f, s:b, s:i, s:i, s:i, s:i, s:i, s:b, s:b}",
				  "type", "frame", "frame", (json_int_t)number, "time",
				  utc_ns ? footage_json_time(utc_ns) : json_null(), "seconds",
				  (double)r->mono_ns / 1e9, "motion", (int)r->motion, "cells",
				  (int)r->moved, "largest", (int)r->largest, "level", (int)r->level,
				  "cols", (int)r->cols, "rows", (int)r->rows, "global_change",
				  (int)r->global_change, "learning", (int)r->learning)) < 0
		       ? CLI_FAILED
		       : CLI_OK;
}

bool detect_due(const struct motion_config *config, const struct frame *f, int64_t *due_ns)
{
	int64_t step;

	if (config->rate <= 0)
		return true;
	step = (int64_t)((double)NSEC_PER_SEC / config->rate);
	if (f->mono_ns + step / 8 < *due_ns)
		return false;
	*due_ns = (f->mono_ns - *due_ns > step ? f->mono_ns : *due_ns) + step;
	return true;
}

int detect_frame(struct detect *d, const struct frame *f, uint64_t number, int64_t utc_ns)
{
	struct detector_result r;
	struct errmsg em = {""};
	bool due = detect_due(&d->config, f, &d->due_ns);
	int n = detector_load(d->detector, f, due, &em), code;

	d->frames++;
	if (d->drawing && detect_draw_see(d->drawing, f, &em) < 0)
		return cli_fail(d->c, "%s", em.text);
	if (n < 0) {
		if (d->failed++ == 0)
			snprintf(d->first_error, sizeof(d->first_error), "%s",
				 *em.text ? em.text : strerror(-n));
		return CLI_OK;
	}
	if (n == 0 || !due)
		return CLI_OK;
	detector_run(d->detector, f->mono_ns, &r);
	d->analyzed++;
	d->moved += r.motion;
	d->stretches += r.motion && !d->moving;
	d->moving = r.motion;
	code = d->masks ? write_mask(d, &r, number) : CLI_OK;
	if (code == CLI_OK && d->flags_file &&
	    fprintf(d->flags_file, "%llu %d\n", (unsigned long long)number, r.motion) < 0)
		code = cli_fail(d->c, "%s cannot be written: %s", d->flags, strerror(errno));
	if (code == CLI_OK && d->drawing &&
	    detect_draw_write(d->drawing, &d->config, &r, number, utc_ns, &em) < 0)
		code = cli_fail(d->c, "%s", em.text);
	return code == CLI_OK ? show(d, &r, number, utc_ns) : code;
}

static int summary(const struct detect *d)
{
	if (d->c->json)
		return cli_json(json_pack(
			       "{s:s, s:I, s:I, s:I, s:I, s:I}", "type", "summary", "frames",
			       (json_int_t)d->frames, "analyzed", (json_int_t)d->analyzed,
			       "with_motion", (json_int_t)d->moved, "stretches",
			       (json_int_t)d->stretches, "failed", (json_int_t)d->failed)) < 0
			       ? CLI_FAILED
			       : CLI_OK;
	printf("%llu frames, %llu looked at, %llu with motion in %llu stretches\n",
	       (unsigned long long)d->frames, (unsigned long long)d->analyzed,
	       (unsigned long long)d->moved, (unsigned long long)d->stretches);
	return CLI_OK;
}

int detect_end(struct detect *d, int code)
{
	if (d->flags_file && fclose(d->flags_file) != 0 && code == CLI_OK)
		code = cli_fail(d->c, "%s cannot be written: %s", d->flags, strerror(errno));
	detect_draw_close(d->drawing);
	detector_destroy(d->detector);
	if (code == CLI_OK)
		code = summary(d);
	if (d->failed) {
		cli_warn(d->c, "%llu frames could not be looked at; the first: %s",
			 (unsigned long long)d->failed, d->first_error);
		return CLI_FAILED;
	}
	if (code == CLI_OK && d->analyzed == 0)
		return cli_fail(d->c, "there was no frame to look at");
	return code;
}
