/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks on footage: made and released by writing a line. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "capture/core/timefmt.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

#define LINE_MAX_BYTES 512

static const char how[] = "write: CAMERA FROM TO [by=WHO] WHY, for example \"gate-01 "
			  "2026-11-28T06:00+07:00 2026-11-28T07:00+07:00 case 17\"; CAMERA * "
			  "means all";

static ATTR_SHOW(show_lock)
{
	const struct store *s = appliance_store(t->env->box);
	const struct record_lock *l =
		store_lock_count(s) ? store_lock_at(s, store_lock_count(s) - 1) : NULL;

	return l ? attr_print(out, size, "%" PRIu64, l->number) : attr_print(out, size, "%s", "");
}

/* A camera that has footage or is to have some; one that nobody knows is a slip of the pen. */
static int parse_camera(const struct attr_target *t, const char *name, uint32_t *id,
			struct errmsg *em)
{
	int err = 0;

	*id = RECORD_ANY_CAMERA;
	if (strcmp(name, "*"))
		err = store_find_camera(appliance_store(t->env->box), name, id);
	if (err == -ENOENT && appliance_find_camera(t->env->box, name))
		err = store_camera(appliance_store(t->env->box), name, id);
	return err ? errmsg_set(em, err, "there is no camera \"%s\"; %s", name, how) : 0;
}

static char *word(char **rest)
{
	char *w = strsep(rest, " ");

	while (*rest && **rest == ' ')
		++*rest;
	return w;
}

static int parse_line(const struct attr_target *t, char *line, struct record_lock *l,
		      struct errmsg *em)
{
	char *camera = word(&line), *from = line ? word(&line) : NULL;
	char *to = line ? word(&line) : NULL, *who = NULL;
	struct monotime_sample now;
	int err = monotime_sample(&now);

	if (err)
		return errmsg_set(em, err, "the clock cannot be read: %s", strerror(-err));
	if (line && !strncmp(line, "by=", 3))
		who = word(&line) + 3;
	if (!line || !*line)
		return errmsg_set(em, -EINVAL, "%s", how);
	if (strlen(line) >= sizeof(l->why) || (who && strlen(who) >= sizeof(l->who)))
		return errmsg_set(em, -EINVAL, "WHY takes %d bytes, WHO %d", RECORD_LOCK_WHY,
				  RECORD_LOCK_WHO);
	*l = (struct record_lock){.created_utc_ns = now.utc_ns};
	strcpy(l->why, line);
	strcpy(l->who, who ? who : "");
	err = parse_camera(t, camera, &l->camera_id, em);
	if (!err)
		err = timefmt_parse(from, now.utc_ns, &l->from_utc_ns, em);
	if (!err)
		err = timefmt_parse(to, now.utc_ns, &l->to_utc_ns, em);
	if (!err && l->from_utc_ns >= l->to_utc_ns)
		err = errmsg_set(em, -EINVAL, "FROM must lie before TO; %s", how);
	return err;
}

static ATTR_STORE(store_lock)
{
	char line[LINE_MAX_BYTES + 1];
	struct record_lock l;
	uint64_t number;
	unsigned segments;

	snprintf(line, sizeof(line), "%s", value);
	int err = parse_line(t, line, &l, em);

	if (err)
		return err;
	err = store_lock_add(appliance_store(t->env->box), &l, &number, &segments);
	if (err == -ENOSPC)
		return errmsg_set(em, err,
				  "there is no room to note one more lock: release one first "
				  "(matlang locks)");
	return err ? errmsg_set(em, err, "the lock could not be noted: %s", strerror(-err)) : 0;
}

static ATTR_SHOW(show_unlock)
{
	return attr_print(out, size, "%s", "");
}

/* The log book tells who let go of evidence. */
static void note_release(const struct attr_target *t, int64_t number)
{
	char line[64];

	snprintf(line, sizeof(line), "lock %" PRId64 " released", number);
	appliance_log(t->env->box, LOG_NOTICE, "%s", line);
	if (store_append_note(appliance_store(t->env->box), RECORD_NO_CAMERA, line))
		appliance_log(t->env->box, LOG_WARNING,
			      "the release could not be noted in the store");
}

static ATTR_STORE(store_unlock)
{
	int64_t number;
	int err = attr_value_int(value, &number);

	if (err || number < 1)
		return errmsg_set(em, -EINVAL,
				  "\"%s\" is not the number of a lock: see matlang locks", value);
	err = store_lock_remove(appliance_store(t->env->box), (uint64_t)number);
	if (err == -ENOENT)
		return errmsg_set(em, err, "there is no lock %" PRId64 ": see matlang locks",
				  number);
	if (err)
		return errmsg_set(em, err, "the lock could not be released: %s", strerror(-err));
	note_release(t, number);
	return 0;
}

static ATTR_SHOW(show_locks)
{
	return attr_print(out, size, "%zu", store_lock_count(appliance_store(t->env->box)));
}

static ATTR_SHOW(show_locked_bytes)
{
	struct store_stats s;

	store_stats(appliance_store(t->env->box), &s);
	return attr_print(out, size, "%" PRIu64,
			  s.segments ? s.capacity_bytes / s.segments * s.segments_locked : 0);
}

static ATTR_SHOW(show_full_in)
{
	struct store_stats s;

	store_stats(appliance_store(t->env->box), &s);
	return s.stops_ns ? attr_print(out, size, "%.1f",
				       (double)s.stops_ns / (3600.0 * (double)NSEC_PER_SEC))
			  : attr_print(out, size, "%s", "");
}

static ATTR_STORE(store_warn_days)
{
	int err = attr_box_store_unsigned(a, t, value, em);

	if (!err && t->env->box)
		store_set_warning(appliance_store(t->env->box),
				  t->env->settings->warn_days * 86400 * NSEC_PER_SEC);
	return err;
}

static const struct attr table[] = {
	{.path = "storage/lock",
	 .type = ATTR_TEXT,
	 .writable = true,
	 .max = LINE_MAX_BYTES,
	 .unit = "",
	 .show = show_lock,
	 .store = store_lock,
	 .help = "Write `CAMERA FROM TO [by=WHO] WHY` to keep that footage until it is released, "
		 "whatever is recycled; TO may lie in the future. Shows the newest lock's number."},
	{.path = "storage/unlock",
	 .type = ATTR_TEXT,
	 .writable = true,
	 .max = 20,
	 .unit = "",
	 .show = show_unlock,
	 .store = store_unlock,
	 .help = "Write the number of a lock to release it."},
	{.path = "storage/locks",
	 .type = ATTR_INT,
	 .unit = "locks",
	 .show = show_locks,
	 .help = "Locks that stand; `matlang locks` lists them."},
	{.path = "storage/full_in_hours",
	 .type = ATTR_DOUBLE,
	 .unit = "h",
	 .show = show_full_in,
	 .help = "Until locked footage leaves no room and recording stops, at today's rate; empty "
		 "when that is not foreseen."},
	{.path = "storage/full_warning_days",
	 .type = ATTR_INT,
	 .writable = true,
	 .saved = true,
	 .min = 1,
	 .max = 90,
	 .unit = "days",
	 .def = "7",
	 .show = attr_box_show_unsigned,
	 .store = store_warn_days,
	 .field = offsetof(struct box_settings, warn_days),
	 .help = "So long before locked footage leaves no room the box is in trouble and says so."},
	{.path = "storage/locked_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_locked_bytes,
	 .help = "Space that locked footage takes."},
};
const struct attr_part attr_part_lock = {table, ARRAY_SIZE(table)};
