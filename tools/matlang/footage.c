/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/footage.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/control.h"

#define DEFAULT_STORE "/var/lib/matlang/store"

void footage_store_dir(const struct cli *c, char *out, size_t size)
{
	const char *env = getenv("MATLANG_STORE");
	struct control box;
	char value[CONTROL_VALUE_MAX];

	if (c->store || (env && *env)) {
		snprintf(out, size, "%s", c->store ? c->store : env);
		return;
	}
	control_init(&box, c->control);
	if (control_read(&box, "storage/dir", value, sizeof(value), NULL) == 0 && *value)
		snprintf(out, size, "%s", value);
	else
		snprintf(out, size, "%s", DEFAULT_STORE);
}

int footage_time(const struct footage *f, const struct cli *c, const char *option, const char *text,
		 int64_t *out_ns)
{
	if (timefmt_parse(text, f->now_ns, out_ns, NULL) == 0)
		return CLI_OK;
	return cli_usage(c,
			 _("--%s: '%s' is not a time; write 2026-11-22T06:30:00+07:00, 06:30 "
			   "(today) or -10m (ago)"),
			 option, text);
}

static int parse_range(struct footage *f, const struct cli *c)
{
	f->from_ns = 0;
	f->to_ns = INT64_MAX;
	if (c->from && footage_time(f, c, "from", c->from, &f->from_ns) != CLI_OK)
		return CLI_USAGE;
	if (c->to && footage_time(f, c, "to", c->to, &f->to_ns) != CLI_OK)
		return CLI_USAGE;
	if (f->from_ns >= f->to_ns)
		return cli_usage(c, _("--from must lie before --to"));
	return CLI_OK;
}

static int open_failed(const struct footage *f, const struct cli *c, int err,
		       const struct errmsg *em)
{
	switch (err) {
	case -ENOENT:
		return cli_fail(c, _("there is no store in %s; say where it is with --store DIR"),
				f->dir);
	case -EACCES:
		return cli_fail(c,
				_("you may not read the store in %s; ask the administrator, or use "
				  "sudo (%s)"),
				f->dir, em->text);
	default: return cli_fail(c, _("the store cannot be read: %s"), em->text);
	}
}

int footage_open(struct footage *f, const struct cli *c)
{
	struct errmsg em = {""};
	struct timespec now;
	int err;

	memset(f, 0, sizeof(*f));
	clock_gettime(CLOCK_REALTIME, &now);
	f->now_ns = now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
	err = parse_range(f, c);
	if (err)
		return err;
	footage_store_dir(c, f->dir, sizeof(f->dir));
	err = reader_open(&f->reader, f->dir, &em);
	return err ? open_failed(f, c, err, &em) : CLI_OK;
}

void footage_close(struct footage *f)
{
	if (f->reader)
		reader_close(f->reader);
	f->reader = NULL;
}

static void say_cameras(const struct footage *f, const struct cli *c, const char *name)
{
	char list[384] = "";
	size_t n = reader_camera_count(f->reader), used = 0;

	if (n == 0) {
		cli_warn(c, _("there is no camera '%s': the store in %s is empty"), name, f->dir);
		return;
	}
	for (size_t i = 0; i < n && used < sizeof(list); i++) {
		int wrote = snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
				     reader_camera_at(f->reader, i).name);

		if (wrote < 0 || (size_t)wrote >= sizeof(list) - used) {
			snprintf(list + sizeof(list) - 8, 8, ", ...");
			break;
		}
		used += (size_t)wrote;
	}
	cli_warn(c, _("there is no camera '%s' in the store; there are: %s"), name, list);
}

uint32_t footage_camera(const struct footage *f, const struct cli *c, const char *name)
{
	uint32_t id = reader_camera_id(f->reader, name);

	if (!id)
		say_cameras(f, c, name);
	return id;
}

