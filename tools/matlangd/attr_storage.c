/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: where, how much, how safe. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "capture/core/timefmt.h"
#include "storage/replace.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

static void stats(const struct attr_target *t, struct store_stats *s)
{
	store_stats(appliance_store(t->env->box), s);
}

static ATTR_SHOW(show_dir)
{
	/* A rebuild may have moved a part of it. */
	return attr_print(out, size, "%s",
			  t->env->box ? store_dirs(appliance_store(t->env->box))
				      : t->env->settings->store_dir);
}

static ATTR_STORE(store_dir)
{
	for (const char *dir = value; dir; dir = strchr(dir, ',')) {
		dir += *dir == ',';
		if (dir[0] != '/')
			return errmsg_set(em, -EINVAL, "\"%s\" does not begin with /", dir);
	}
	if (strlen(value) >= sizeof(t->env->settings->store_dir))
		return errmsg_set(em, -EINVAL, "the path is too long");
	strcpy(t->env->settings->store_dir, value);
	return 0;
}

static ATTR_STORE(store_commit_ms)
{
	int err = attr_box_store_unsigned(a, t, value, em);

	if (!err && t->env->box)
		store_set_commit_interval(appliance_store(t->env->box),
					  t->env->settings->commit_ms * NSEC_PER_MSEC);
	return err;
}

static ATTR_SHOW(show_state)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(out, size, "%s%s", s.trouble[0] ? "trouble: " : "ok", s.trouble);
}

static ATTR_SHOW(show_used_bytes)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(
		out, size, "%" PRIu64,
		s.segments ? (uint64_t)((double)s.capacity_bytes * s.segments_used / s.segments)
			   : 0);
}

static ATTR_SHOW(show_u32)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(out, size, "%" PRIu32, *(const uint32_t *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_oldest)
{
	char text[TIMEFMT_MAX];
	struct store_stats s;

	stats(t, &s);
	if (!s.oldest_utc_ns)
		return attr_print(out, size, "%s", "");
	timefmt_rfc3339(text, s.oldest_utc_ns, 0);
	return attr_print(out, size, "%s", text);
}

static ATTR_SHOW(show_waiting)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(out, size, "%zu", s.waiting_bytes);
}

static ATTR_SHOW(show_unsafe)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(out, size, "%" PRIu64,
			  s.appended > s.durable ? s.appended - s.durable : 0);
}

static ATTR_SHOW(show_overhead)
{
	struct store_stats s;
	double v = 0;

	stats(t, &s);
	if (s.payload_bytes && s.written_bytes > s.payload_bytes)
		v = 100.0 * (double)(s.written_bytes - s.payload_bytes) / (double)s.payload_bytes;
	return attr_print(out, size, "%.2f", v);
}

static ATTR_SHOW(show_commit_max)
{
	struct store_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.1f", (double)s.commit_max_ns / (double)NSEC_PER_MSEC);
}

#define COUNTER(name_, field_, unit_, help_)                                                  \
	{                                                                                     \
		.path = "storage/" name_, .type = ATTR_INT, .unit = unit_,                    \
		.show = attr_storage_show_u64, .field = offsetof(struct store_stats, field_), \
		.help = help_                                                                 \
	}
#define SEGMENTS(name_, help_)                                                                     \
	{                                                                                          \
		.path = "storage/" #name_, .type = ATTR_INT, .unit = "segments", .show = show_u32, \
		.field = offsetof(struct store_stats, name_), .help = help_                        \
	}

static const struct attr table[] = {
	{.path = "storage/dir",
	 .type = ATTR_TEXT,
	 .saved = true,
	 .max = PATH_MAX - 1,
	 .unit = "",
	 .def = BOX_STORE_DIR,
	 .show = show_dir,
	 .store = store_dir,
	 .help = "Folder of the store, made by `matlang store create`; of a store on several "
		 "disks, "
		 "its folders with commas between."},
	{.path = "storage/commit_ms",
	 .type = ATTR_INT,
	 .writable = true,
	 .saved = true,
	 .min = 100,
	 .max = 10000,
	 .unit = "ms",
	 .def = "1000",
	 .show = attr_box_show_unsigned,
	 .store = store_commit_ms,
	 .field = offsetof(struct box_settings, commit_ms),
	 .help = "At most this long until what was recorded survives a power cut."},
	{.path = "storage/state",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_state,
	 .help = "\"ok\", or \"trouble: \" and what is wrong with the store."},
	COUNTER("capacity_bytes", capacity_bytes, "bytes", "Space reserved for footage."),
	{.path = "storage/used_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_used_bytes,
	 .help = "Space that holds footage; once full it stays full, the oldest is recycled."},
	SEGMENTS(segments, "Segments the space is cut into."),
	SEGMENTS(segments_used, "Segments that hold footage."),
	SEGMENTS(segments_locked, "Segments that are locked against recycling."),
	COUNTER("recycled_segments", recycled_segments, "segments",
		"Segments of oldest footage given to new footage since start."),
	{.path = "storage/oldest",
	 .type = ATTR_TEXT,
	 .unit = "",
	 .show = show_oldest,
	 .help = "Time of the oldest footage, RFC 3339; empty when there is none."},
	COUNTER("appended", appended, "bytes", "Log position up to which records were appended."),
	COUNTER("durable", durable, "bytes",
		"Log position up to which everything survives a power cut."),
	{.path = "storage/unsafe_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_unsafe,
	 .help = "Appended but not yet durable: what a power cut now would take."},
	{.path = "storage/waiting_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_waiting,
	 .help = "Appended but not yet written: how far the disk is behind."},
	COUNTER("frames", frames, "frames", "Frames appended since start."),
	COUNTER("direct_frames", direct_frames, "frames",
		"Of these, written straight from the slot the camera filled."),
	COUNTER("gathered_frames", gathered_frames, "frames",
		"Of these, small ones that were copied once to be written together."),
	COUNTER("records", records, "records", "Records of all kinds appended since start."),
	COUNTER("payload_bytes", payload_bytes, "bytes", "Bytes of pictures appended since start."),
	COUNTER("written_bytes", written_bytes, "bytes", "Bytes written to the disk since start."),
	{.path = "storage/overhead",
	 .type = ATTR_DOUBLE,
	 .unit = "%",
	 .show = show_overhead,
	 .help = "What was written beyond the pictures, in percent of the pictures."},
	COUNTER("commits", commits, "commits", "Commits since start."),
	{.path = "storage/commit_max_ms",
	 .type = ATTR_DOUBLE,
	 .unit = "ms",
	 .show = show_commit_max,
	 .help = "The longest commit since start."},
	COUNTER("write_errors", write_errors, "errors",
		"Writes and flushes that the disk refused since start."),
};
const struct attr_part attr_part_storage = {table, ARRAY_SIZE(table)};