static int by_id(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int footage_cameras(const struct footage *f, const struct cli *c, struct footage_cameras *out)
{
	size_t n = reader_camera_count(f->reader);
	bool *chosen = calloc(n + 1, sizeof(*chosen));
	int code = CLI_OK;

	out->count = 0;
	out->id = calloc(n + 1, sizeof(*out->id));
	if (!out->id || !chosen) {
		code = cli_fail(c, _("out of memory"));
		goto out;
	}
	for (unsigned k = 0; k < c->ncameras; k++) {
		bool found = false;

		for (size_t i = 0; i < n; i++)
			if (!fnmatch(c->camera[k], reader_camera_at(f->reader, i).name, 0))
				found = chosen[i] = true;
		if (!found) {
			say_cameras(f, c, c->camera[k]);
			code = CLI_FAILED;
			goto out;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (chosen[i] || c->ncameras == 0)
			out->id[out->count++] = reader_camera_at(f->reader, i).id;
	qsort(out->id, out->count, sizeof(*out->id), by_id);
out:
	free(chosen);
	if (code != CLI_OK)
		footage_cameras_free(out);
	return code;
}

void footage_cameras_free(struct footage_cameras *s)
{
	free(s->id);
	s->id = NULL;
	s->count = 0;
}

size_t footage_cameras_index(const struct footage_cameras *s, uint32_t id)
{
	const uint32_t *at = s->count ? bsearch(&id, s->id, s->count, sizeof(id), by_id) : NULL;

	return at ? (size_t)(at - s->id) : s->count;
}

bool footage_cameras_has(const struct footage_cameras *s, uint32_t id)
{
	return footage_cameras_index(s, id) < s->count;
}

uint32_t footage_cameras_query(const struct footage_cameras *s)
{
	return s->count == 1 ? s->id[0] : RECORD_ANY_CAMERA;
}

int64_t footage_utc(const struct record *rec, int64_t mono_ns)
{
	int64_t utc;

	if (__builtin_sub_overflow(mono_ns, rec->mono_ns, &utc) ||
	    __builtin_add_overflow(utc, rec->utc_ns, &utc))
		return rec->utc_ns;
	return utc;
}

const char *footage_clock_name(enum record_clock clock)
{
	switch (clock) {
	case RECORD_CLOCK_SYNCED: return "synchronised";
	case RECORD_CLOCK_FREE: return "unsynchronised";
	case RECORD_CLOCK_UNKNOWN: break;
	}
	return "unknown";
}

const char *footage_clock_note(enum record_clock clock)
{
	switch (clock) {
	case RECORD_CLOCK_SYNCED: return "";
	case RECORD_CLOCK_FREE: return _("clock not synchronised");
	case RECORD_CLOCK_UNKNOWN: break;
	}
	return _("no clock reading: the time is not known");
}

void footage_uuid(char out[static FOOTAGE_UUID_SIZE], const uint8_t uuid[16])
{
	char *at = out;

	for (unsigned i = 0; i < 16; i++)
		at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			      uuid[i]);
}

json_t *footage_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (unsigned char *at = (unsigned char *)copy; *at; at++)
		if (*at >= 0x80)
			*at = '?';
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *footage_json_time(int64_t utc_ns)
{
	char text[TIMEFMT_MAX];

	timefmt_rfc3339(text, utc_ns, 3);
	return json_string(text);
}

bool footage_warn_passed_over(const struct cli *c, const struct reader_damage *d)
{
	if (d->records == 0 && d->segments == 0)
		return false;
	cli_warn(c,
		 _("part of the store is damaged and was passed over (records: %llu, segments: "
		   "%llu; first: %s); 'matlang store verify' tells all"),
		 (unsigned long long)d->records, (unsigned long long)d->segments, d->first);
	return true;
}

bool footage_warn_damage(const struct cli *c, const struct reader_cursor *cursor)
{
	struct reader_damage d;

	reader_cursor_damage(cursor, &d);
	return footage_warn_passed_over(c, &d);
}
